// policy/text/bpe.c -- two hash tables; pieces as an array that shrinks, or a list with a heap.
#include "policy/text/bpe.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

typedef struct TokenEntry { // a token by its bytes; bytes == NULL: free
    const char *bytes;
    size_t size;
    int32_t id;
} TokenEntry;

typedef struct MergePair { // a merge by its two ids; left < 0: free
    int32_t left, right, whole;
    int rank;
} MergePair;

struct Bpe {
    TokenEntry *entry;
    MergePair *pair;
    size_t entry_mask, pair_mask;
    int n_merges;
    int32_t byte_id[256];
};

enum { SHORT = 48 }; // symbols; below, scanning is quicker than a heap

typedef struct BpeSymbol {
    int32_t id; // < 0: merged into the symbol before it
    int prev, next;
} BpeSymbol;

typedef struct BpeMerge {
    int rank, pos; // pos: the left symbol
    int32_t whole;
} BpeMerge;

void ids_add(TokenIds *ids, int32_t id) {
    if (ids->n == ids->cap) {
        ids->cap = ids->cap ? 2 * ids->cap : 64;
        ids->id = (int32_t *)realloc(ids->id, ids->cap * sizeof *ids->id);
        CHECK(ids->id != NULL);
    }
    ids->id[ids->n++] = id;
}

void ids_free(TokenIds *ids) {
    free(ids->id);
    *ids = (TokenIds){0};
}

void bpe_work_free(BpeWork *work) {
    free(work->symbol);
    free(work->heap);
    *work = (BpeWork){0};
}

static size_t power_above(size_t n) {
    size_t p = 16;
    while (p < 2 * n) p *= 2;
    return p;
}

Bpe *bpe_new(size_t max_tokens, size_t max_merges, Arena *arena) {
    Bpe *bpe = ARENA_ARRAY(arena, Bpe, 1);
    size_t n_entries = power_above(max_tokens), n_pairs = power_above(max_merges);
    bpe->entry = ARENA_ARRAY(arena, TokenEntry, n_entries);
    bpe->pair = ARENA_ARRAY(arena, MergePair, n_pairs);
    bpe->entry_mask = n_entries - 1;
    bpe->pair_mask = n_pairs - 1;
    for (size_t i = 0; i < n_pairs; i++) bpe->pair[i].left = -1;
    for (int b = 0; b < 256; b++) bpe->byte_id[b] = -1;
    return bpe;
}

