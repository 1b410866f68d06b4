// policy/text/bpe.h -- byte-pair merging by rank over a fixed vocabulary of byte strings.
//
// Layer 2 (policy/text). The vocabulary and the merges are filled once; after that a Bpe is
// read-only and serves all threads. Formula: Sennrich et al. 2016; of all adjacent pairs that have
// a rank, the lowest rank merges first, the leftmost among equals. Short pieces are scanned, long
// ones take a heap of candidates over a linked list of symbols, O(n log n). No error leaves this
// file.
#ifndef POLICY_FILES_BPE_H
#define POLICY_FILES_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Bpe Bpe;

// A list of ids that grows; zeroed = empty. ids_free gives the memory back.
typedef struct TokenIds {
    int32_t *id;
    size_t n, cap;
} TokenIds;
void ids_add(TokenIds *ids, int32_t id);
void ids_free(TokenIds *ids);

// What a piece is made of before anything merges. For `chars` the vocabulary holds characters, else
// bytes. A symbol that is not there becomes the tokens of its bytes (chars only), else `unknown`,
// else nothing.
typedef struct BpeRules {
    bool chars;
    bool whole_first;        // a piece that is a token is taken as it is (ignore_merges)
    bool fuse_unknown;       // unknown symbols in a row are one token
    bool fallback;           // byte_token is meant
    int32_t unknown;         // -1: none
    int32_t byte_token[256]; // of a byte of a character that is not there; -1: none
} BpeRules;

// Scratch of one thread, reused from piece to piece; zeroed = empty.
typedef struct BpeWork {
    struct BpeSymbol *symbol;
    struct BpeMerge *heap;
    size_t cap;
} BpeWork;
void bpe_work_free(BpeWork *work);

// Room for so many tokens and merges; lives in the arena.
Bpe *bpe_new(size_t max_tokens, size_t max_merges, Arena *arena);
// Keeps a view of `bytes`. False: the same bytes are there already (then nothing changes).
bool bpe_add_token(Bpe *bpe, const char *bytes, size_t size, int32_t id);
// Id of exactly these bytes; -1 if none.
int32_t bpe_find(const Bpe *bpe, const char *bytes, size_t size);
// The next merge in order of rank: left, right -> whole. Of equal pairs the last one counts.
void bpe_add_merge(Bpe *bpe, int32_t left, int32_t right, int32_t whole);
// Appends the ids of one piece; valid UTF-8 if rules->chars.
void bpe_encode(const Bpe *bpe, const BpeRules *rules, const char *bytes, size_t size,
                BpeWork *work, TokenIds *out);

#ifdef __cplusplus
}
#endif
#endif
