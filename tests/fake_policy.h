// tests/fake_policy.h -- a policy that shows every mistake in page tables.
//
// Its cache stores the tokens themselves, and its logits are a hash of the tokens that the page
// table leads to: a wrong, stale or overwritten page changes every draw after it. A test that
// includes this defines all of policy.h that rollout/ calls, so the linker takes nothing else.
#ifndef TESTS_FAKE_POLICY_H
#define TESTS_FAKE_POLICY_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "policy/cpu/drawrow.h"
#include "policy/policy.h"

enum { FAKE_VOCAB = 24, FAKE_STOP = 3 };

struct Policy {
    ModelConfig model;
    Pool *pool;
    int n_pages, max_rows;
    int32_t *slot;  // [n_pages * KV_PAGE_TOKENS] the token cached there, -1 = nothing
    uint64_t *made; // the weights that cached it
    uint64_t weights;
    uint32_t version;
    int n_calls, max_seen_rows, max_seen_seqs, last_rows, last_seqs;
    int nan_at; // prefix length whose logits are NaN; 0 = none
    int fail_at_call;
};

static inline Policy *fake_new(int n_pages, int max_rows, Pool *pool) {
    Policy *p = calloc(1, sizeof *p);
    CHECK(p);
    p->model.vocab_size = FAKE_VOCAB;
    p->model.max_position = 1 << 20;
    p->pool = pool;
    p->n_pages = n_pages, p->max_rows = max_rows;
    size_t n = (size_t)n_pages * KV_PAGE_TOKENS;
    p->slot = malloc(n * sizeof *p->slot);
    p->made = calloc(n, sizeof *p->made);
    CHECK(p->slot && p->made);
    memset(p->slot, 0xFF, n * sizeof *p->slot);
    p->weights = 11;
    return p;
}

// Another version has other weights.
static inline uint64_t fake_weights(uint32_t version) {
    return 11 + version * 977;
}
static inline void fake_set_version(Policy *p, uint32_t version) {
    p->version = version;
    p->weights = fake_weights(version);
}

static inline void fake_free(Policy *p) {
    free(p->slot);
    free(p->made);
    free(p);
}

static inline uint64_t fake_step(uint64_t prefix, int32_t token) {
    return rng_mix(prefix ^ (uint64_t)(uint32_t)token);
}

// The same for a token that other weights cached.
static inline uint64_t fake_cached(uint64_t prefix, int32_t token, uint64_t made,
                                   uint64_t weights) {
    return fake_step(made == weights ? prefix : prefix ^ rng_mix(made), token);
}

// Logits after a prefix; FAKE_STOP is likely enough to end samples at many lengths.
static inline void fake_logits(uint64_t prefix, float logits[FAKE_VOCAB]) {
    for (int v = 0; v < FAKE_VOCAB; v++)
        logits[v] = (float)(rng_mix(prefix + (uint64_t)v) % 4096) / 1024.0f;
    logits[FAKE_STOP] -= 1.0f;
}

const ModelConfig *policy_model(const Policy *policy) {
    return &policy->model;
}
uint32_t policy_version(const Policy *policy) {
    return policy->version;
}

void policy_kv_copy(Policy *policy, int src, int dst, int n_tokens) {
    CHECK(src >= 0 && src < policy->n_pages && dst >= 0 && dst < policy->n_pages && src != dst);
    CHECK(n_tokens > 0 && n_tokens < KV_PAGE_TOKENS);
    memcpy(policy->slot + dst * KV_PAGE_TOKENS, policy->slot + src * KV_PAGE_TOKENS,
           (size_t)n_tokens * sizeof *policy->slot);
    memcpy(policy->made + dst * KV_PAGE_TOKENS, policy->made + src * KV_PAGE_TOKENS,
           (size_t)n_tokens * sizeof *policy->made);
}

float policy_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                         float *lse, float *entropy) {
    double sum = 0;
    for (int v = 0; v < vocab; v++) sum += exp((double)(logits[v] * inv_temperature));
    if (lse) *lse = (float)log(sum);
    if (entropy) *entropy = 0;
    return (float)((double)(logits[token] * inv_temperature) - log(sum));
}

typedef struct FakeCall {
    Policy *policy;
    const DecodeSeq *seq;
    const Draw *draw;
    int n_draws;
    Drawn *drawn;
} FakeCall;

static inline int fake_slot(const Policy *p, const DecodeSeq *seq, int pos) {
    int page = seq->page[pos / KV_PAGE_TOKENS];
    CHECK(page >= 0 && page < p->n_pages);
    return page * KV_PAGE_TOKENS + pos % KV_PAGE_TOKENS;
}

// All draws from row `row` of sequence s.
static inline void fake_draw(const FakeCall *call, int s, int row, const float *logits) {
    uint64_t scratch[2 * FAKE_VOCAB];
    CHECK(cpu_draw_row_bytes(FAKE_VOCAB) <= sizeof scratch);
    for (int i = 0; i < call->n_draws; i++) {
        const Draw *d = &call->draw[i];
        if (d->seq != s || d->row != row) continue;
        Drawn *out = &call->drawn[i];
        *out = (Drawn){.token = cpu_draw_row(&d->rule, logits, FAKE_VOCAB, d->uniform, scratch)};
        if (out->token >= 0)
            out->logp = policy_logprob_row(logits, FAKE_VOCAB, draw_logprob_scale(&d->rule),
                                           out->token, NULL, NULL);
        out->finite = out->token >= 0 && isfinite(out->logp);
    }
}

static inline void fake_one(void *ctx, int i, int worker) {
    (void)worker;
    FakeCall *call = (FakeCall *)ctx;
    const DecodeSeq *seq = &call->seq[i];
    CHECK(seq->n_new >= 1 && seq->pos >= 0 && seq->n_logits <= seq->n_new);
    Policy *p = call->policy;
    for (int t = 0; t < seq->n_new; t++) {
        const int slot = fake_slot(p, seq, seq->pos + t);
        p->slot[slot] = seq->token[t];
        p->made[slot] = p->weights;
    }
    uint64_t prefix = p->weights;
    int length = seq->pos + seq->n_new, row = 0;
    for (int pos = 0; pos < length; pos++) {
        const int slot = fake_slot(p, seq, pos);
        prefix = fake_cached(prefix, p->slot[slot], p->made[slot], p->weights);
        if (pos < length - seq->n_logits) continue;
        float logits[FAKE_VOCAB];
        fake_logits(prefix, logits);
        if (pos + 1 == call->policy->nan_at) logits[7] = NAN;
        fake_draw(call, i, row++, logits);
    }
}

Status policy_decode(Policy *policy, const DecodeSeq *seq, int n_seqs, const Draw *draw,
                     int n_draws, Drawn *drawn) {
    int rows = 0;
    for (int i = 0; i < n_seqs; i++) rows += seq[i].n_new;
    CHECK(n_seqs >= 1 && rows <= policy->max_rows);
    policy->n_calls++;
    policy->last_rows = rows, policy->last_seqs = n_seqs;
    if (rows > policy->max_seen_rows) policy->max_seen_rows = rows;
    if (n_seqs > policy->max_seen_seqs) policy->max_seen_seqs = n_seqs;
    if (policy->n_calls == policy->fail_at_call) return FAIL(ST_CUDA, "planted failure");
    FakeCall call = {policy, seq, draw, n_draws, drawn};
    pool_for(policy->pool, n_seqs, fake_one, &call);
    return ST_OK;
}

#endif
