// policy/mtp_draft.c -- drafts: the MTP modules run behind the rows of the last decode call.
//
// Sequences are cut into blocks that workers claim, as in decode.c. In a block module k runs over
// all rows; the last row of a sequence gives draft k, which is the token ahead of that row for
// module k + 1.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "policy/mtp.h"
#include "policy/net.h"

typedef struct Drafting {
    Policy *p;
    DraftSeq *seq;
    int n_seqs, rows, modules;
    bool alone;
    atomic_int next;
    UnitFailure failure;
} Drafting;

static int draft_block_end(const Drafting *d, int begin) {
    int end = begin, n = 0;
    while (end < d->n_seqs && (end == begin || n + d->seq[end].rows.n_new <= d->rows))
        n += d->seq[end++].rows.n_new;
    return end;
}

// A block's arrays on the host.
typedef struct DraftBlock {
    DraftSeq *seq;
    int n;
    DecodeSeq *rows; // [n] for the index
    int *from;       // [n]
    int32_t *token;  // the tokens ahead of all rows, DRAFT_MOST more for each sequence
    int *at;         // [n] where those of a sequence begin
    Draw *draw;      // [n]
    Drawn *drawn;
    int *whose; // [n] sequence of a draw
} DraftBlock;

static void *block_take(char **at, size_t bytes) {
    void *out = *at;
    *at += (bytes + 15) & ~(size_t)15;
    return out;
}

// One allocation, *memory, that the caller frees.
static DraftBlock block_open(DraftSeq *seq, int n, void **memory) {
    size_t tokens = 0;
    for (int s = 0; s < n; s++) tokens += (size_t)seq[s].rows.n_new + DRAFT_MOST;
    const size_t each = sizeof(DecodeSeq) + 3 * sizeof(int) + sizeof(Draw) + sizeof(Drawn);
    char *at = calloc((size_t)n * each + tokens * sizeof(int32_t) + 7 * 16, 1);
    CHECK(at);
    *memory = at;
    DraftBlock b = {.seq = seq, .n = n};
    b.rows = block_take(&at, (size_t)n * sizeof *b.rows);
    b.from = block_take(&at, (size_t)n * sizeof *b.from);
    b.at = block_take(&at, (size_t)n * sizeof *b.at);
    b.whose = block_take(&at, (size_t)n * sizeof *b.whose);
    b.draw = block_take(&at, (size_t)n * sizeof *b.draw);
    b.drawn = block_take(&at, (size_t)n * sizeof *b.drawn);
    b.token = block_take(&at, tokens * sizeof *b.token);
    for (int s = 0, from = 0; s < n; s++) {
        const DecodeSeq *r = &seq[s].rows;
        memcpy(b.token + from, r->token, (size_t)r->n_new * sizeof *b.token);
        b.rows[s] = *r;
        b.from[s] = seq[s].first_row;
        b.at[s] = from;
        from += r->n_new + DRAFT_MOST;
    }
    return b;
}

// Draws draft k of the sequences that want one; those without a finite row want no more.
static Status draw_drafts(MtpUnit *m, DraftBlock *b, int k) {
    int n = 0;
    for (int s = 0; s < b->n; s++) {
        if (b->seq[s].n_drafts <= k) continue;
        b->whose[n] = s;
        b->draw[n] = (Draw){.seq = s,
                            .row = n,
                            .forced = -1,
                            .rule = b->seq[s].rule,
                            .uniform = b->seq[s].uniform[k]};
        n++;
    }
    if (n == 0) return m->u.ops->wait(m->u.q);
    CHECK(n == m->u.ix->n_want);
    head_draw(&m->u, b->draw, n);
    m->u.ops->download(m->u.q, b->drawn, m->u.acts.drawn, (size_t)n * sizeof *b->drawn);
    TRY(m->u.ops->wait(m->u.q));
    for (int i = 0; i < n; i++) {
        DraftSeq *seq = &b->seq[b->whose[i]];
        if (b->drawn[i].token < 0) {
            seq->n_drafts = k;
            continue;
        }
        seq->draft[k] = b->drawn[i].token;
        b->token[b->at[b->whose[i]] + seq->rows.n_new + k] = b->drawn[i].token;
    }
    return ST_OK;
}

static Status draft_block(const Drafting *d, Workspace *w, int begin, int end) {
    void *memory;
    DraftBlock b = block_open(d->seq + begin, end - begin, &memory);
    Status st = ST_OK;
    for (int k = 0; k < d->modules && st == ST_OK; k++) {
        for (int s = 0; s < b.n; s++) {
            b.rows[s].token = b.token + b.at[s] + k;
            b.rows[s].n_logits = b.seq[s].n_drafts > k;
        }
        index_draft(&w->ix, b.rows, b.n, k == 0 ? b.from : NULL);
        NetUnit u = unit_begin(d->p, w, d->alone);
        u.decode = true;
        MtpUnit m = mtp_decoding(&u, k);
        mtp_forward(&m);
        st = draw_drafts(&m, &b, k);
    }
    free(memory);
    return st;
}

static void draft_slot(void *ctx, int slot) {
    Drafting *d = ctx;
    for (;;) {
        int begin = atomic_load(&d->next), end;
        do {
            if (begin >= d->n_seqs) return;
            end = draft_block_end(d, begin);
        } while (!atomic_compare_exchange_weak(&d->next, &begin, end));
        Status st = draft_block(d, &d->p->work[slot], begin, end);
        if (st != ST_OK) failure_keep(&d->failure, st, begin);
    }
}

Status policy_draft(Policy *p, DraftSeq *seq, int n_seqs, int modules) {
    CHECK(modules >= 1 && modules <= p->model.n_mtp);
    int total = 0;
    for (int s = 0; s < n_seqs; s++) {
        const DecodeSeq *r = &seq[s].rows;
        CHECK(r->n_new >= 1 && seq[s].first_row >= 0 && seq[s].n_drafts >= 0);
        CHECK(seq[s].first_row + r->n_new <= p->hidden_rows && seq[s].n_drafts <= modules);
        for (int t = 0; t < r->n_new; t++)
            CHECK(r->token[t] >= 0 && r->token[t] < p->model.vocab_size);
        total += r->n_new;
    }
    if (n_seqs == 0) return ST_OK;
    Drafting d = {.p = p, .seq = seq, .n_seqs = n_seqs, .modules = modules};
    d.rows = p->ops->unit_rows(p->device, &p->model, UNIT_DECODE, total, p->n_work, p->work[0].cap);
    d.failure = (UnitFailure){.lock = PTHREAD_MUTEX_INITIALIZER};
    d.alone = draft_block_end(&d, 0) == n_seqs;
    p->ops->each(p->device, d.alone ? 1 : p->n_work, draft_slot, &d);
    return failure_raise(&d.failure);
}
