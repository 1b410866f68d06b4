// tests/fuzz_tokenizer.c -- any bytes as tokenizer.json, and any text through real tokenizers.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text/tokenizer.h"
#include "policy/text/tokenstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A stream gives whole characters, and all that decoding gives.
static void stream(const Tokenizer *t, const int32_t *ids, int n, const Str *decoded) {
    TokenStream s = {.tokenizer = t};
    Str all = {0};
    for (int i = 0; i < n; i++) {
        tokenstream_add(&s, ids[i], &all);
        if (!str_is_utf8(str_text(&all), all.size, NULL)) abort();
    }
    tokenstream_end(&s, &all);
    bool valid = str_is_utf8(str_text(decoded), decoded->size, NULL);
    if (valid &&
        (all.size != decoded->size || memcmp(str_text(&all), str_text(decoded), all.size) != 0))
        abort();
    str_free(&all);
}

static void round_trip(const Tokenizer *t, const char *text, size_t size, bool exact,
                       bool streamed) {
    Arena *arena = arena_new(1 << 12);
    int32_t *ids;
    int n;
    Str out = {0};
    if (tokenizer_encode(t, text, size, true, true, &ids, &n, arena) != ST_OK) abort();
    tokenizer_decode(t, ids, n, false, &out);
    if (exact && (out.size != size || (size && memcmp(out.data, text, size) != 0))) abort();
    if (streamed) stream(t, ids, n, &out);
    str_free(&out);
    arena_free(arena);
}

enum { FIXED = 6, EXACT = 3 };

// The first byte chooses: a tokenizer.json, or a text for one of the fixed tokenizers.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Tokenizer *fixed[FIXED];
    static const char *const path[FIXED] = {
        "datasets/desk/tokenizer.json",        "tests/golden/tokenizer/deepseek.json",
        "tests/golden/tokenizer/smollm2.json", "tests/golden/tokenizer/qwen2.json",
        "tests/golden/tokenizer/llama2.json",  "tests/golden/tokenizer/metaspace.json"};
    if (!fixed[0])
        for (int i = 0; i < FIXED; i++)
            if (tokenizer_load(path[i], &fixed[i]) != ST_OK) {
                fprintf(stderr, "%s\n", status_text());
                abort();
            }
    if (size == 0) return 0;
    int which = data[0] % 16;
    if (which < 12) {
        which %= FIXED;
        round_trip(fixed[which], (const char *)data + 1, size - 1, which < EXACT, true);
        return 0;
    }
    Tokenizer *t = NULL;
    if (tokenizer_parse((const char *)data + 1, size - 1, "fuzz", &t) == ST_OK)
        round_trip(t, "a 1 \xff <eos> caf\xc3\xa9", 15, false, false);
    tokenizer_free(t);
    return 0;
}
