// rollout/kv.c -- reference counts, a bitmap of empty pages, page tables, the prefix cache.
#include "rollout/kv.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

// What the prefix cache knows of a page. Contents have an identity of their own, never used again:
// equal tokens after equal contents.
typedef struct CachedPage {
    uint64_t self,
        before; // identities: of this page's contents (0 = not known), of the page before
    int32_t token[KV_PAGE_TOKENS];
    int next_in_bucket;
    int older, newer; // order of last use, while nobody holds it
} CachedPage;

struct KvPool {
    int n_pages, n_held, peak;
    uint32_t version;
    int *refs;         // [n_pages]
    uint32_t *made_by; // [n_pages] version of the weights
    uint64_t *empty;   // bit p % 64 of word p / 64: nobody holds page p and it is not cached
    int first_word;    // no word before it has an empty page
    size_t table_bytes;
    CachedPage *cached; // [n_pages]; NULL: no prefix cache
    int *bucket;        // [n_buckets] first page of each, -1 = none
    int n_buckets;      // a power of two
    int oldest, newest; // cached pages that nobody holds
    int n_cached;
    uint64_t last_identity;
};

KvPool *kv_new(int n_pages, bool prefix_cache) {
    CHECK(n_pages > 0);
    KvPool *kv = calloc(1, sizeof *kv);
    size_t n = (size_t)n_pages, n_words = (n + 63) / 64;
    CHECK(kv);
    kv->n_pages = n_pages;
    kv->refs = calloc(n, sizeof *kv->refs);
    kv->made_by = calloc(n, sizeof *kv->made_by);
    kv->empty = calloc(n_words, sizeof *kv->empty);
    CHECK(kv->refs && kv->made_by && kv->empty);
    for (int p = 0; p < n_pages; p++) kv->empty[p / 64] |= (uint64_t)1 << (p % 64);
    kv->oldest = kv->newest = -1;
    if (!prefix_cache) return kv;
    for (kv->n_buckets = 16; kv->n_buckets < n_pages; kv->n_buckets *= 2) continue;
    kv->cached = calloc(n, sizeof *kv->cached);
    kv->bucket = malloc((size_t)kv->n_buckets * sizeof *kv->bucket);
    CHECK(kv->cached && kv->bucket);
    for (int i = 0; i < kv->n_buckets; i++) kv->bucket[i] = -1;
    return kv;
}

void kv_free(KvPool *kv) {
    if (!kv) return;
    CHECK(kv->n_held == 0);
    free(kv->refs);
    free(kv->made_by);
    free(kv->empty);
    free(kv->cached);
    free(kv->bucket);
    free(kv);
}

int kv_pages_free(const KvPool *kv) {
    return kv->n_pages - kv->n_held;
}
int kv_pages_held(const KvPool *kv) {
    return kv->n_held;
}
int kv_pages_peak(const KvPool *kv) {
    return kv->peak;
}
int kv_pages_cached(const KvPool *kv) {
    return kv->n_cached;
}
size_t kv_table_bytes(const KvPool *kv) {
    return kv->table_bytes;
}
int kv_refs(const KvPool *kv, int page) {
    CHECK(page >= 0 && page < kv->n_pages);
    return kv->refs[page];
}

// ---- the prefix cache: a hash table of contents, and a list of pages by last use

static int *bucket_of(const KvPool *kv, uint64_t before, const int32_t *token) {
    uint64_t hash = before;
    for (int i = 0; i < KV_PAGE_TOKENS; i++) hash = rng_mix(hash ^ (uint64_t)(uint32_t)token[i]);
    return &kv->bucket[hash & (uint64_t)(kv->n_buckets - 1)];
}

// The page with these tokens after these contents, or -1.
static int find_page(const KvPool *kv, uint64_t before, const int32_t *token) {
    for (int p = *bucket_of(kv, before, token); p >= 0; p = kv->cached[p].next_in_bucket) {
        const CachedPage *c = &kv->cached[p];
        if (c->before == before && memcmp(c->token, token, sizeof c->token) == 0) return p;
    }
    return -1;
}

