// tests/fuzz_tokenizer.c -- any bytes as tokenizer.json, and any text through a real tokenizer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/io/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const Tokenizer *t, const char *text, size_t size, bool exact) {
    Arena *arena = arena_new(1 << 12);
    int32_t *ids;
    int n;
    Str out = {0};
    if (tokenizer_encode(t, text, size, true, true, &ids, &n, arena) != ST_OK) abort();
    tokenizer_decode(t, ids, n, false, &out);
    if (exact && (out.size != size || (size && memcmp(out.data, text, size) != 0))) abort();
    str_free(&out);
    arena_free(arena);
}

// The first byte chooses: a tokenizer.json, or a text for one of three tokenizers.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static Tokenizer *fixed[3];
    static const char *const path[3] = {"datasets/desk/tokenizer.json",
                                        "tests/golden/tokenizer/deepseek.json",
                                        "tests/golden/tokenizer/qwen2.json"};
    if (!fixed[0])
        for (int i = 0; i < 3; i++)
            if (tokenizer_load(path[i], &fixed[i]) != ST_OK) {
                fprintf(stderr, "%s\n", status_text());
                abort();
            }
    if (size == 0) return 0;
    int which = data[0] % 4;
    if (which < 3) {
        round_trip(fixed[which], (const char *)data + 1, size - 1, which < 2);
        return 0;
    }
    Tokenizer *t = NULL;
    if (tokenizer_parse((const char *)data + 1, size - 1, "fuzz", &t) == ST_OK)
        round_trip(t, "a 1 \xff <eos> caf\xc3\xa9", 15, false);
    tokenizer_free(t);
    return 0;
}
