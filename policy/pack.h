// policy/pack.h -- which tokens go through the model together, without copying any.
//
// Floor 2 (policy). A Pack is a list of sequences, each a range of a token array that somebody else
// owns (a Batch, a corpus). Any subset in any order is a Pack, so mini-batches and balancing copy
// nothing. Results are per PACKED token: sequence s, its t-th token -> index offset[s] + t.
// Sequences that begin alike may share those tokens: they are computed once, with the bits that
// every sequence would have alone, and have a packed index in every sequence all the same.
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

// The first `tokens` tokens of a sequence are those of the sequence `back` places before it, its
// leader, which has them computed; 0, 0: nothing is shared.
typedef struct Shared {
    int back, tokens;
} Shared;

typedef struct Pack {
    const int32_t *token; // the whole array the sequences point into
    const uint8_t *want;  // same indexing as token: 1 = its log-probability is wanted (a trained
                          // token). The first token of a sequence has none and is never wanted.
    const Seq *seq;       // [n_seqs]
    const int *offset;    // [n_seqs + 1] packed offsets; offset[n_seqs] = n_tokens
    const Shared *shared; // [n_seqs], or NULL: nothing is shared
    int n_seqs, n_tokens;
    int n_rows; // tokens that are computed: n_tokens without what is shared
    int n_want; // wanted tokens
} Pack;

// New tokens of a sequence whose past is in pages of the cache.
enum { KV_PAGE_TOKENS = 16 };
typedef struct DecodeSeq {
    const int32_t *token; // [n_new] appended at positions pos .. pos+n_new-1
    int n_new, pos;       // pos = tokens already cached
    const int32_t *page;  // page of position p is page[p / KV_PAGE_TOKENS]; must cover pos+n_new
    int n_logits; // logits of the last n_logits new positions are wanted; 0 = only fill the cache
    int id;       // the caller's number
    // NULL, or [n_new, MoE layers, k]: gets the experts of each new token, ascending.
    int16_t *route;
} DecodeSeq;

// Fills a Pack over `seq` (borrowed); the offsets live in the arena. Nothing is shared.
Pack pack_make(const int32_t *token, const uint8_t *want, const Seq *seq, int n_seqs, Arena *arena);

// Lets neighbours of one group (group[s] is the group number of sequence s) share what they begin
// with: a sequence shares the tokens that it has in common with its leader, the group's first
// sequence, or becomes the leader of those behind it if there are none. The token before its first
// wanted one stays its own, as its logits are wanted, and so does its last token.
void pack_share(Pack *pack, const int *group, Arena *arena);

// Of sequence s of a pack that may be a piece of a larger one: how many tokens it shares, and with
// which sequence of the piece (itself if none).
int pack_shared(const Pack *pack, int s, int *leader);

// A piece of `all` from sequence `begin` on: as many as have at most max_rows rows together, one at
// least. It borrows the arrays of `all`; its offsets begin at all->offset[begin].
Pack pack_piece(const Pack *all, int begin, int max_rows);

// The unit of gradient arithmetic (DESIGN section 5, rule 5): cuts `seq` into chunks of whole
// groups. group[s] is the group number of sequence s, non-decreasing (NULL: every sequence its own
// group). A chunk takes groups while it holds at most chunk_tokens tokens; a larger group is cut by
// sequences, and what is left of it goes with the groups behind it; a larger sequence is a chunk
// alone. Neighbours of a group share what they begin with (pack_share), and a shared token counts
// once in a chunk. A function of its arguments only: never of memory, threads or ranks.
// Result: array of *n_chunks Packs in the arena.
Pack *pack_chunks(const int32_t *token, const uint8_t *want, const Seq *seq, const int *group,
                  int n_seqs, int chunk_tokens, int *n_chunks, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
