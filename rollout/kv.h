// rollout/kv.h -- the KV page pool: who holds which page of the policy's cache, made by which
// weights.
//
// Layer 3 (rollout). Accounting only: keys and values are in the policy, which reads page tables. A
// page has KV_PAGE_TOKENS slots, a reference count and the policy version it was taken under. A
// full page may be shared; a page that is still written to has one holder (copy on write). With a
// prefix cache, a full page that nobody holds keeps its contents until its place is needed, and a
// sequence that begins with the same tokens takes it over: pages are found by their tokens and by
// the page before them, compared in full, so a hash collision cannot give wrong contents.
//
// Misuse is a CHECK: giving back a page that nobody holds, flushing while pages are held, reading a
// page that other weights made. Host memory of page tables grows with them and is counted.
// Reference: vLLM's paged attention (Kwon et al., SOSP 2023) and its prefix cache.
#ifndef ROLLOUT_KV_H
#define ROLLOUT_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct KvPool KvPool;

KvPool *kv_new(int n_pages, bool prefix_cache);
void kv_free(KvPool *kv); // NULL is fine; CHECKs that no page is held

// From here on pages are made by weights `version`. kv_set_version drops what the prefix cache has;
// kv_flush only if the version is another one, it resets the peak, and nobody may hold a page.
void kv_set_version(KvPool *kv, uint32_t version);
void kv_flush(KvPool *kv, uint32_t version);
int kv_pages_free(const KvPool *kv); // pages that nobody holds, cached ones among them
int kv_pages_held(const KvPool *kv);
int kv_pages_peak(const KvPool *kv);   // the most held at once since kv_flush
int kv_pages_cached(const KvPool *kv); // not held, contents kept
int kv_refs(const KvPool *kv, int page);
size_t kv_table_bytes(const KvPool *kv); // host memory of all page tables

// A free page, held once: the lowest empty one, else the cached one that was used longest ago; -1
// if there is none.
int kv_take(KvPool *kv);
void kv_share(KvPool *kv, int page);
void kv_drop(KvPool *kv, int page);

// A sequence's pages, in order of position. All zero is the empty table. Its memory belongs to it
// until kv_release or kv_move.
typedef struct KvTable {
    int32_t *page;
    int n_pages, cap;
    int n_tokens;    // cached so far
    int n_published; // leading pages that the prefix cache knows
    uint64_t chain;  // identifies the contents of those; 0 = none
} KvTable;

static inline int kv_pages_of(int n_tokens) {
    return (n_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
}

// Takes pages until n_tokens fit; all or nothing. false: not enough free pages.
bool kv_grow(KvPool *kv, KvTable *table, int n_tokens);
// `to` (empty) begins with the tokens of `from`: full pages are shared, a partial last page is
// copied by policy_kv_copy (policy NULL: only accounted for). false: no page for the copy.
bool kv_fork(KvPool *kv, KvTable *to, const KvTable *from, Policy *policy);
// `to` (empty) takes over what `from` held.
void kv_move(KvTable *to, KvTable *from);
void kv_release(KvPool *kv, KvTable *table);
// CHECKs that every page of the table is held and that the page of the next token is nobody else's;
// with `fresh`, that every page was made under the current version.
void kv_check(const KvPool *kv, const KvTable *table, bool fresh);

// Prefix cache (without one they do nothing). kv_publish makes the full pages among the table's
// n_tokens findable; token[0 .. n_tokens) are the tokens of the sequence. kv_find: `to` (empty)
// takes over the cached full pages that begin token[0 .. n), never all n tokens; returns n_tokens.
void kv_publish(KvPool *kv, KvTable *table, const int32_t *token);
int kv_find(KvPool *kv, KvTable *to, const int32_t *token, int n);

#ifdef __cplusplus
}
#endif
#endif
