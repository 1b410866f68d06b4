// policy/ffn.c -- the second half of a layer: dense SwiGLU, or DeepSeekMoE.
//
// DeepSeek-V3 eq. 12: x + shared(h) + sum of weight_i expert_i(h), experts added in ascending order
// per token; no token is dropped.
#include <string.h>

#include "policy/net.h"

static RouterShape router_shape(const ModelConfig *m) {
    return (RouterShape){.experts = m->n_routed_experts,
                         .k = m->n_experts_per_tok,
                         .groups = m->n_group > 0 ? m->n_group : 1,
                         .topk_group = m->topk_group,
                         .scoring = m->scoring,
                         .topk = m->topk_method,
                         .norm = m->norm_topk_prob,
                         .scale = (float)m->routed_scaling_factor};
}

// Slots sorted by expert, inside an expert by token.
static void sort_slots(Save *a, int n_tokens, int n_experts, int k) {
    memset(a->begin, 0, (size_t)(n_experts + 1) * sizeof *a->begin);
    for (int i = 0; i < n_tokens * k; i++) a->begin[a->route[i] + 1]++;
    for (int e = 0; e < n_experts; e++) a->begin[e + 1] += a->begin[e];
    for (int i = 0; i < n_tokens * k; i++) { // begin[e] runs ahead to begin[e + 1] ...
        const int slot = a->begin[a->route[i]]++;
        a->slot_token[slot] = i / k;
        a->slot_entry[slot] = i;
    }
    for (int e = n_experts; e > 0; e--) a->begin[e] = a->begin[e - 1]; // ... and comes back
    a->begin[0] = 0;
}

// Packed index in the unit of a sequence's first row.
static size_t packed_row(const Workspace *w, int s) {
    return (size_t)(w->packed[s] + w->pos0[s]);
}

static void route(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const RouterShape shape = router_shape(&p->model);
    const int T = r->n_tokens, step = p->n_moe * shape.k, at = y->moe_at * shape.k;

    p->ops->gemm(&w->dev, w->logit, shape.experts, w->h, p->model.hidden_size, T, &y->router.fwd,
                 false, NULL);
    const float *bias = y->bias >= 0 ? net_at(p, p->master, y->bias) : NULL;
    if (!r->replay)
        p->ops->router(&w->dev, &shape, a->score, a->route, a->weight, w->logit, bias, NULL, step,
                       T);
    for (int s = 0; r->replay && s < r->n_seqs; s++) { // rows after rows, packed tokens not
        const size_t row = (size_t)w->offset[s], E = (size_t)shape.experts, k = (size_t)shape.k;
        p->ops->router(&w->dev, &shape, a->score + row * E, a->route + row * k, a->weight + row * k,
                       w->logit + row * E, bias, r->replay + packed_row(w, s) * (size_t)step + at,
                       step, w->offset[s + 1] - w->offset[s]);
    }
    for (int s = 0; r->record && s < r->n_seqs; s++)
        for (int t = w->offset[s]; t < w->offset[s + 1]; t++)
            memcpy(r->record + (packed_row(w, s) + (size_t)(t - w->offset[s])) * (size_t)step + at,
                   a->route + (size_t)t * (size_t)shape.k, (size_t)shape.k * sizeof *r->record);
    sort_slots(a, T, shape.experts, shape.k);
    int64_t *load = w->load + (size_t)y->moe_at * (size_t)shape.experts;
    for (int e = 0; r->grad && e < shape.experts; e++)
        for (int i = a->begin[e]; i < a->begin[e + 1]; i++) load[e] += w->times[a->slot_token[i]];
}

static void experts_forward(Run *r, int l, float *out) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int D = p->model.hidden_size, I = p->model.moe_intermediate_size;
    for (int e = 0; e < p->model.n_routed_experts; e++) {
        const int at = a->begin[e], n = a->begin[e + 1] - at;
        if (n == 0) continue;
        const int32_t *token = a->slot_token + at;
        const size_t slot = r->save ? (size_t)at * (size_t)I : 0;
        float *gate = a->egate + slot, *up = a->eup + slot;
        ops->gemm(&w->dev, gate, I, w->h, D, n, &y->expert[e].gate.fwd, false, token);
        ops->gemm(&w->dev, up, I, w->h, D, n, &y->expert[e].up.fwd, false, token);
        ops->swiglu(&w->dev, w->act, gate, up, (size_t)n * (size_t)I);
        ops->gemm(&w->dev, w->y, D, w->act, I, n, &y->expert[e].down.fwd, false, NULL);
        ops->axpy_rows(&w->dev, out, D, token, w->y, D, NULL, a->weight, a->slot_entry + at, n, D);
    }
}

void ffn_forward(Run *r, int l, float *out) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int T = r->n_tokens, D = p->model.hidden_size, F = y->ffn.width;

    ops->rmsnorm(&w->dev, w->h, D, a->x1, D, net_at(p, p->master, y->ffn_norm), T, D,
                 (float)p->model.rms_norm_eps);
    if (out != a->x1) memcpy(out, a->x1, (size_t)T * (size_t)D * sizeof *out);
    if (F > 0) {
        net_linear(r, &y->ffn.gate, a->gate, w->h, D, false);
        net_linear(r, &y->ffn.up, a->up, w->h, D, false);
        ops->swiglu(&w->dev, w->act, a->gate, a->up, (size_t)T * (size_t)F);
        net_linear(r, &y->ffn.down, out, w->act, F, true);
    }
    if (!y->moe) return;
    route(r, l);
    experts_forward(r, l, out);
}

