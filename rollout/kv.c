// rollout/kv.c -- reference counts, a bitmap of free pages, and page tables over both.
#include "rollout/kv.h"

#include <stdlib.h>
#include <string.h>

struct Kv {
    int n_pages, n_held, peak;
    uint32_t version;
    int *refs;         // [n_pages]
    uint32_t *made_by; // [n_pages] version of the weights
    uint64_t *free;    // bit p % 64 of word p / 64: page p is free
    int first_word;    // no word before it has a free page
};

Kv *kv_new(int n_pages) {
    CHECK(n_pages > 0);
    Kv *kv = calloc(1, sizeof *kv);
    size_t n = (size_t)n_pages, n_words = (n + 63) / 64;
    CHECK(kv);
    kv->n_pages = n_pages;
    kv->refs = calloc(n, sizeof *kv->refs);
    kv->made_by = calloc(n, sizeof *kv->made_by);
    kv->free = calloc(n_words, sizeof *kv->free);
    CHECK(kv->refs && kv->made_by && kv->free);
    for (int p = 0; p < n_pages; p++) kv->free[p / 64] |= (uint64_t)1 << (p % 64);
    return kv;
}

void kv_free(Kv *kv) {
    if (!kv) return;
    CHECK(kv->n_held == 0);
    free(kv->refs);
    free(kv->made_by);
    free(kv->free);
    free(kv);
}

void kv_flush(Kv *kv, uint32_t version) {
    CHECK(kv->n_held == 0);
    kv->version = version;
    kv->peak = 0;
}

int kv_pages_free(const Kv *kv) {
    return kv->n_pages - kv->n_held;
}

int kv_pages_held(const Kv *kv) {
    return kv->n_held;
}

int kv_pages_peak(const Kv *kv) {
    return kv->peak;
}

int kv_refs(const Kv *kv, int page) {
    CHECK(page >= 0 && page < kv->n_pages);
    return kv->refs[page];
}

int kv_take(Kv *kv) {
    if (kv->n_held == kv->n_pages) return -1;
    while (kv->free[kv->first_word] == 0) kv->first_word++;
    uint64_t *word = &kv->free[kv->first_word];
    int page = kv->first_word * 64 + __builtin_ctzll(*word);
    *word &= *word - 1;
    CHECK(kv->refs[page] == 0);
    kv->refs[page] = 1;
    kv->made_by[page] = kv->version;
    if (++kv->n_held > kv->peak) kv->peak = kv->n_held;
    return page;
}

void kv_share(Kv *kv, int page) {
    CHECK(kv_refs(kv, page) > 0 && kv->made_by[page] == kv->version);
    kv->refs[page]++;
}

void kv_drop(Kv *kv, int page) {
    CHECK(kv_refs(kv, page) > 0);
    if (--kv->refs[page] > 0) return;
    kv->free[page / 64] |= (uint64_t)1 << (page % 64);
    if (page / 64 < kv->first_word) kv->first_word = page / 64;
    kv->n_held--;
}

bool kv_grow(Kv *kv, KvTable *table, int n_tokens) {
    int want = kv_pages_of(n_tokens);
    CHECK(want <= table->cap);
    if (want - table->n_pages > kv_pages_free(kv)) return false;
    while (table->n_pages < want) table->page[table->n_pages++] = kv_take(kv);
    return true;
}

bool kv_fork(Kv *kv, KvTable *to, const KvTable *from, Policy *policy) {
    int full = from->n_tokens / KV_PAGE_TOKENS, rest = from->n_tokens % KV_PAGE_TOKENS;
    CHECK(to->n_pages == 0 && to->n_tokens == 0);
    CHECK(to->cap >= full + (rest > 0) && from->n_pages >= full + (rest > 0));
    int tail = -1;
    if (rest > 0) {
        tail = kv_take(kv);
        if (tail < 0) return false;
    }
    for (int i = 0; i < full; i++) {
        kv_share(kv, from->page[i]);
        to->page[i] = from->page[i];
    }
    if (rest > 0) {
        CHECK(kv->made_by[from->page[full]] == kv->version);
        if (policy) policy_kv_copy(policy, from->page[full], tail, rest);
        to->page[full] = tail;
    }
    to->n_pages = full + (rest > 0);
    to->n_tokens = from->n_tokens;
    return true;
}

void kv_move(KvTable *to, KvTable *from) {
    CHECK(to->n_pages == 0 && to->n_tokens == 0 && to->cap >= from->n_pages);
    memcpy(to->page, from->page, (size_t)from->n_pages * sizeof *to->page);
    to->n_pages = from->n_pages;
    to->n_tokens = from->n_tokens;
    from->n_pages = from->n_tokens = 0;
}

void kv_release(Kv *kv, KvTable *table) {
    for (int i = 0; i < table->n_pages; i++) kv_drop(kv, table->page[i]);
    table->n_pages = table->n_tokens = 0;
}

void kv_check(const Kv *kv, const KvTable *table, uint32_t version) {
    CHECK(table->n_tokens <= table->n_pages * KV_PAGE_TOKENS);
    for (int i = 0; i < table->n_pages; i++) {
        CHECK(kv_refs(kv, table->page[i]) > 0);
        CHECK(kv->made_by[table->page[i]] == version); // else the page is stale
    }
    for (int i = table->n_tokens / KV_PAGE_TOKENS; i < table->n_pages; i++)
        CHECK(kv->refs[table->page[i]] == 1); // else a write would show in another sequence
}
