// policy/cpu/unit_moe.c -- routes of a unit, and its experts one after the other.
#include <string.h>

#include "policy/cpu/backend.h"

// ---- routes

// Slots sorted by expert, inside an expert by row.
static void sort_slots(const Slots *slots, const int16_t *route, int rows, int experts, int k) {
    int32_t *begin = (int32_t *)slots->begin, *token = (int32_t *)slots->token,
            *entry = (int32_t *)slots->entry;
    memset(begin, 0, ((size_t)experts + 1) * sizeof *begin);
    for (int i = 0; i < rows * k; i++) begin[route[i] + 1]++;
    for (int e = 0; e < experts; e++) begin[e + 1] += begin[e];
    for (int i = 0; i < rows * k; i++) { // begin[e] runs ahead to begin[e + 1] ...
        const int slot = begin[route[i]]++;
        token[slot] = i / k;
        entry[slot] = i;
    }
    for (int e = experts; e > 0; e--) begin[e] = begin[e - 1]; // ... and comes back
    begin[0] = 0;
}

void cpu_route(Queue *q, const RouterShape *shape, const Route *r, const Index *ix) {
    (void)q;
    int16_t *route = (int16_t *)r->route.data;
    cpu_router(NULL, shape, cpu_f32(r->score.data), route, cpu_f32(r->weight.data),
               cpu_f32(r->logit.data), r->bias ? cpu_f32(r->bias->master) : NULL,
               r->replay ? route : NULL, shape->k, r->logit.rows);
    sort_slots(&r->slots, route, r->logit.rows, shape->experts, shape->k);
    if (!r->load) return;
    int64_t *load = (int64_t *)r->load;
    const int32_t *begin = (const int32_t *)r->slots.begin, *times = cpu_ints(ix->times);
    for (int e = 0; e < shape->experts; e++)
        for (int i = begin[e]; i < begin[e + 1]; i++)
            load[e] += times[((const int32_t *)r->slots.token)[i]];
}

// dLoss/dscore of every row from the balance of every sequence: a shared row has a part in each.
static void balance_back(Queue *q, const RouterShape *shape, const float *score, float balance,
                         const Index *ix) {
    const int32_t *offset = cpu_ints(ix->offset), *pos0 = cpu_ints(ix->pos0),
                  *leader = cpu_ints(ix->leader);
    const size_t E = (size_t)shape->experts;
    float *dscore = q->s.dscore;
    for (int s = 0; s < ix->n_seqs; s++) {
        const size_t shared = (size_t)pos0[s] * E, from = (size_t)offset[leader[s]] * E;
        const size_t at = (size_t)offset[s] * E, own = (size_t)offset[s + 1] * E - at;
        const int n = pos0[s] + offset[s + 1] - offset[s];
        if (shared == 0) {
            cpu_router_balance(NULL, shape, dscore + at, score + at, balance, n);
            continue;
        }
        float *all = q->s.balance, *grad = all + (size_t)n * E;
        memcpy(all, score + from, shared * sizeof *all);
        memcpy(all + shared, score + at, own * sizeof *all);
        cpu_router_balance(NULL, shape, grad, all, balance, n);
        for (size_t i = 0; i < shared; i++) dscore[from + i] += grad[i];
        memcpy(dscore + at, grad + shared, own * sizeof *grad);
    }
}

void cpu_route_back(Queue *q, const RouterShape *shape, const RouteBack *r, const Index *ix) {
    const float *score = cpu_f32(r->score.data);
    const bool balance = r->balance != 0;
    if (balance) balance_back(q, shape, score, r->balance, ix);
    cpu_router_grad(NULL, shape, cpu_f32(r->dlogit.data), balance ? q->s.dscore : NULL,
                    cpu_f32(r->dweight.data), score, (const int16_t *)r->route.data,
                    r->dlogit.rows);
}

// ---- experts

typedef struct ExpertRows { // the slots of expert e
    const int32_t *token, *entry;
    float *gate, *up;
    int n;
} ExpertRows;

static ExpertRows rows_of(const Experts *x, int e) {
    const int32_t *begin = (const int32_t *)x->slots.begin;
    const size_t at = (size_t)begin[e], kept = x->save ? at * (size_t)x->gate.cols : 0;
    return (ExpertRows){.token = (const int32_t *)x->slots.token + at,
                        .entry = (const int32_t *)x->slots.entry + at,
                        .gate = cpu_f32(x->gate.data) + kept,
                        .up = cpu_f32(x->up.data) + kept,
                        .n = begin[e + 1] - begin[e]};
}

