// policy/decode.c -- new tokens of many sequences over paged latents: prefill and decode in one.
//
// Sequences are cut into blocks that workers claim; a block runs all layers for its new tokens with
// the same ops as scoring. Attention reads pages, products go row by row (the row rule), so a
// token's logits do not depend on what else is in the call or on how its past was cut.
#include <stdatomic.h>
#include <stdlib.h>

#include "policy/net.h"

typedef struct Decode {
    Policy *p;
    const DecodeSeq *seq;
    int n_seqs, rows; // rows: new tokens that make a block
    const Draw *draw; // [n_draws], or with fn logits are wanted
    int n_draws;
    Drawn *drawn;
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

// The draws of a block of sequences [begin, end), which are its own as requests are in their order.
static Status draw_block(Decode *d, NetUnit *u, int begin, int end) {
    Workspace *w = u->w;
    const Index *ix = u->ix;
    int first = 0, n = 0, row = 0, s = begin;
    while (first < d->n_draws && d->draw[first].seq < begin) first++;
    while (first + n < d->n_draws && d->draw[first + n].seq < end) n++;
    if (n > 0 && n > w->draw_cap) {
        free(w->draw);
        w->draw = malloc((size_t)n * sizeof *w->draw);
        CHECK(w->draw);
        w->draw_cap = n;
    }
    for (int at = 0; at < n; at += w->cap) { // what the device has space for
        const int some = n - at < w->cap ? n - at : w->cap;
        for (int i = 0; i < some; i++) {
            const Draw *of = &d->draw[first + at + i];
            for (; s < of->seq; s++) row += d->seq[s].n_logits;
            w->draw[i] = *of;
            w->draw[i].row = row + of->row;
            CHECK(w->draw[i].row < ix->n_want);
        }
        head_draw(u, w->draw, some);
        u->ops->download(u->q, d->drawn + first + at, w->acts.drawn,
                         (size_t)some * sizeof *d->drawn);
    }
    return u->ops->wait(u->q);
}

// The states of the rows of a block are kept for policy_draft.
static void keep_states(const Decode *d, const NetUnit *u, int begin) {
    const Policy *p = d->p;
    int row = 0;
    if (p->hidden_rows == 0) return;
    for (int s = 0; s < begin; s++) row += d->seq[s].n_new;
    u->ops->copy(u->q, view_rows(p->hidden, row, 1).data, u->acts.x.data, view_bytes(u->acts.x));
}

static Status decode_block(Decode *d, Workspace *w, int begin, int end) {
    Policy *p = d->p;
    index_decode(&w->ix, d->seq + begin, end - begin);
    NetUnit u = unit_begin(p, w, d->alone);
    u.decode = true;
    net_forward(&u, 0, p->model.n_layers);
    keep_states(d, &u, begin);
    TRY(unit_tell_routes(&u, d->seq + begin, end - begin));
    if (!d->fn) return draw_block(d, &u, begin, end);
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

static Status decode_all(Decode *d) {
    Policy *p = d->p;
    int total = 0;
    for (int s = 0; s < d->n_seqs; s++) {
        TRY(check_seq(p, &d->seq[s], s));
        total += d->seq[s].n_new;
    }
    if (d->n_seqs == 0) return ST_OK;
    net_phase(p, false);
    p->hidden_rows = view_here(p->hidden) && total <= p->hidden.rows ? total : 0;
    d->rows =
        p->ops->unit_rows(p->device, &p->model, UNIT_DECODE, total, p->n_work, p->work[0].cap);
    d->failure = (UnitFailure){.lock = PTHREAD_MUTEX_INITIALIZER};
    d->alone = block_end(d->seq, d->n_seqs, 0, d->rows) == d->n_seqs;
    p->ops->each(p->device, d->alone ? 1 : p->n_work, decode_slot, d);
    return failure_raise(&d->failure);
}

Status policy_decode(Policy *p, const DecodeSeq *seq, int n_seqs, const Draw *draw, int n_draws,
                     Drawn *drawn) {
    for (int i = 0; i < n_draws; i++) {
        CHECK(draw[i].seq >= (i > 0 ? draw[i - 1].seq : 0) && draw[i].seq < n_seqs);
        CHECK(draw[i].row >= 0 && draw[i].row < seq[draw[i].seq].n_logits);
        CHECK(draw[i].forced < p->model.vocab_size);
    }
    Decode d = {
        .p = p, .seq = seq, .n_seqs = n_seqs, .draw = draw, .n_draws = n_draws, .drawn = drawn};
    return decode_all(&d);
}

Status policy_logits(Policy *p, const DecodeSeq *seq, int n_seqs, LogitsFn *fn, void *ctx) {
    Decode d = {.p = p, .seq = seq, .n_seqs = n_seqs, .fn = fn, .ctx = ctx};
    return decode_all(&d);
}