// One SwiGLU over n rows: dy [n,D] -> dgate, dup in w; weights' gradients. x rows are gathered by
// `token`. With `entry` the rows carry the routing weights, whose gradient is written.
static void swiglu_backward(Run *r, const Ffn *f, const float *gate, const float *up,
                            const float *dy, int n, const int32_t *token, const int32_t *entry,
                            const float *weight) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    const int D = p->model.hidden_size, F = f->width;
    const size_t size = (size_t)n * (size_t)F;

    const Packed down = net_back(r, &f->down);
    ops->gemm(&w->dev, w->dact, F, dy, D, n, &down, false, NULL);
    ops->swiglu(&w->dev, w->act, gate, up, size);
    if (entry) {
        ops->dot_rows(&w->dev, w->dweight, entry, w->dact, w->act, n, F);
        ops->scale_rows(&w->dev, w->dact, weight, entry, n, F);
        ops->scale_rows(&w->dev, w->act, weight, entry, n, F);
    }
    ops->gemm_grad(&w->dev, net_at(p, r->grad, f->down.param), F, dy, D, w->act, F, NULL, n, D, F,
                   f->down.precision);
    ops->swiglu_grad(&w->dev, w->dgate, w->dup, w->dact, gate, up, size);
    ops->gemm_grad(&w->dev, net_at(p, r->grad, f->gate.param), D, w->dgate, F, w->h, D, token, n, F,
                   D, f->gate.precision);
    ops->gemm_grad(&w->dev, net_at(p, r->grad, f->up.param), D, w->dup, F, w->h, D, token, n, F, D,
                   f->up.precision);
}

// dLoss/dscore of every row from the balance of every sequence: a shared row has a part in each.
static void balance_backward(Run *r, const RouterShape *shape, const float *score) {
    Workspace *w = r->w;
    const size_t E = (size_t)shape->experts;
    for (int s = 0; s < r->n_seqs; s++) {
        const size_t shared = (size_t)w->pos0[s] * E, from = (size_t)w->offset[w->leader[s]] * E;
        const size_t at = (size_t)w->offset[s] * E, own = (size_t)w->offset[s + 1] * E - at;
        const int n = w->pos0[s] + w->offset[s + 1] - w->offset[s];
        if (shared == 0) {
            r->p->ops->router_balance(&w->dev, shape, w->dscore + at, score + at, r->balance, n);
            continue;
        }
        float *all = w->balance, *grad = all + (size_t)n * E;
        memcpy(all, score + from, shared * sizeof *all);
        memcpy(all + shared, score + at, own * sizeof *all);
        r->p->ops->router_balance(&w->dev, shape, grad, all, r->balance, n);
        for (size_t i = 0; i < shared; i++) w->dscore[from + i] += grad[i];
        memcpy(w->dscore + at, grad + shared, own * sizeof *grad);
    }
}

static void router_backward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const RouterShape shape = router_shape(&p->model);
    const int T = r->n_tokens, D = p->model.hidden_size, E = shape.experts;
    const bool balance = r->balance != 0;
    if (balance) balance_backward(r, &shape, a->score);
    ops->router_grad(&w->dev, &shape, w->logit, balance ? w->dscore : NULL, w->dweight, a->score,
                     a->route, T);
    ops->gemm_grad(&w->dev, net_at(p, r->grad, y->router.param), D, w->logit, E, w->h, D, NULL, T,
                   E, D, PRECISION_FP32);
    ops->gemm(&w->dev, w->dh, D, w->logit, E, T, &y->router.back, true, NULL);
}

void ffn_backward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int T = r->n_tokens, D = p->model.hidden_size, F = y->ffn.width,
              I = p->model.moe_intermediate_size;
    const float eps = (float)p->model.rms_norm_eps;
    const float *gain = net_at(p, p->master, y->ffn_norm);

    ops->rmsnorm(&w->dev, w->h, D, a->x1, D, gain, T, D, eps);
    if (F > 0) {
        swiglu_backward(r, &y->ffn, a->gate, a->up, w->dx, T, NULL, NULL, NULL);
        net_bias_grad(r, &y->ffn.down, w->dx);
        net_bias_grad(r, &y->ffn.gate, w->dgate);
        net_bias_grad(r, &y->ffn.up, w->dup);
        net_linear_back(r, &y->ffn.gate, w->dh, w->dgate, false);
        net_linear_back(r, &y->ffn.up, w->dh, w->dup, true);
    } else {
        memset(w->dh, 0, (size_t)T * (size_t)D * sizeof(float));
    }
    for (int e = 0; y->moe && e < p->model.n_routed_experts; e++) {
        const int at = a->begin[e], n = a->begin[e + 1] - at;
        if (n == 0) continue;
        const size_t slot = (size_t)at * (size_t)I;
        const Ffn *f = &y->expert[e];
        const int32_t *token = a->slot_token + at;
        ops->gather_rows(&w->dev, w->dy, w->dx, D, token, n, D);
        swiglu_backward(r, f, a->egate + slot, a->eup + slot, w->dy, n, token, a->slot_entry + at,
                        a->weight);
        ops->gemm(&w->dev, w->y, D, w->dgate, I, n, &f->gate.back, false, NULL);
        ops->gemm(&w->dev, w->y, D, w->dup, I, n, &f->up.back, true, NULL);
        ops->axpy_rows(&w->dev, w->dh, D, token, w->y, D, NULL, NULL, NULL, n, D);
    }
    if (y->moe) router_backward(r, l);
    ops->rmsnorm_grad(&w->dev, w->dx, D, net_at(p, r->grad, y->ffn_norm), w->dh, D, a->x1, D, gain,
                      T, D, eps, true);
}