static void list_add(KvPool *kv, int page) { // as the newest
    CachedPage *c = &kv->cached[page];
    c->older = kv->newest, c->newer = -1;
    if (kv->newest >= 0)
        kv->cached[kv->newest].newer = page;
    else
        kv->oldest = page;
    kv->newest = page;
    kv->n_cached++;
}

static void list_remove(KvPool *kv, int page) {
    const CachedPage *c = &kv->cached[page];
    *(c->older >= 0 ? &kv->cached[c->older].newer : &kv->oldest) = c->newer;
    *(c->newer >= 0 ? &kv->cached[c->newer].older : &kv->newest) = c->older;
    kv->n_cached--;
}

// Nobody can find the page any more.
static void unpublish(KvPool *kv, int page) {
    CachedPage *c = &kv->cached[page];
    int *at = bucket_of(kv, c->before, c->token);
    while (*at != page) at = &kv->cached[*at].next_in_bucket;
    *at = c->next_in_bucket;
    c->self = 0;
}

static void mark_empty(KvPool *kv, int page) {
    kv->empty[page / 64] |= (uint64_t)1 << (page % 64);
    if (page / 64 < kv->first_word) kv->first_word = page / 64;
}

void kv_set_version(KvPool *kv, uint32_t version) {
    kv->version = version;
    for (int p = 0; kv->cached && p < kv->n_pages; p++) {
        if (kv->cached[p].self == 0) continue;
        if (kv->refs[p] == 0) {
            list_remove(kv, p);
            mark_empty(kv, p);
        }
        unpublish(kv, p);
    }
}

void kv_flush(KvPool *kv, uint32_t version) {
    CHECK(kv->n_held == 0);
    if (version != kv->version) kv_set_version(kv, version);
    kv->peak = 0;
}

// ---- pages

static int first_empty(KvPool *kv) {
    const int n_words = (kv->n_pages + 63) / 64;
    while (kv->first_word < n_words && kv->empty[kv->first_word] == 0) kv->first_word++;
    if (kv->first_word == n_words) return -1;
    uint64_t *word = &kv->empty[kv->first_word];
    const int page = kv->first_word * 64 + __builtin_ctzll(*word);
    *word &= *word - 1;
    return page;
}

static void hold_first(KvPool *kv, int page) {
    CHECK(kv->refs[page] == 0);
    kv->refs[page] = 1;
    if (++kv->n_held > kv->peak) kv->peak = kv->n_held;
}

int kv_take(KvPool *kv) {
    if (kv->n_held == kv->n_pages) return -1;
    int page = first_empty(kv);
    if (page < 0) { // all that nobody holds are cached
        page = kv->oldest;
        list_remove(kv, page);
        unpublish(kv, page);
    }
    hold_first(kv, page);
    kv->made_by[page] = kv->version;
    return page;
}

void kv_share(KvPool *kv, int page) {
    CHECK(kv_refs(kv, page) > 0);
    kv->refs[page]++;
}

void kv_drop(KvPool *kv, int page) {
    CHECK(kv_refs(kv, page) > 0);
    if (--kv->refs[page] > 0) return;
    kv->n_held--;
    if (kv->cached && kv->cached[page].self)
        list_add(kv, page);
    else
        mark_empty(kv, page);
}

// ---- tables

static void set_cap(KvPool *kv, KvTable *table, int cap) {
    int32_t *page = realloc(table->page, (size_t)cap * sizeof *page);
    CHECK(page);
    kv->table_bytes += (size_t)(cap - table->cap) * sizeof *page;
    table->page = page;
    table->cap = cap;
}

static void need_cap(KvPool *kv, KvTable *table, int n_pages) {
    if (n_pages <= table->cap) return;
    set_cap(kv, table, n_pages > 2 * table->cap ? n_pages : 2 * table->cap);
}

bool kv_grow(KvPool *kv, KvTable *table, int n_tokens) {
    int want = kv_pages_of(n_tokens);
    if (want - table->n_pages > kv_pages_free(kv)) return false;
    need_cap(kv, table, want);
    while (table->n_pages < want) table->page[table->n_pages++] = kv_take(kv);
    return true;
}

