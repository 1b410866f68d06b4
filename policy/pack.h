// policy/pack.h -- which tokens go through the model together, without copying any.
//
// Floor 2 (policy). A Pack is a list of sequences, each a range of a token array that somebody else
// owns (a Batch, a corpus). Any subset in any order is a Pack, so mini-batches and balancing copy
// nothing. Results are per PACKED token: sequence s, its t-th token -> index offset[s] + t.
#ifndef POLICY_PACK_H
#define POLICY_PACK_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Seq {
    int begin, end; // tokens token[begin] .. token[end-1]; end > begin
    int id;         // the caller's number for it (sample index); the policy carries it along
} Seq;

typedef struct Pack {
    const int32_t *token; // the whole array the sequences point into
    const uint8_t *want;  // same indexing as token: 1 = its log-probability is wanted (a trained
                          // token). The first token of a sequence has none and is never wanted.
    const Seq *seq;       // [n_seqs]
    const int *offset;    // [n_seqs + 1] packed offsets; offset[n_seqs] = n_tokens
    int n_seqs, n_tokens;
    int n_want; // wanted tokens
} Pack;

// Fills a Pack over `seq` (borrowed); the offsets live in the arena.
Pack pack_make(const int32_t *token, const uint8_t *want, const Seq *seq, int n_seqs, Arena *arena);

// The unit of gradient arithmetic (DESIGN section 5, rule 5): cuts `seq` into chunks of whole
// groups. group[s] is the group number of sequence s, non-decreasing (NULL: every sequence its own
// group). A chunk takes groups while it holds at most chunk_tokens tokens; a larger group is cut by
// sequences, and what is left of it goes with the groups behind it; a larger sequence is a chunk
// alone. A function of its arguments only: never of memory, threads or ranks. Result: array
// of *n_chunks Packs in the arena.
Pack *pack_chunks(const int32_t *token, const uint8_t *want, const Seq *seq, const int *group,
                  int n_seqs, int chunk_tokens, int *n_chunks, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
