// policy/text/wordcache.h -- pieces seen before and their ids, shared by all threads.
//
// Layer 2 (policy/text). A table of a fixed number of places; what is in one stays until the cache
// is freed, so a reader needs no lock and results do not depend on what others encode. No error
// leaves this file.
#ifndef POLICY_FILES_WORDCACHE_H
#define POLICY_FILES_WORDCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WORDCACHE_BYTES = 32, WORDCACHE_IDS = 12 }; // longest word, most ids that are kept

typedef struct WordCache WordCache;
WordCache *wordcache_new(void);
void wordcache_free(WordCache *cache); // NULL is fine

uint64_t wordcache_hash(const char *word, size_t size);
// The ids of a word and how many; NULL if it is not there.
const int32_t *wordcache_find(const WordCache *cache, uint64_t hash, const char *word, size_t size,
                              int *n);
// Keeps the word if there is a place for it.
void wordcache_keep(WordCache *cache, uint64_t hash, const char *word, size_t size,
                    const int32_t *ids, int n);

#ifdef __cplusplus
}
#endif
#endif
