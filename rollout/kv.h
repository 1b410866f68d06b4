// rollout/kv.h -- who holds which page of the policy's cache, and under which weights it was made.
//
// Floor 3 (rollout). Accounting only: the values live in the policy, which reads page tables. A
// page has KV_PAGE_TOKENS slots, a reference count and the policy version it was taken under. A
// full page may be shared; a page that is still written to has one holder (copy on write). What the
// caller may not do is a CHECK, because it is our bug: giving back a page that nobody holds,
// flushing while pages are held, reading a page under weights that did not make it.
// Reference: vLLM's paged attention (Kwon et al., SOSP 2023) for pages and sharing.
#ifndef ROLLOUT_KV_H
#define ROLLOUT_KV_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Kv Kv;

Kv *kv_new(int n_pages);
void kv_free(Kv *kv); // NULL is fine; CHECKs that no page is held

// From here on pages are made by weights `version`. Nobody may hold a page.
void kv_flush(Kv *kv, uint32_t version);
int kv_pages_free(const Kv *kv);
int kv_pages_held(const Kv *kv);
int kv_pages_peak(const Kv *kv); // the most held at once since kv_flush
int kv_refs(const Kv *kv, int page);

// The lowest free page, held once; -1 if there is none.
int kv_take(Kv *kv);
void kv_share(Kv *kv, int page);
void kv_drop(Kv *kv, int page);

// A sequence's pages, in order of position. `page` is the caller's array of `cap`.
typedef struct KvTable {
    int32_t *page;
    int n_pages, cap;
    int n_tokens; // cached so far
} KvTable;

static inline int kv_pages_of(int n_tokens) {
    return (n_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
}

// Takes pages until n_tokens fit; all or nothing. false: not enough free pages.
bool kv_grow(Kv *kv, KvTable *table, int n_tokens);
// `to` (empty) begins with the tokens of `from`: full pages are shared, a partial last page is
// copied by policy_kv_copy (policy NULL: only accounted for). false: no page for the copy.
bool kv_fork(Kv *kv, KvTable *to, const KvTable *from, Policy *policy);
// `to` (empty) takes over what `from` held.
void kv_move(KvTable *to, KvTable *from);
void kv_release(Kv *kv, KvTable *table);
// CHECKs that every page of the table is held and was made under `version`, and that the page of
// the next token is nobody else's.
void kv_check(const Kv *kv, const KvTable *table, uint32_t version);

#ifdef __cplusplus
}
#endif
#endif
