// policy/text/pieces.h -- a list of pieces of a text, none of which BPE merges across.
//
// Layer 2 (policy/text). What pre-tokenization reads and writes, step by step.
#ifndef POLICY_TEXT_PIECES_H
#define POLICY_TEXT_PIECES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TextPiece {
    size_t begin, end; // bytes of Pieces.text
    bool bytes;        // every byte is a token of its own; nothing merges
} TextPiece;

// Zeroed = empty; reused from text to text by one thread.
typedef struct Pieces {
    // What the pieces point into: the text itself, or `own` where a step adds to it.
    const char *text;
    TextPiece *piece;
    size_t n, cap;
    Str own;
    TextPiece *spare; // of the step before
    size_t spare_cap;
} Pieces;
void pieces_add(Pieces *pieces, size_t begin, size_t end); // one that may merge; not an empty one
void pieces_free(Pieces *pieces);

#ifdef __cplusplus
}
#endif
#endif
