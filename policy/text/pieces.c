// policy/text/pieces.c -- a growing array.
#include "policy/text/pieces.h"

#include <stdlib.h>

#include "base/status.h"

void pieces_add(Pieces *p, size_t begin, size_t end) {
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 64;
        p->piece = (TextPiece *)realloc(p->piece, p->cap * sizeof *p->piece);
        CHECK(p->piece != NULL);
    }
    p->piece[p->n++] = (TextPiece){begin, end, false};
}

void pieces_free(Pieces *pieces) {
    str_free(&pieces->own);
    free(pieces->piece);
    free(pieces->spare);
    *pieces = (Pieces){0};
}
