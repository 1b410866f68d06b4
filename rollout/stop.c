// rollout/stop.c -- stop tokens, stop texts read backwards from the last token, loops, length.
#include "rollout/stop.h"

#include <string.h>

bool stop_is_token(const StopRules *rules, int32_t token) {
    for (int i = 0; i < rules->n_tokens; i++)
        if (rules->token[i] == token) return true;
    return false;
}

// A model's vocabulary may be padded past the tokenizer's: such a token has no bytes.
static const char *bytes_of(const Tokenizer *tokenizer, int32_t id, size_t *size) {
    *size = 0;
    if (id < 0 || id >= tokenizer_size(tokenizer)) return "";
    const char *bytes = tokenizer_bytes(tokenizer, id, size);
    return bytes ? bytes : "";
}

// Do the bytes of response[0..n), without the last `skip` of them, end with text?
static bool ends_with(const Tokenizer *tokenizer, const int32_t *response, int n, size_t skip,
                      const char *text) {
    size_t left = strlen(text);
    while (left > 0 && n > 0) {
        size_t size;
        const char *bytes = bytes_of(tokenizer, response[--n], &size);
        size = size > skip ? size - skip : 0;
        skip = 0;
        size_t take = size < left ? size : left;
        if (memcmp(bytes + size - take, text + left - take, take) != 0) return false;
        left -= take;
    }
    return left == 0;
}

int stop_text_at(const StopRules *rules, const int32_t *response, int n) {
    if (rules->n_texts == 0) return -1;
    size_t size;
    bytes_of(rules->tokenizer, response[n - 1], &size);
    for (int i = 0; i < rules->n_texts; i++)
        for (size_t skip = 0; skip < size; skip++)
            if (ends_with(rules->tokenizer, response, n, skip, rules->text[i])) return i;
    return -1;
}

bool stop_repeats(const int32_t *response, int n, int window) {
    if (window < 2 || n < window) return false;
    const int32_t *tail = response + n - window;
    for (int period = 1; period <= STOP_PERIOD_MAX && 2 * period <= window; period++) {
        int i = window - 1; // from the newest: most windows differ at once
        while (i >= period && tail[i] == tail[i - period]) i--;
        if (i < period) return true;
    }
    return false;
}

Finish stop_check(const StopRules *rules, const int32_t *response, int n) {
    if (stop_is_token(rules, response[n - 1])) return FINISH_STOP;
    if (stop_text_at(rules, response, n) >= 0) return FINISH_STOP;
    if (stop_repeats(response, n, rules->repeat_window)) return FINISH_REPEAT;
    return n >= rules->max_new_tokens ? FINISH_LENGTH : FINISH_NONE;
}