bool kv_fork(KvPool *kv, KvTable *to, const KvTable *from, Policy *policy) {
    int full = from->n_tokens / KV_PAGE_TOKENS, rest = from->n_tokens % KV_PAGE_TOKENS;
    CHECK(to->n_pages == 0 && to->n_tokens == 0 && from->n_pages >= full + (rest > 0));
    int tail = -1;
    if (rest > 0) {
        tail = kv_take(kv);
        if (tail < 0) return false;
        kv->made_by[tail] = kv->made_by[from->page[full]];
    }
    need_cap(kv, to, full + (rest > 0));
    for (int i = 0; i < full; i++) {
        kv_share(kv, from->page[i]);
        to->page[i] = from->page[i];
    }
    if (rest > 0) {
        if (policy) policy_kv_copy(policy, from->page[full], tail, rest);
        to->page[full] = tail;
    }
    to->n_pages = full + (rest > 0);
    to->n_tokens = from->n_tokens;
    to->n_published = from->n_published;
    to->chain = from->chain;
    return true;
}

void kv_move(KvTable *to, KvTable *from) {
    CHECK(to->n_pages == 0 && to->n_tokens == 0 && to->cap == 0);
    *to = *from;
    *from = (KvTable){0};
}

void kv_release(KvPool *kv, KvTable *table) {
    // from the end, so that a prefix outlives what follows it in the cache
    for (int i = table->n_pages - 1; i >= 0; i--) kv_drop(kv, table->page[i]);
    kv->table_bytes -= (size_t)table->cap * sizeof *table->page;
    free(table->page);
    *table = (KvTable){0};
}

void kv_check(const KvPool *kv, const KvTable *table, bool fresh) {
    CHECK(table->n_tokens <= table->n_pages * KV_PAGE_TOKENS);
    for (int i = 0; i < table->n_pages; i++) {
        CHECK(kv_refs(kv, table->page[i]) > 0);
        CHECK(!fresh || kv->made_by[table->page[i]] == kv->version); // else the page is stale
    }
    for (int i = table->n_tokens / KV_PAGE_TOKENS; i < table->n_pages; i++)
        CHECK(kv->refs[table->page[i]] == 1); // else a write would show in another sequence
}

void kv_publish(KvPool *kv, KvTable *table, const int32_t *token) {
    if (!kv->cached) return;
    for (; table->n_published < table->n_tokens / KV_PAGE_TOKENS; table->n_published++) {
        const int page = table->page[table->n_published];
        const int32_t *own = token + table->n_published * KV_PAGE_TOKENS;
        const int known = find_page(kv, table->chain, own);
        if (known >= 0) { // another sequence computed the same; its page is the one that is found
            table->chain = kv->cached[known].self;
            continue;
        }
        CachedPage *c = &kv->cached[page];
        if (c->self || kv->made_by[page] != kv->version) return; // older contents stay unknown
        int *bucket = bucket_of(kv, table->chain, own);
        memcpy(c->token, own, sizeof c->token);
        c->before = table->chain;
        c->self = ++kv->last_identity;
        c->next_in_bucket = *bucket;
        *bucket = page;
        table->chain = c->self;
    }
}

int kv_find(KvPool *kv, KvTable *to, const int32_t *token, int n) {
    CHECK(to->n_pages == 0 && to->n_tokens == 0);
    if (!kv->cached) return 0;
    while (to->n_tokens + KV_PAGE_TOKENS < n) {
        const int page = find_page(kv, to->chain, token + to->n_tokens);
        if (page < 0) break;
        if (kv->refs[page] == 0) {
            list_remove(kv, page);
            hold_first(kv, page);
        } else {
            kv->refs[page]++;
        }
        need_cap(kv, to, to->n_pages + 1);
        to->page[to->n_pages++] = page;
        to->n_tokens += KV_PAGE_TOKENS;
        to->n_published++;
        to->chain = kv->cached[page].self;
    }
    return to->n_tokens;
}
