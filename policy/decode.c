// policy/decode.c -- new tokens of many sequences over paged latents: prefill and decode in one.
//
// Sequences are cut into blocks that workers claim; a block runs all layers for its new tokens with
// the same ops as scoring. Attention reads pages, products go row by row (the row rule), so a
// token's logits do not depend on what else is in the call or on how its past was cut.
#include <stdatomic.h>
#include <string.h>

#include "policy/net.h"

typedef struct Decode {
    Policy *p;
    const DecodeSeq *seq;
    int n_seqs, rows; // rows: new tokens that make a block
    LogitsFn *fn;
    void *ctx;
    atomic_int next;
    bool alone;
    UnitFailure failure;
} Decode;

// One past the last sequence of the block that begins at `begin`.
static int block_end(const DecodeSeq *seq, int n_seqs, int begin, int rows) {
    int end = begin, n = 0;
    while (end < n_seqs && (end == begin || n + seq[end].n_new <= rows)) n += seq[end++].n_new;
    return end;
}

typedef struct EmitRows { // rows [at, at + n) of logits
    Decode *d;
    const Workspace *w;
    const DecodeSeq *seq; // of the block
    const float *logits;
    int at, n;
} EmitRows;

// The rows of one sequence, from its first on.
static void emit_row(void *ctx, int i, int worker) {
    (void)worker;
    const EmitRows *e = ctx;
    const Index *ix = &e->w->ix;
    const int32_t *whose = ix->want_at + e->at;
    if (i > 0 && whose[i - 1] == whose[i]) return;
    const DecodeSeq *seq = &e->seq[whose[i]];
    const int first = ix->offset.host[whose[i] + 1] - seq->n_logits;
    for (int k = i; k < e->n && whose[k] == whose[i]; k++)
        e->d->fn(e->d->ctx, seq, ix->want_row.host[e->at + k] - first,
                 e->logits + (size_t)k * (size_t)e->d->p->model.vocab_size);
}

static void emit_block(void *ctx, int at, int n, const float *logits) {
    EmitRows *e = ctx;
    e->at = at;
    e->n = n;
    e->logits = logits;
    pool_for(e->d->alone ? e->d->p->opts.pool : NULL, n, emit_row, e);
}

static Status decode_block(Decode *d, Workspace *w, int begin, int end) {
    Policy *p = d->p;
    index_decode(&w->ix, d->seq + begin, end - begin);
    NetUnit u = unit_begin(p, w, d->alone);
    u.decode = true;
    net_forward(&u, 0, p->model.n_layers);
    EmitRows e = {.d = d, .w = w, .seq = d->seq + begin};
    head_logits(&u, emit_block, &e);
    return p->ops->wait(u.q);
}

static void decode_slot(void *ctx, int slot) {
    Decode *d = ctx;
    for (;;) { // claim the next block: its begin must still be the next unclaimed sequence
        int begin = atomic_load(&d->next), end;
        do {
            if (begin >= d->n_seqs) return;
            end = block_end(d->seq, d->n_seqs, begin, d->rows);
        } while (!atomic_compare_exchange_weak(&d->next, &begin, end));
        Status st = decode_block(d, &d->p->work[slot], begin, end);
        if (st != ST_OK) failure_keep(&d->failure, st, begin);
    }
}

static Status check_seq(const Policy *p, const DecodeSeq *q, int s) {
    if (q->n_new < 1 || q->pos < 0 || q->n_logits < 0 || q->n_logits > q->n_new)
        return FAIL(ST_CONFIG, "sequence %d: %d new tokens at %d with %d rows of logits", s,
                    q->n_new, q->pos, q->n_logits);
    if (q->pos + q->n_new > p->opts.max_seq_tokens)
        return FAIL(ST_CONFIG, "sequence %d would have %d tokens; the policy was planned for %d", s,
                    q->pos + q->n_new, p->opts.max_seq_tokens);
    for (int t = 0; t < q->n_new; t++)
        if (q->token[t] < 0 || q->token[t] >= p->model.vocab_size)
            return FAIL(ST_FORMAT, "sequence %d, position %d: token id %d is outside 0..%d", s,
                        q->pos + t, q->token[t], p->model.vocab_size - 1);
    for (int i = 0; i * KV_PAGE_TOKENS < q->pos + q->n_new; i++)
        if (q->page[i] < 0 || q->page[i] >= p->opts.kv_pages)
            return FAIL(ST_CONFIG, "sequence %d: page %d of %d", s, q->page[i], p->opts.kv_pages);
    return ST_OK;
}

Status policy_decode(Policy *p, const DecodeSeq *seq, int n_seqs, LogitsFn *fn, void *ctx) {
    int total = 0;
    for (int s = 0; s < n_seqs; s++) {
        TRY(check_seq(p, &seq[s], s));
        total += seq[s].n_new;
    }
    if (n_seqs == 0) return ST_OK;
    net_phase(p, false);
    const int rows =
        p->ops->unit_rows(p->device, &p->model, UNIT_DECODE, total, p->n_work, p->work[0].cap);
    Decode d = {.p = p,
                .seq = seq,
                .n_seqs = n_seqs,
                .rows = rows,
                .fn = fn,
                .ctx = ctx,
                .failure = {.lock = PTHREAD_MUTEX_INITIALIZER}};
    d.alone = block_end(seq, n_seqs, 0, rows) == n_seqs;
    p->ops->each(p->device, d.alone ? 1 : p->n_work, decode_slot, &d);
    return failure_raise(&d.failure);
}
