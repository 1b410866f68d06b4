// policy/cpu/unit_linear.c -- packed weights, and every product of a unit with them.
#include <stdlib.h>
#include <string.h>

#include "policy/cpu/backend.h"
#include "policy/cpu/quant.h"

void cpu_gemm(void *dev, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
              int into, const int32_t *gather) {
    const CpuDev *d = dev;
    const GemmOpts opts = {
        .accumulate = into == GEMM_ADD, .go_on = into == GEMM_GO_ON, .gather = gather};
    if (m <= 0) return;
    if (d->pool)
        gemm_pool(d->pool, c, ldc, a, lda, m, w, &opts, d->work);
    else
        gemm(c, ldc, a, lda, m, w, &opts, d->work);
}

void cpu_round_bf16(void *dev, float *x, size_t n) {
    (void)dev;
    enum { PIECE = 1 << 20 };
    for (; n > PIECE; n -= PIECE, x += PIECE) bf16_round_n(x, x, PIECE);
    bf16_round_n(x, x, (int)n);
}

// ---- packed weights: of each matrix W, then W^T, as `use` says

static size_t fwd_bytes(const Weight *w) {
    return w->use & WEIGHT_FWD ? gemm_packed_bytes(w->n, w->k, w->precision) : 0;
}
static size_t back_bytes(const Weight *w) {
    return cpu_keeps_back(w) ? gemm_packed_bytes(w->k, w->n, w->precision) : 0;
}

size_t cpu_weight_bytes(const Device *d, const Weight *w) {
    (void)d;
    return (size_t)w->batch * (fwd_bytes(w) + back_bytes(w));
}

static char *weight_at(const Weight *w, int m, bool back) {
    const size_t fwd = fwd_bytes(w);
    return (char *)(uintptr_t)w->data + (size_t)m * (fwd + back_bytes(w)) + (back ? fwd : 0);
}

static const float *master_at(const Weight *w, int m) {
    return cpu_f32(w->master) + (size_t)m * w->step;
}

typedef struct PackList {
    Weight *const *w;
    int *first; // [n + 1] jobs before each Weight: a matrix each way
    int n;
} PackList;

static int ways(const Weight *w) {
    return (w->use & WEIGHT_FWD ? 1 : 0) + (cpu_keeps_back(w) ? 1 : 0);
}

static void pack_one(void *ctx, int i, int worker) {
    (void)worker;
    const PackList *list = ctx;
    int low = 0, high = list->n - 1; // the last Weight whose first job is not behind i
    while (low < high) {
        const int middle = (low + high + 1) / 2;
        if (list->first[middle] <= i)
            low = middle;
        else
            high = middle - 1;
    }
    const Weight *w = list->w[low];
    const int job = i - list->first[low], each = ways(w);
    CHECK(each > 0);
    const int m = job / each;
    const bool back = !(w->use & WEIGHT_FWD) || job % each == 1;
    Packed packed;
    gemm_pack(&packed, weight_at(w, m, back), master_at(w, m), w->k, back ? w->k : w->n,
              back ? w->n : w->k, back, w->precision);
}

void cpu_weights_set(Queue *q, Weight *const *w, int n) {
    CHECK(q->device->kernels == gemm_set()); // another kernel set wants another layout
    int *first = malloc(((size_t)n + 1) * sizeof *first), jobs = 0, kept = 0;
    Weight **some = malloc(((size_t)n + 1) * sizeof *some);
    CHECK(first && some);
    for (int i = 0; i < n; i++) {
        if (ways(w[i]) == 0) continue;
        some[kept] = w[i];
        first[kept++] = jobs;
        jobs += w[i]->batch * ways(w[i]);
    }
    PackList list = {.w = some, .first = first, .n = kept};
    pool_for(q->device->pool, jobs, pack_one, &list);
    free(first);
    free(some);
}

typedef struct TransposeJob { // W^T [k,n] in pieces of `each` rows, whole panels
    char *data;
    const float *w;
    int n, k, each;
    Precision precision;
} TransposeJob;

static void turn_piece(void *ctx, int i, int worker) {
    (void)worker;
    const TransposeJob *t = ctx;
    const int at = i * t->each, left = t->k - at;
    Packed part;
    gemm_pack(&part, t->data + gemm_packed_bytes(at, t->n, t->precision), t->w + at, t->k,
              left < t->each ? left : t->each, t->n, true, t->precision);
}

