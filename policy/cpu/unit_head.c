// policy/cpu/unit_head.c -- logits of normed rows: log-probabilities, their gradients, or
// themselves.
//
// The head runs over blocks of head_rows rows; the logits of a block are made, used and
// overwritten, and made again in the backward pass: no [rows, vocabulary] array exists. Where W^T
// of the head is not kept, the backward pass goes by columns instead.
#include <math.h>

#include "policy/cpu/backend.h"
#include "policy/cpu/drawrow.h"

static int head_block(Queue *q, View x, const Weight *head, int at) {
    const int n = x.rows - at < q->head_rows ? x.rows - at : q->head_rows;
    const Packed packed = cpu_weight(q, head, 0, false);
    cpu_gemm(&q->dev, q->s.logit, head->n, cpu_f32(view_rows(x, at, n).data), x.stride, n, &packed,
             GEMM_SET, NULL);
    return n;
}

static KernelView logits_of(const Queue *q, int rows, int cols) {
    return (KernelView){
        .data = q->s.logit, .rows = rows, .cols = cols, .stride = cols, .dtype = DTYPE_F32};
}

void cpu_logits(Queue *q, View x, const Weight *head, LogitsBlockFn *fn, void *ctx) {
    for (int at = 0, n; at < x.rows; at += n) {
        n = head_block(q, x, head, at);
        fn(ctx, at, n, q->s.logit);
    }
}

// Draws whose rows are in the block of logits at hand, shared by the threads.
typedef struct DrawBlock {
    const Queue *q;
    const Draw *draw;
    Drawn *out;
    int at, vocab; // at: row of the block's first
} DrawBlock;

// The log-prob of a token over the kept ones: of the row as cpu_keep_row leaves it, in scratch that
// the draw needs no more.
static float kept_logp(const Draw *d, const float *logits, int vocab, int32_t token,
                       void *scratch) {
    float *row = scratch, logp;
    const bool cut = draw_kept(d->kept, token); // else the rules cut nothing
    for (int v = 0; cut && v < vocab; v++)
        row[v] = draw_kept(d->kept, v) ? logits[v] : DRAW_LEFT_OUT;
    cpu_logprob_row(cut ? row : logits, vocab, draw_logprob_scale(&d->rule), token, &logp, NULL,
                    NULL);
    return logp;
}

static void draw_one(void *ctx, int i, int worker) {
    const DrawBlock *b = ctx;
    const Draw *d = &b->draw[i];
    const float *logits = b->q->s.logit + (size_t)(d->row - b->at) * (size_t)b->vocab;
    char *scratch = b->q->s.draw + (b->q->dev.pool ? (size_t)worker : 0) * b->q->s.draw_bytes;
    Drawn out = {.token = d->forced};
    if (out.token < 0 || d->kept)
        out.token = cpu_draw_row_kept(&d->rule, logits, b->vocab, d->uniform, scratch, d->kept);
    if (d->forced >= 0) out.token = d->forced;
    if (out.token >= 0 && d->kept)
        out.logp = kept_logp(d, logits, b->vocab, out.token, scratch);
    else if (out.token >= 0)
        cpu_logprob_row(logits, b->vocab, draw_logprob_scale(&d->rule), out.token, &out.logp, NULL,
                        NULL);
    out.finite = out.token >= 0 && isfinite(out.logp);
    b->out[i] = out;
}

void cpu_draw(Queue *q, View x, const Weight *head, const Draw *draw, int n, DeviceByte *out) {
    Drawn *drawn = (Drawn *)out;
    for (int at = 0, rows, i = 0; at < x.rows && i < n; at += rows) {
        rows = head_block(q, x, head, at);
        int end = i;
        while (end < n && draw[end].row < at + rows) end++;
        DrawBlock block = {q, draw + i, drawn + i, at, head->n};
        pool_for(q->dev.pool, end - i, draw_one, &block);
        i = end;
    }
}

// Leaves out of columns [from, to) of the logits of rows [at, at + n) what is not in their sets.
static void keep_rows(Queue *q, const Logprob *l, int at, int n, int from, int to) {
    for (int i = 0; l->kept && i < n; i++)
        cpu_keep_row(q->s.logit + (size_t)i * (size_t)(to - from), from, to, l->kept[at + i].id,
                     l->kept[at + i].n);
}

