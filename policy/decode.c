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
    bool solo;
} Decode;

// One past the last sequence of the block that begins at `begin`.
static int block_end(const DecodeSeq *seq, int n_seqs, int begin, int rows) {
    int end = begin, n = 0;
    while (end < n_seqs && (end == begin || n + seq[end].n_new <= rows)) n += seq[end++].n_new;
    return end;
}

typedef struct Emit { // rows [at, at + rows) of logits
    Run *r;
    Decode *d;
    int at, rows;
} Emit;

// The rows of one sequence, from its first on.
static void emit_row(void *ctx, int i, int worker) {
    (void)worker;
    const Emit *e = ctx;
    const Workspace *w = e->r->w;
    const int32_t *whose = w->want_token + e->at;
    if (i > 0 && whose[i - 1] == whose[i]) return;
    const DecodeSeq *seq = &e->r->decode[whose[i]];
    const int first = w->offset[whose[i] + 1] - seq->n_logits;
    for (int k = i; k < e->rows && whose[k] == whose[i]; k++)
        e->d->fn(e->d->ctx, seq, w->want_row[e->at + k] - first,
                 w->head_logit + (size_t)k * (size_t)e->r->p->model.vocab_size);
}

static void emit(Run *r, Decode *d) {
    Workspace *w = r->w;
    int n = 0;
    for (int s = 0; s < r->n_seqs; s++)
        for (int i = 0; i < r->decode[s].n_logits; i++, n++) {
            w->want_row[n] = w->offset[s + 1] - r->decode[s].n_logits + i;
            w->want_token[n] = s; // whose row it is
        }
    for (int at = 0; at < n; at += r->p->head_rows) {
        Emit e = {r, d, at, n - at < r->p->head_rows ? n - at : r->p->head_rows};
        head_logits(r, at, e.rows);
        pool_for(w->dev.pool, e.rows, emit_row, &e);
    }
}

static void decode_block(Decode *d, Workspace *w, int begin, int end) {
    Policy *p = d->p;
    Run r = {.p = p, .w = w, .decode = d->seq + begin, .n_seqs = end - begin};
    w->dev.pool = d->solo ? p->opts.pool : NULL;
    for (int s = 0; s < r.n_seqs; s++) {
        const DecodeSeq *q = &r.decode[s];
        w->offset[s] = r.n_tokens;
        w->pos0[s] = q->pos;
        for (int t = 0; t < q->n_new; t++) {
            w->token[r.n_tokens] = q->token[t];
            w->pos[r.n_tokens++] = q->pos + t;
        }
    }
    w->offset[r.n_seqs] = r.n_tokens;
    net_forward(&r);
    emit(&r, d);
}

static void decode_slot(void *ctx, int slot, int worker) {
    (void)worker;
    Decode *d = ctx;
    for (;;) { // claim the next block: its begin must still be the next unclaimed sequence
        int begin = atomic_load(&d->next), end;
        do {
            if (begin >= d->n_seqs) return;
            end = block_end(d->seq, d->n_seqs, begin, d->rows);
        } while (!atomic_compare_exchange_weak(&d->next, &begin, end));
        decode_block(d, &d->p->work[slot], begin, end);
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

// New tokens that make a block. At desk size two blocks a worker at least, but products want some
// 32 rows. Weights that do not stay in a cache are read once a block: up to 64 rows then, as even
// as can be; of fewer than 16 a worker, all share one block.
static int block_rows(const Policy *p, int total) {
    int rows = (total + 2 * p->n_work - 1) / (2 * p->n_work);
    if (p->model.family == FAMILY_DENSE) {
        const int each = (total + p->n_work - 1) / p->n_work, n = (each + 63) / 64;
        rows = (each + n - 1) / n;
        if (rows < 16) rows = 16 * p->n_work;
    } else if (rows < 32) {
        rows = 32;
    }
    return rows < p->work[0].cap ? rows : p->work[0].cap;
}

Status policy_decode(Policy *p, const DecodeSeq *seq, int n_seqs, LogitsFn *fn, void *ctx) {
    int total = 0;
    for (int s = 0; s < n_seqs; s++) {
        TRY(check_seq(p, &seq[s], s));
        total += seq[s].n_new;
    }
    if (n_seqs == 0) return ST_OK;
    net_phase(p, false);
    const int rows = block_rows(p, total);
    Decode d = {.p = p, .seq = seq, .n_seqs = n_seqs, .rows = rows, .fn = fn, .ctx = ctx};
    d.solo = block_end(seq, n_seqs, 0, rows) == n_seqs;
    if (d.solo)
        decode_slot(&d, 0, 0);
    else
        pool_for(p->opts.pool, p->n_work, decode_slot, &d);
    return ST_OK;
}