Packed cpu_weight_back_rows(Queue *q, const Weight *w, int from, int n) {
    const int pieces = 4 * pool_threads(q->dev.pool), panels = (w->k + GEMM_PANEL - 1) / GEMM_PANEL;
    TransposeJob t = {.data = q->s.transposed,
                      .w = master_at(w, 0) + (size_t)from * (size_t)w->k,
                      .n = n,
                      .k = w->k,
                      .each = (panels + pieces - 1) / pieces * GEMM_PANEL,
                      .precision = w->precision};
    pool_for(q->dev.pool, (w->k + t.each - 1) / t.each, turn_piece, &t);
    return (Packed){
        .data = t.data, .n = w->k, .k = n, .precision = w->precision, .takes_gradients = true};
}

Packed cpu_weight(Queue *q, const Weight *w, int m, bool back) {
    if (back && !cpu_keeps_back(w)) return cpu_weight_back_rows(q, w, 0, w->n);
    Packed packed =
        gemm_packed(weight_at(w, m, back), back ? w->k : w->n, back ? w->n : w->k, w->precision);
    packed.takes_gradients = back;
    return packed;
}

// ---- products

static void copy_rows(View to, View from) {
    if (to.stride == to.cols && from.stride == from.cols) {
        memcpy(cpu_f32(to.data), cpu_f32(from.data), view_bytes(to));
        return;
    }
    for (int r = 0; r < to.rows; r++)
        memcpy(cpu_f32(view_rows(to, r, 1).data), cpu_f32(view_rows(from, r, 1).data),
               (size_t)to.cols * sizeof(float));
}

void cpu_linear(Queue *q, const Product *job, int n) {
    for (const Product *p = job; p < job + n; p++) {
        const Weight *w = p->w;
        const int into = view_here(p->base) ? GEMM_ADD : GEMM_SET, rows = p->y.rows / w->batch;
        if (into == GEMM_ADD && p->base.data != p->y.data) copy_rows(p->y, p->base);
        for (int m = 0; m < w->batch; m++) {
            const Packed packed = cpu_weight(q, w, m, p->transposed);
            cpu_gemm(&q->dev, cpu_f32(p->y.data) + (size_t)m * (size_t)p->y.stride,
                     p->y.stride * w->batch, cpu_f32(p->x.data) + (size_t)m * (size_t)p->x.stride,
                     p->x.stride * w->batch, rows, &packed, into, NULL);
        }
        if (w->bias && !p->transposed) // rows of stride 0: one row serves all
            cpu_axpy_rows(NULL, cpu_f32(p->y.data), p->y.stride, NULL, cpu_f32(w->bias_master), 0,
                          NULL, NULL, NULL, rows, w->n);
    }
}

void cpu_linear_grad(Queue *q, const ProductGrad *job, int n, DeviceByte *grad) {
    for (const ProductGrad *p = job; p < job + n; p++) {
        const Weight *w = p->w;
        const int rows = p->y.rows / w->batch;
        for (int m = 0; m < w->batch && w->grad_at != NO_GRAD; m++)
            shared_gemm_grad(&q->dev, cpu_f32(grad) + w->grad_at + (size_t)m * w->grad_step, w->k,
                             cpu_f32(p->y.data) + (size_t)m * (size_t)p->y.stride,
                             p->y.stride * w->batch,
                             cpu_f32(p->x.data) + (size_t)m * (size_t)p->x.stride,
                             p->x.stride * w->batch, NULL, rows, w->n, w->k, w->precision);
        if (w->bias && w->bias_grad_at != NO_GRAD)
            cpu_axpy_rows(NULL, cpu_f32(grad) + w->bias_grad_at, 0, NULL, cpu_f32(p->y.data),
                          p->y.stride, NULL, NULL, NULL, rows, w->n);
    }
}

// ---- SwiGLU

void cpu_glu(Queue *q, const Glu *g) {
    const Product both[] = {{.y = g->gate, .x = g->x, .w = &g->ffn->gate},
                            {.y = g->up, .x = g->x, .w = &g->ffn->up}};
    cpu_linear(q, both, 2);
    shared_swiglu(&q->dev, cpu_f32(g->act.data), cpu_f32(g->gate.data), cpu_f32(g->up.data),
                  (size_t)g->gate.rows * (size_t)g->gate.cols);
}

void cpu_glu_back(Queue *q, const GluBack *g) {
    const size_t n = (size_t)g->gate.rows * (size_t)g->gate.cols;
    const float *gate = cpu_f32(g->gate.data), *up = cpu_f32(g->up.data);
    shared_swiglu(&q->dev, cpu_f32(g->act.data), gate, up, n);
    shared_swiglu_grad(&q->dev, cpu_f32(g->dgate.data), cpu_f32(g->dup.data), cpu_f32(g->dact.data),
                       gate, up, n);
}