void cpu_experts(Queue *q, const Experts *x) {
    const int D = x->x.cols, I = x->gate.cols;
    float *out = cpu_f32(x->out.data), *h = cpu_f32(x->x.data), *act = cpu_f32(x->act.data);
    if (x->base.data != x->out.data) memcpy(out, cpu_f32(x->base.data), view_bytes(x->out));
    for (int e = 0; e < x->expert->gate.batch; e++) {
        const ExpertRows r = rows_of(x, e);
        if (r.n == 0) continue;
        const Packed gate = cpu_weight(q, &x->expert->gate, e, false);
        const Packed up = cpu_weight(q, &x->expert->up, e, false);
        const Packed down = cpu_weight(q, &x->expert->down, e, false);
        cpu_gemm(&q->dev, r.gate, I, h, D, r.n, &gate, GEMM_SET, r.token);
        cpu_gemm(&q->dev, r.up, I, h, D, r.n, &up, GEMM_SET, r.token);
        shared_swiglu(&q->dev, act, r.gate, r.up, (size_t)r.n * (size_t)I);
        cpu_gemm(&q->dev, q->s.row, D, act, I, r.n, &down, GEMM_SET, NULL);
        cpu_axpy_rows(NULL, out, D, r.token, q->s.row, D, NULL, cpu_f32(x->weight.data), r.entry,
                      r.n, D);
    }
}

// dW of expert e: dy^T x, [n, k].
static void expert_grad(Queue *q, DeviceByte *grad, const Weight *w, int e, const float *dy,
                        const float *x, const int32_t *row_of_x, int rows) {
    if (w->grad_at == NO_GRAD) return;
    shared_gemm_grad(&q->dev, cpu_f32(grad) + w->grad_at + (size_t)e * w->grad_step, w->k, dy, w->n,
                     x, w->k, row_of_x, rows, w->n, w->k, w->precision);
}

void cpu_experts_back(Queue *q, const ExpertsBack *b, DeviceByte *grad) {
    const Experts *x = b->of;
    const Ffn *f = x->expert;
    const int D = x->x.cols, I = x->gate.cols;
    float *dact = cpu_f32(b->dact.data), *dgate = cpu_f32(b->dgate.data),
          *dup = cpu_f32(b->dup.data), *act = cpu_f32(x->act.data), *dy = q->s.drow, *y = q->s.row;
    const float *h = cpu_f32(x->x.data), *weight = cpu_f32(x->weight.data);
    for (int e = 0; e < f->gate.batch; e++) {
        const ExpertRows r = rows_of(x, e);
        if (r.n == 0) continue;
        const size_t size = (size_t)r.n * (size_t)I;
        const Packed down = cpu_weight(q, &f->down, e, true),
                     gate = cpu_weight(q, &f->gate, e, true), up = cpu_weight(q, &f->up, e, true);
        cpu_gather_rows(NULL, dy, cpu_f32(b->dout.data), D, r.token, r.n, D);
        cpu_gemm(&q->dev, dact, I, dy, D, r.n, &down, GEMM_SET, NULL);
        shared_swiglu(&q->dev, act, r.gate, r.up, size);
        cpu_dot_rows(NULL, cpu_f32(b->dweight.data), r.entry, dact, act, r.n, I);
        cpu_scale_rows(NULL, dact, weight, r.entry, r.n, I);
        cpu_scale_rows(NULL, act, weight, r.entry, r.n, I);
        expert_grad(q, grad, &f->down, e, dy, act, NULL, r.n);
        shared_swiglu_grad(&q->dev, dgate, dup, dact, r.gate, r.up, size);
        expert_grad(q, grad, &f->gate, e, dgate, h, r.token, r.n);
        expert_grad(q, grad, &f->up, e, dup, h, r.token, r.n);
        cpu_gemm(&q->dev, y, D, dgate, I, r.n, &gate, GEMM_SET, NULL);
        cpu_gemm(&q->dev, y, D, dup, I, r.n, &up, GEMM_ADD, NULL);
        cpu_axpy_rows(NULL, cpu_f32(b->dx.data), D, r.token, y, D, NULL, NULL, NULL, r.n, D);
    }
}
