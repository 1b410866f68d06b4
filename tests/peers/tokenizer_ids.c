// tests/peers/tokenizer_ids.c -- texts on standard input to ids, and back, for tokenizer_parity.py.
//
// In: i32 size, bytes, for every text. Out: i32 n, n ids, i32 size, the decoded bytes. The seconds
// of encoding alone go to stderr, once cold and once more over the same texts.
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "policy/text/tokenizer.h"

typedef struct Text {
    char *data;
    int32_t size;
} Text;

static size_t read_texts(Text **out, Arena *arena) {
    size_t n = 0, cap = 0;
    int32_t size;
    while (fread(&size, sizeof size, 1, stdin) == 1 && size >= 0) {
        if (n == cap) *out = realloc(*out, (cap = cap ? 2 * cap : 1024) * sizeof **out);
        (*out)[n] = (Text){ARENA_ARRAY(arena, char, size + 1), size};
        if (fread((*out)[n++].data, 1, (size_t)size, stdin) != (size_t)size) exit(1);
    }
    return n;
}

int main(int argc, char **argv) {
    Tokenizer *t = NULL;
    double begin = clock_now();
    if (argc != 2 || tokenizer_load(argv[1], &t) != ST_OK) {
        fprintf(stderr, "%s\n", status_text());
        return 1;
    }
    double load = clock_now() - begin, seconds[2];
    Arena *arena = arena_new(1 << 20);
    Text *text = NULL;
    size_t n = read_texts(&text, arena);
    for (int pass = 0; pass < 2; pass++) {
        begin = clock_now();
        for (size_t i = 0; i < n; i++) {
            ArenaMark mark = arena_mark(arena);
            int32_t *ids;
            int n_ids;
            if (tokenizer_encode(t, text[i].data, (size_t)text[i].size, true, true, &ids, &n_ids,
                                 arena) != ST_OK)
                return 1;
            arena_rewind(arena, mark);
        }
        seconds[pass] = clock_now() - begin;
    }
    Str out = {0};
    for (size_t i = 0; i < n; i++) {
        ArenaMark mark = arena_mark(arena);
        const int32_t *eos;
        int32_t *ids, n_ids, n_eos = tokenizer_eos(t, &eos);
        if (tokenizer_encode(t, text[i].data, (size_t)text[i].size, true, true, &ids, &n_ids,
                             arena) != ST_OK)
            return 1;
        int32_t n_all = n_ids + n_eos;
        fwrite(&n_all, sizeof n_all, 1, stdout);
        fwrite(ids, sizeof *ids, (size_t)n_ids, stdout);
        fwrite(eos, sizeof *eos, (size_t)n_eos, stdout);
        str_clear(&out);
        tokenizer_decode(t, ids, n_ids, true, &out);
        int32_t size = (int32_t)out.size;
        fwrite(&size, sizeof size, 1, stdout);
        fwrite(str_text(&out), 1, out.size, stdout);
        arena_rewind(arena, mark);
    }
    fprintf(stderr, "%f %f %f", load, seconds[0], seconds[1]);
    str_free(&out);
    free(text);
    arena_free(arena);
    tokenizer_free(t);
    return 0;
}
