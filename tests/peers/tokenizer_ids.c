// tests/peers/tokenizer_ids.c -- texts on standard input (i32 size, bytes) to lines of ids, for
// tokenizer_parity.py.
#include <stdio.h>
#include <stdlib.h>

#include "policy/io/tokenizer.h"

int main(int argc, char **argv) {
    Tokenizer *tokenizer = NULL;
    if (argc != 2 || tokenizer_load(argv[1], &tokenizer) != ST_OK) {
        fprintf(stderr, "%s\n", status_text());
        return 1;
    }
    Arena *arena = arena_new(1 << 16);
    int32_t size;
    while (fread(&size, sizeof size, 1, stdin) == 1 && size >= 0) {
        ArenaMark mark = arena_mark(arena);
        char *text = ARENA_ARRAY(arena, char, size + 1);
        int32_t *ids;
        int n;
        if (fread(text, 1, (size_t)size, stdin) != (size_t)size ||
            tokenizer_encode(tokenizer, text, (size_t)size, true, true, &ids, &n, arena) != ST_OK)
            return 1;
        for (int i = 0; i < n; i++) printf("%d ", ids[i]);
        printf("\n");
        arena_rewind(arena, mark);
    }
    arena_free(arena);
    tokenizer_free(tokenizer);
    return 0;
}
