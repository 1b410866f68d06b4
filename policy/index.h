// policy/index.h -- the integers of one unit: which rows it has, whose they are, what is wanted.
//
// Layer 2 (policy). A unit is what goes through the model together: a chunk, a block of sequences
// to score, or a batch of sequences to decode. Its Index is host data, written by plain loops; its
// activations (policy/net.h) are device data. The Index is copied once a unit, where the backend
// wants it on the device.
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "policy/device.h"
#include "policy/pack.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Index {
    int32_t *host;      // one block; it grows as units ask
    DeviceByte *device; // of index_ints(rows, seqs, pages) integers, or NULL
    size_t cap, used;   // integers
    int n_rows, n_seqs, n_want;

    Ints token, pos; // [n_rows]
    // Of a sequence: its first row; the position of that row; the sequence whose first rows are its
    // keys before that (itself if none). Decoding: the keys before are in its pages.
    Ints offset, pos0, leader; // [n_seqs + 1], [n_seqs], [n_seqs]
    Ints times;                // [n_rows] sequences that a row is part of (shared prompts)
    Ints page;                 // [n_seqs * page_stride] decoding only
    Ints from;                 // [n_rows] an MTP module's: the row whose state a row continues
    int page_stride;
    // The row that predicts a wanted token, ascending, and the token. Decoding: the rows whose
    // logits are wanted; there is no token.
    Ints want_row, want_token; // [n_want]
    // Host alone: a sequence's packed index in the unit [n_seqs]; a wanted token's, or decoding the
    // sequence of a wanted row [n_want].
    int32_t *packed, *want_at;
} Index;

// Integers that units of up to `rows` rows, `seqs` sequences and `pages` entries of page tables
// need.
size_t index_ints(int rows, int seqs, int pages);
// The rows of a pack that a unit holds: tokens that sequences do not share, in order.
void index_pack(Index *ix, const Pack *pack);
// The rows of an MTP module over the same pack: row t of a sequence has the token at t + ahead,
// continues row t of the module before it (ahead - 1; 0: the unit itself) and predicts the token at
// t + ahead + 1. The pack shares nothing. ahead 0: index_pack.
void index_ahead(Index *ix, const Pack *pack, int ahead);
// New tokens of sequences, and the rows whose logits are wanted.
void index_decode(Index *ix, const DecodeSeq *seq, int n_seqs);
// The same for the rows of an MTP module, which continue rows from[s], from[s] + 1, .. of the step
// before; NULL: its own.
void index_draft(Index *ix, const DecodeSeq *seq, int n_seqs, const int *from);
void index_free(Index *ix);

#ifdef __cplusplus
}
#endif
#endif