void cpu_logprob_unit(Queue *q, const Logprob *l) {
    float *logp = cpu_f32(l->logp.data), *entropy = cpu_f32(l->entropy.data),
          *lse = cpu_f32(l->lse.data);
    for (int at = 0, n; at < l->x.rows; at += n) {
        n = head_block(q, l->x, l->head, at);
        keep_rows(q, l, at, n, 0, l->head->n);
        Status st =
            shared_logprob(&q->dev, logits_of(q, n, l->head->n), cpu_ints(l->token) + at,
                           l->inv_temperature, logp + at, entropy ? entropy + at : NULL, lse + at);
        CHECK(st == ST_OK);
    }
}

// Logits of rows from `at` on become their gradients.
static void logit_gradients(Queue *q, const LogprobBack *b, KernelView logits, int at,
                            const int32_t *token) {
    const Logprob *l = b->of;
    const bool entropy = view_here(l->entropy);
    Status st = shared_logprob_grad(
        &q->dev, logits, token, l->inv_temperature, cpu_f32(l->lse.data) + at,
        entropy ? cpu_f32(l->entropy.data) + at : NULL, cpu_f32(b->dlogp.data) + at,
        entropy ? cpu_f32(b->dentropy.data) + at : NULL);
    CHECK(st == ST_OK);
}

// All rows, by columns of the vocabulary: once log-sum-exp and entropy are known, columns need
// nothing of each other. So a chunk meets every row of the head and of its gradient once.
static void back_by_columns(Queue *q, const LogprobBack *b, DeviceByte *grad) {
    const Logprob *l = b->of;
    const Weight *head = l->head;
    const int D = head->k, V = head->n, rows = l->x.rows;
    const int32_t *token = cpu_ints(l->token);
    const float *x = cpu_f32(l->x.data);
    for (int v = 0; v < V; v += HEAD_COLUMNS) {
        const int n = V - v < HEAD_COLUMNS ? V - v : HEAD_COLUMNS;
        Packed part = cpu_weight(q, head, 0, false);
        part.data = (char *)part.data + gemm_packed_bytes(v, D, head->precision);
        part.n = n;
        cpu_gemm(&q->dev, q->s.logit, n, x, l->x.stride, rows, &part, GEMM_SET, NULL);
        for (int i = 0; i < rows; i++) q->s.head_token[i] = token[i] - v;
        keep_rows(q, l, 0, rows, v, v + n);
        logit_gradients(q, b, logits_of(q, rows, n), 0, q->s.head_token);
        if (head->grad_at != NO_GRAD)
            shared_gemm_grad(&q->dev, cpu_f32(grad) + head->grad_at + (size_t)v * (size_t)D, D,
                             q->s.logit, n, x, l->x.stride, NULL, rows, n, D, head->precision);
        const Packed back = cpu_weight_back_rows(q, head, v, n);
        cpu_gemm(&q->dev, cpu_f32(b->dx.data), b->dx.stride, q->s.logit, n, rows, &back,
                 v > 0 ? GEMM_GO_ON : GEMM_SET, NULL);
    }
}

void cpu_logprob_unit_back(Queue *q, const LogprobBack *b, DeviceByte *grad) {
    const Logprob *l = b->of;
    const Weight *head = l->head;
    const int D = head->k, V = head->n;
    if (!cpu_keeps_back(head)) {
        back_by_columns(q, b, grad);
        return;
    }
    for (int at = 0, n; at < l->x.rows; at += n) {
        n = head_block(q, l->x, head, at);
        keep_rows(q, l, at, n, 0, V);
        logit_gradients(q, b, logits_of(q, n, V), at, cpu_ints(l->token) + at);
        if (head->grad_at != NO_GRAD)
            shared_gemm_grad(&q->dev, cpu_f32(grad) + head->grad_at, D, q->s.logit, V,
                             cpu_f32(view_rows(l->x, at, n).data), l->x.stride, NULL, n, V, D,
                             head->precision);
        const Packed back = cpu_weight(q, head, 0, true);
        cpu_gemm(&q->dev, cpu_f32(view_rows(b->dx, at, n).data), b->dx.stride, q->s.logit, V, n,
                 &back, GEMM_SET, NULL);
    }
}