static uint64_t mix(uint64_t x) { // the finaliser of MurmurHash3
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

static TokenEntry *find_entry(const Bpe *bpe, const char *bytes, size_t size) {
    uint64_t h = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    size_t at = (size_t)mix(h) & bpe->entry_mask;
    for (;; at = (at + 1) & bpe->entry_mask) {
        TokenEntry *e = &bpe->entry[at];
        if (!e->bytes || (e->size == size && memcmp(e->bytes, bytes, size) == 0)) return e;
    }
}

static MergePair *find_pair(const Bpe *bpe, int32_t left, int32_t right) {
    uint64_t key = ((uint64_t)(uint32_t)left << 32) | (uint32_t)right;
    size_t at = (size_t)mix(key) & bpe->pair_mask;
    for (;; at = (at + 1) & bpe->pair_mask) {
        MergePair *p = &bpe->pair[at];
        if (p->left < 0 || (p->left == left && p->right == right)) return p;
    }
}

bool bpe_add_token(Bpe *bpe, const char *bytes, size_t size, int32_t id) {
    TokenEntry *e = find_entry(bpe, bytes, size);
    if (e->bytes) return false;
    *e = (TokenEntry){bytes, size, id};
    if (size == 1) bpe->byte_id[(unsigned char)bytes[0]] = id;
    return true;
}

int32_t bpe_find(const Bpe *bpe, const char *bytes, size_t size) {
    const TokenEntry *e = find_entry(bpe, bytes, size);
    return e->bytes ? e->id : -1;
}

void bpe_add_merge(Bpe *bpe, int32_t left, int32_t right, int32_t whole) {
    *find_pair(bpe, left, right) = (MergePair){left, right, whole, bpe->n_merges++};
}

static bool before(BpeMerge a, BpeMerge b) {
    return a.rank != b.rank ? a.rank < b.rank : a.pos < b.pos;
}

static void heap_push(BpeMerge *heap, size_t *n, BpeMerge m) {
    size_t i = (*n)++;
    for (; i > 0 && before(m, heap[(i - 1) / 2]); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = m;
}

static BpeMerge heap_pop(BpeMerge *heap, size_t *n) {
    BpeMerge top = heap[0], last = heap[--*n];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < *n; i = child) {
        if (child + 1 < *n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

static void work_reserve(BpeWork *work, size_t n) {
    if (n <= work->cap) return;
    size_t cap = n < 64 ? 64 : n + n / 2;
    free(work->symbol);
    free(work->heap);
    work->symbol = (BpeSymbol *)malloc(cap * sizeof *work->symbol);
    // n - 1 pairs at the start and at most two new ones for each of n - 1 merges
    work->heap = (BpeMerge *)malloc(3 * cap * sizeof *work->heap);
    CHECK(work->symbol != NULL && work->heap != NULL);
    work->cap = cap;
}

static void offer(const Bpe *bpe, BpeWork *work, size_t *n_heap, int left) {
    const BpeSymbol *s = work->symbol;
    if (left < 0 || s[left].next < 0) return;
    const MergePair *p = find_pair(bpe, s[left].id, s[s[left].next].id);
    if (p->left >= 0) heap_push(work->heap, n_heap, (BpeMerge){p->rank, left, p->whole});
}

// ---- a piece as symbols ----------------------------------------------------------------------
static size_t char_size(unsigned char lead) {
    return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

static bool fall_back(const BpeRules *r, const char *bytes, size_t size, BpeSymbol *s, int *n) {
    if (!r->fallback) return false;
    for (size_t i = 0; i < size; i++)
        if (r->byte_token[(unsigned char)bytes[i]] < 0) return false;
    for (size_t i = 0; i < size; i++) s[(*n)++].id = r->byte_token[(unsigned char)bytes[i]];
    return true;
}

// Fills the ids of s[0..n). An unknown token waits for the next one that is known, as in Hugging
// Face's library, where the tokens of bytes may overtake it.
static int symbols_of(const Bpe *bpe, const BpeRules *r, const char *bytes, size_t size,
                      BpeSymbol *s) {
    int n = 0;
    bool waiting = false;
    for (size_t at = 0, step; at < size; at += step) {
        step = r->chars ? char_size((unsigned char)bytes[at]) : 1;
        int32_t id =
            step == 1 ? bpe->byte_id[(unsigned char)bytes[at]] : bpe_find(bpe, bytes + at, step);
        if (id >= 0) {
            if (waiting) s[n++].id = r->unknown;
            waiting = false;
            s[n++].id = id;
        } else if (!fall_back(r, bytes + at, step, s, &n) && r->unknown >= 0) {
            if (waiting && !r->fuse_unknown) s[n++].id = r->unknown;
            waiting = true;
        }
    }
    if (waiting) s[n++].id = r->unknown;
    return n;
}

static void merge_scanning(const Bpe *bpe, const BpeSymbol *s, int n, TokenIds *out) {
    int32_t id[SHORT];
    const MergePair *pair[SHORT]; // of i and i + 1; NULL: none
    for (int i = 0; i < n; i++) id[i] = s[i].id;
    for (int i = 0; i + 1 < n; i++) {
        const MergePair *p = find_pair(bpe, id[i], id[i + 1]);
        pair[i] = p->left >= 0 ? p : NULL;
    }
    for (;;) {
        int best = -1;
        for (int i = 0; i + 1 < n; i++)
            if (pair[i] && (best < 0 || pair[i]->rank < pair[best]->rank)) best = i;
        if (best < 0) break;
        id[best] = pair[best]->whole;
        n--;
        for (int i = best + 1; i < n; i++) id[i] = id[i + 1];
        for (int i = best + 1; i + 1 < n; i++) pair[i] = pair[i + 1];
        for (int i = best > 0 ? best - 1 : 0; i <= best && i + 1 < n; i++) {
            const MergePair *p = find_pair(bpe, id[i], id[i + 1]);
            pair[i] = p->left >= 0 ? p : NULL;
        }
    }
    for (int i = 0; i < n; i++) ids_add(out, id[i]);
}

static void merge_heap(const Bpe *bpe, BpeWork *work, int n, TokenIds *out) {
    BpeSymbol *s = work->symbol;
    for (int i = 0; i < n; i++) s[i].prev = i - 1, s[i].next = i + 1 < n ? i + 1 : -1;
    size_t n_heap = 0;
    for (int i = 0; i < n; i++) offer(bpe, work, &n_heap, i);
    while (n_heap > 0) {
        BpeMerge m = heap_pop(work->heap, &n_heap);
        int right = s[m.pos].next;
        if (s[m.pos].id < 0 || right < 0) continue; // what it spoke of is gone
        const MergePair *now = find_pair(bpe, s[m.pos].id, s[right].id);
        if (now->left < 0 || now->whole != m.whole) continue;
        s[m.pos].id = m.whole;
        s[m.pos].next = s[right].next;
        if (s[right].next >= 0) s[s[right].next].prev = m.pos;
        s[right].id = -1;
        offer(bpe, work, &n_heap, s[m.pos].prev);
        offer(bpe, work, &n_heap, m.pos);
    }
    for (int i = 0; i >= 0; i = s[i].next) ids_add(out, s[i].id);
}

void bpe_encode(const Bpe *bpe, const BpeRules *rules, const char *bytes, size_t size,
                BpeWork *work, TokenIds *out) {
    if (size == 0) return;
    CHECK(size <= INT_MAX / 4);
    int32_t whole = rules->whole_first ? bpe_find(bpe, bytes, size) : -1;
    if (whole >= 0) {
        ids_add(out, whole);
        return;
    }
    work_reserve(work, size + 1);
    int n = symbols_of(bpe, rules, bytes, size, work->symbol);
    if (n == 0) return;
    if (n <= SHORT)
        merge_scanning(bpe, work->symbol, n, out);
    else
        merge_heap(bpe, work, n, out);
}
