// policy/text/wordcache.c -- an open table of pointers that are set once.
#include "policy/text/wordcache.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

enum { PLACES = 1 << 16, TRIES = 4 };

typedef struct CachedWord {
    uint64_t hash;
    uint8_t size, n;
    int32_t id[WORDCACHE_IDS];
    char bytes[WORDCACHE_BYTES];
} CachedWord;

struct WordCache {
    _Atomic(CachedWord *) place[PLACES + TRIES];
};

WordCache *wordcache_new(void) {
    WordCache *cache = calloc(1, sizeof *cache);
    CHECK(cache != NULL);
    return cache;
}

void wordcache_free(WordCache *cache) {
    if (!cache) return;
    for (size_t i = 0; i < PLACES + TRIES; i++) free(atomic_load(&cache->place[i]));
    free(cache);
}

uint64_t wordcache_hash(const char *word, size_t size) {
    uint64_t h = 0x9e3779b97f4a7c15u * (size + 1);
    while (size >= 8) {
        uint64_t x;
        memcpy(&x, word, 8);
        h = (h ^ x) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
        word += 8;
        size -= 8;
    }
    uint64_t x = 0;
    for (size_t i = 0; i < size; i++) x = x << 8 | (unsigned char)word[i];
    h = (h ^ x) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

const int32_t *wordcache_find(const WordCache *cache, uint64_t hash, const char *word, size_t size,
                              int *n) {
    for (size_t i = hash % PLACES, end = i + TRIES; i < end; i++) {
        // the pointer is only ever set, and read through a const cache
        CachedWord *w =
            atomic_load_explicit((_Atomic(CachedWord *) *)&cache->place[i], memory_order_acquire);
        if (!w) return NULL;
        if (w->hash == hash && w->size == size && memcmp(w->bytes, word, size) == 0) {
            *n = w->n;
            return w->id;
        }
    }
    return NULL;
}

void wordcache_keep(WordCache *cache, uint64_t hash, const char *word, size_t size,
                    const int32_t *ids, int n) {
    if (size > WORDCACHE_BYTES || n > WORDCACHE_IDS) return;
    for (size_t i = hash % PLACES, end = i + TRIES; i < end; i++) {
        if (atomic_load_explicit(&cache->place[i], memory_order_relaxed)) continue;
        CachedWord *w = malloc(sizeof *w), *none = NULL;
        CHECK(w != NULL);
        w->hash = hash;
        w->size = (uint8_t)size;
        w->n = (uint8_t)n;
        if (n) memcpy(w->id, ids, (size_t)n * sizeof *ids);
        memcpy(w->bytes, word, size);
        if (!atomic_compare_exchange_strong(&cache->place[i], &none, w)) free(w);
        return;
    }
}
