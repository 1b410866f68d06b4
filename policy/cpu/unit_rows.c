// policy/cpu/unit_rows.c -- operations on rows of a unit, on blocks of parameters, and the
// optimiser.
#include <string.h>

#include "policy/cpu/backend.h"

enum { BLOCK_FLOATS = 1 << 14 }; // of parameters, that one thread takes

// ---- rows

void cpu_embed(Queue *q, View x, const Weight *table, Ints token) {
    (void)q;
    const int32_t *id = cpu_ints(token);
    const size_t D = (size_t)x.cols;
    for (int t = 0; t < x.rows; t++)
        memcpy(cpu_f32(x.data) + (size_t)t * D, cpu_f32(table->master) + (size_t)id[t] * D,
               D * sizeof(float));
}

void cpu_embed_back(Queue *q, const Weight *table, View dx, Ints token, DeviceByte *grad) {
    (void)q;
    if (table->grad_at == NO_GRAD) return;
    cpu_axpy_rows(NULL, cpu_f32(grad) + table->grad_at, dx.cols, cpu_ints(token), cpu_f32(dx.data),
                  dx.stride, NULL, NULL, NULL, dx.rows, dx.cols);
}

void cpu_rmsnorm_unit(Queue *q, const Norm *job, int n, float eps) {
    for (const Norm *j = job; j < job + n; j++) {
        const float *gain = cpu_f32(j->gain->master);
        if (!j->rows.host) {
            shared_rmsnorm(&q->dev, cpu_f32(j->y.data), j->y.stride, cpu_f32(j->x.data),
                           j->x.stride, gain, j->y.rows, j->y.cols, eps);
            continue;
        }
        const int32_t *from = cpu_ints(j->rows);
        for (int i = 0; i < j->y.rows; i++)
            cpu_rmsnorm(NULL, cpu_f32(view_rows(j->y, i, 1).data), j->y.stride,
                        cpu_f32(view_rows(j->x, from[i], 1).data), j->x.stride, gain, 1, j->y.cols,
                        eps);
    }
}

void cpu_rmsnorm_unit_back(Queue *q, const NormBack *job, int n, float eps, DeviceByte *grad) {
    (void)q;
    for (const NormBack *j = job; j < job + n; j++) {
        const float *gain = cpu_f32(j->gain->master);
        float *dgain = j->gain->grad_at == NO_GRAD ? NULL : cpu_f32(grad) + j->gain->grad_at;
        if (!j->rows.host) {
            cpu_rmsnorm_grad(NULL, cpu_f32(j->dx.data), j->dx.stride, dgain, cpu_f32(j->dy.data),
                             j->dy.stride, cpu_f32(j->x.data), j->x.stride, gain, j->dy.rows,
                             j->dy.cols, eps, j->add);
            continue;
        }
        const int32_t *to = cpu_ints(j->rows);
        for (int i = 0; i < j->dy.rows; i++)
            cpu_rmsnorm_grad(NULL, cpu_f32(view_rows(j->dx, to[i], 1).data), j->dx.stride, dgain,
                             cpu_f32(view_rows(j->dy, i, 1).data), j->dy.stride,
                             cpu_f32(view_rows(j->x, to[i], 1).data), j->x.stride, gain, 1,
                             j->dy.cols, eps, j->add);
    }
}

void cpu_rope_unit(Queue *q, const Rope *job, int n, const RopeTable *table, Ints pos,
                   bool inverse) {
    for (const Rope *j = job; j < job + n; j++) {
        const int rows = j->to.rows / j->heads, dim = j->to.cols, step = j->to.stride;
        for (int r = 0; j->to.data != j->from.data && r < j->to.rows; r++)
            memcpy(cpu_f32(view_rows(j->to, r, 1).data), cpu_f32(view_rows(j->from, r, 1).data),
                   (size_t)dim * sizeof(float));
        if (table->kind == ROPE_PAIRS)
            cpu_rope(NULL, cpu_f32(j->to.data), step * j->heads, j->heads, step,
                     cpu_f32(table->data), cpu_ints(pos), rows, dim, inverse);
        else
            shared_rope_halves(&q->dev, cpu_f32(j->to.data), step * j->heads, j->heads, step,
                               cpu_f32(table->data), cpu_ints(pos), rows, dim, inverse);
    }
}

// ---- blocks of parameters

typedef struct BlockSum {
    float *to;
    const float *from; // NULL: to becomes 0
    size_t n;
} BlockSum;

static void sum_block(void *ctx, int i, int worker) {
    (void)worker;
    const BlockSum *s = ctx;
    const size_t begin = (size_t)i * BLOCK_FLOATS, left = s->n - begin;
    const int n = (int)(left < BLOCK_FLOATS ? left : BLOCK_FLOATS);
    if (s->from)
        cpu_axpy_rows(NULL, s->to + begin, 0, NULL, s->from + begin, 0, NULL, NULL, NULL, 1, n);
    else
        memset(s->to + begin, 0, (size_t)n * sizeof *s->to);
}

static void sum_blocks(Queue *q, BlockSum s) {
    pool_for(q->device->pool, (int)((s.n + BLOCK_FLOATS - 1) / BLOCK_FLOATS), sum_block, &s);
}

void cpu_add(Queue *q, DeviceByte *to, const DeviceByte *from, size_t floats) {
    sum_blocks(q, (BlockSum){cpu_f32(to), cpu_f32(from), floats});
}

void cpu_zero(Queue *q, DeviceByte *at, size_t bytes) {
    const size_t floats = bytes / sizeof(float), left = bytes % sizeof(float);
    sum_blocks(q, (BlockSum){cpu_f32(at), NULL, floats});
    memset((char *)at + (bytes - left), 0, left);
}

typedef struct SpanJob {
    const ParamSpan *span;
    const AdamW *adamw;
    const float *block;
    double *out;
    int32_t *moved;
} SpanJob;

// Sum of squares of one tensor: 8 double lanes, folded in order.
static void square_sum(void *ctx, int i, int worker) {
    (void)worker;
    const SpanJob *job = ctx;
    const float *g = job->block + job->span[i].grad_at;
    const size_t n = job->span[i].n;
    double lane[8] = {0};
    size_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (size_t k = 0; k < 8; k++) lane[k] += (double)g[j + k] * (double)g[j + k];
    for (; j < n; j++) lane[j % 8] += (double)g[j] * (double)g[j];
    for (int w = 4; w > 0; w /= 2)
        for (int k = 0; k < w; k++) lane[k] += lane[k + w];
    job->out[i] = lane[0];
}

void cpu_sumsq(Queue *q, DeviceByte *out, const DeviceByte *block, const ParamSpan *span, int n) {
    SpanJob job = {.span = span, .block = cpu_f32(block), .out = (double *)out};
    pool_for(q->device->pool, n, square_sum, &job);
}

static void update_span(void *ctx, int i, int worker) {
    (void)worker;
    const SpanJob *job = ctx;
    const AdamW *a = job->adamw;
    const ParamSpan *s = &job->span[i];
    int moved = 0;
    cpu_adamw(cpu_f32(a->w) + s->weight_at, cpu_f32(a->m) + s->moment_at,
              cpu_f32(a->v) + s->moment_at, cpu_f32(a->g) + s->grad_at, s->n, a, s->decay, &moved);
    job->moved[i] = moved;
}

void cpu_adamw_spans(Queue *q, const AdamW *a, const ParamSpan *span, int n, DeviceByte *moved) {
    SpanJob job = {.span = span, .adamw = a, .moved = (int32_t *)moved};
    pool_for(q->device->pool, n, update_span, &job);
}
