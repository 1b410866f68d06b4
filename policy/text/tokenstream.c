// policy/text/tokenstream.c -- holds back at most three bytes.
#include "policy/text/tokenstream.h"

#include <string.h>

// How many bytes the character that begins with these has; 0: they begin none.
static size_t whole_size(const unsigned char *s, size_t n) {
    unsigned char a = s[0];
    if (a < 0x80) return 1;
    size_t size = a >= 0xC2 && a < 0xE0   ? 2
                  : a >= 0xE0 && a < 0xF0 ? 3
                  : a >= 0xF0 && a < 0xF5 ? 4
                                          : 0;
    if (n < 2 || size == 0) return size;
    unsigned low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    unsigned high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n && i < size; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return size;
}

static void give(TokenStream *stream, bool last, Str *out) {
    unsigned char *held = (unsigned char *)stream->held;
    while (stream->n_held > 0) {
        size_t size = whole_size(held, stream->n_held), take = size;
        if (size > stream->n_held && !last) return;
        if (size == 0 || size > stream->n_held) {
            str_puts(out, "\xEF\xBF\xBD");
            take = 1;
        } else {
            str_add(out, held, size);
        }
        stream->n_held -= take;
        memmove(held, held + take, stream->n_held);
    }
}

void tokenstream_add(TokenStream *stream, int32_t id, Str *out) {
    if (stream->skip_special && tokenizer_is_special(stream->tokenizer, id)) return;
    size_t size;
    const char *bytes = tokenizer_text(stream->tokenizer, id, !stream->begun, &size);
    stream->begun = true;
    for (size_t i = 0; i < size; i++) {
        stream->held[stream->n_held++] = bytes[i];
        give(stream, false, out);
    }
}

void tokenstream_end(TokenStream *stream, Str *out) {
    give(stream, true, out);
    stream->begun = false;
}
