// policy/mla.c -- multi-head latent attention, forward and backward, absorbed and expanded.
//
// DeepSeek-V3 section 2.1.1. Keys and values come from one latent vector per token (after its norm)
// plus one rotated key shared by all heads. Absorbed: the query is carried into latent space by
// W_UK, so all heads share one key of kv_lora_rank + rope values, and the result comes back through
// W_UV. Expanded: keys and values of every head are made from the latent.
#include <string.h>

#include "policy/net.h"

// Dimensions, bound once: D hidden, H heads, N nope, P rope, V value, R latent, C = R + P, Q
// q_lora.
typedef struct Dim {
    int D, H, N, P, V, R, C, Q, NP, NV;
} Dim;

static Dim dims(const ModelConfig *m) {
    return (Dim){.D = m->hidden_size,
                 .H = m->n_heads,
                 .N = m->qk_nope_head_dim,
                 .P = m->qk_rope_head_dim,
                 .V = m->v_head_dim,
                 .R = m->kv_lora_rank,
                 .C = model_cache_dim(m),
                 .Q = m->q_lora_rank,
                 .NP = model_qk_dim(m),
                 .NV = m->qk_nope_head_dim + m->v_head_dim};
}

static float *kv_page(const Policy *p, int l) {
    return net_kv(p, l);
}

// New latents of a decoded sequence go to its pages.
static void store(const Run *r, int l, int s, int at) {
    const DecodeSeq *q = &r->decode[s];
    const int c = model_cache_dim(&r->p->model);
    float *kv = kv_page(r->p, l);
    for (int t = 0; t < q->n_new; t++) {
        const int pos = q->pos + t;
        const size_t row =
            (size_t)q->page[pos / KV_PAGE_TOKENS] * KV_PAGE_TOKENS + (size_t)(pos % KV_PAGE_TOKENS);
        memcpy(kv + row * (size_t)c, net_save(r, l)->latent + (size_t)(at + t) * (size_t)c,
               (size_t)c * sizeof *kv);
    }
}

// A layer's attention in items, which threads share where all work on this unit: an item is a part
// of a sequence, cut between heads (one new token) or between tokens.
typedef struct Attend {
    Run *r;
    int l, parts;
    Dim d;
    const float *latent, *kv; // expanded: of the unit, or of the one sequence that is decoded
    int s;
} Attend;

// The scratch of a thread: the first one's, unless all work on this unit.
static CpuDev device_of(const Workspace *w, int worker) {
    const size_t at = w->dev.pool ? (size_t)worker : 0;
    return (CpuDev){.work = (char *)w->dev.work + at * w->attention_bytes};
}

// Parts of a sequence, so that every thread has one; a part keeps four heads at least, or tokens.
static int parts_of(const Run *r, int heads) {
    const int threads = r->w->dev.pool ? pool_threads(r->w->dev.pool) : 1;
    const int want = r->n_seqs < threads ? (threads + r->n_seqs - 1) / r->n_seqs : 1;
    if (r->n_tokens > r->n_seqs) return want;
    const int most = heads / 4 > 1 ? heads / 4 : 1;
    return want < most ? want : most;
}

static void attend_absorbed(void *ctx, int i, int worker) {
    const Attend *all = ctx;
    const Dim *d = &all->d;
    const Run *r = all->r;
    const int l = all->l, s = i / all->parts, part = i % all->parts;
    const Policy *p = r->p;
    const Workspace *w = r->w;
    const Save *a = net_save(r, l);
    const size_t at = (size_t)w->offset[s];
    const int n = w->offset[s + 1] - w->offset[s], whole = n > 1 ? n : d->H;
    const int from = whole * part / all->parts, count = whole * (part + 1) / all->parts - from;
    if (count == 0) return;
    AttentionShape shape = {.tokens = n > 1 ? count : 1,
                            .heads = n > 1 ? d->H : count,
                            .pos0 = w->pos0[s] + (n > 1 ? from : 0),
                            .k_dim = d->C,
                            .v_dim = d->R,
                            .ldk = d->C,
                            .ldv = d->C,
                            .scale = p->softmax_scale};
    if (!r->decode) {
        shape.k = shape.v = a->latent + net_keys(w, s, &shape) * (size_t)d->C;
    } else {
        shape.k = shape.v = kv_page(p, l);
        shape.page = r->decode[s].page;
        shape.page_rows = KV_PAGE_TOKENS;
        shape.page_step = KV_PAGE_TOKENS * (size_t)d->C;
    }
    const size_t row = at * (size_t)d->H + (size_t)from * (size_t)(n > 1 ? d->H : 1);
    CpuDev dev = device_of(w, worker);
    p->ops->attention(&dev, &shape, a->o_lat + row * (size_t)d->R, d->R, a->lse + row, 1,
                      a->qk + row * (size_t)d->C, d->C);
}

static void attend_head(void *ctx, int h, int worker) {
    const Attend *all = ctx;
    const Dim *d = &all->d;
    const Workspace *w = all->r->w;
    const Save *a = net_save(all->r, all->l);
    const int s = all->s;
    AttentionShape shape = {.tokens = w->offset[s + 1] - w->offset[s],
                            .heads = 1,
                            .pos0 = w->pos0[s],
                            .k_dim = d->N,
                            .k2_dim = d->P,
                            .v_dim = d->V,
                            .ldk = d->H * d->NV,
                            .ldk2 = d->C,
                            .ldv = d->H * d->NV,
                            .scale = all->r->p->softmax_scale};
    const size_t first = all->r->decode ? 0 : net_keys(w, s, &shape);
    shape.k = all->kv + first * (size_t)shape.ldk + h * d->NV;
    shape.k2 = all->latent + first * (size_t)d->C + d->R;
    shape.v = shape.k + d->N;
    const size_t row = (size_t)w->offset[s] * (size_t)d->H + (size_t)h;
    CpuDev dev = device_of(w, worker);
    all->r->p->ops->attention(&dev, &shape, a->o + row * (size_t)d->V, d->H * d->V, a->lse + row,
                              d->H, a->q + row * (size_t)d->NP, d->H * d->NP);
}

static void attend_expanded(Run *r, int l, int s, const Dim *d) {
    Policy *p = r->p;
    Workspace *w = r->w;
    Save *a = net_save(r, l);
    const float *latent = a->latent, *kv = a->kv;
    if (r->decode) { // make keys and values of everything cached
        const DecodeSeq *q = &r->decode[s];
        const int keys = q->pos + q->n_new;
        float *rows = w->keys, *made = rows + (size_t)p->opts.max_seq_tokens * (size_t)d->C + 32;
        const float *cache = kv_page(p, l);
        for (int t = 0; t < keys; t++) {
            const size_t row =
                (size_t)q->page[t / KV_PAGE_TOKENS] * KV_PAGE_TOKENS + (size_t)(t % KV_PAGE_TOKENS);
            memcpy(rows + (size_t)t * (size_t)d->C, cache + row * (size_t)d->C,
                   (size_t)d->C * sizeof *rows);
        }
        p->ops->gemm(&w->dev, made, d->H * d->NV, rows, d->C, keys, &p->layer[l].kv_b.fwd, false,
                     NULL);
        latent = rows;
        kv = made;
    }
    Attend all = {.r = r, .l = l, .d = *d, .latent = latent, .kv = kv, .s = s};
    pool_for(w->dev.pool, d->H, attend_head, &all);
}

// Queries and latents of all tokens; what both forms share.
static void project(Run *r, int l, const Dim *d) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int T = r->n_tokens;
    const float eps = (float)p->model.rms_norm_eps;

    ops->rmsnorm(&w->dev, w->h, d->D, a->x0, d->D, net_at(p, p->master, y->attn_norm), T, d->D,
                 eps);
    if (d->Q > 0) {
        ops->gemm(&w->dev, a->qa, d->Q, w->h, d->D, T, &y->q_a.fwd, false, NULL);
        ops->rmsnorm(&w->dev, w->cq, d->Q, a->qa, d->Q, net_at(p, p->master, y->q_norm), T, d->Q,
                     eps);
        ops->gemm(&w->dev, a->q, d->H * d->NP, w->cq, d->Q, T, &y->q_b.fwd, false, NULL);
    } else {
        ops->gemm(&w->dev, a->q, d->H * d->NP, w->h, d->D, T, &y->q_b.fwd, false, NULL);
    }
    ops->gemm(&w->dev, a->kva, d->C, w->h, d->D, T, &y->kv_a.fwd, false, NULL);
    ops->rmsnorm(&w->dev, a->latent, d->C, a->kva, d->C, net_at(p, p->master, y->kv_norm), T, d->R,
                 eps);
    for (int t = 0; t < T; t++)
        memcpy(a->latent + (size_t)t * (size_t)d->C + d->R,
               a->kva + (size_t)t * (size_t)d->C + d->R, (size_t)d->P * sizeof(float));
    ops->rope(&w->dev, a->latent + d->R, d->C, 1, 0, p->rope, w->pos, T, d->P, false);
    ops->rope(&w->dev, a->q + d->N, d->H * d->NP, d->H, d->NP, p->rope, w->pos, T, d->P, false);
}

void mla_forward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const Dim d = dims(&p->model);
    const int T = r->n_tokens;

    project(r, l, &d);
    if (y->head) {
        for (int h = 0; h < d.H; h++)
            ops->gemm(&w->dev, a->qk + h * d.C, d.H * d.C, a->q + h * d.NP, d.H * d.NP, T,
                      &y->head[h].uk, false, NULL);
        for (size_t i = 0; i < (size_t)T * (size_t)d.H; i++)
            memcpy(a->qk + i * (size_t)d.C + d.R, a->q + i * (size_t)d.NP + d.N,
                   (size_t)d.P * sizeof(float));
    } else if (!r->decode) {
        ops->gemm(&w->dev, a->kv, d.H * d.NV, a->latent, d.C, T, &y->kv_b.fwd, false, NULL);
    }
    for (int s = 0; r->decode && s < r->n_seqs; s++) store(r, l, s, w->offset[s]);
    if (y->head) {
        Attend all = {.r = r, .l = l, .d = d, .parts = parts_of(r, d.H)};
        pool_for(w->dev.pool, r->n_seqs * all.parts, attend_absorbed, &all);
    }
    for (int s = 0; !y->head && s < r->n_seqs; s++) attend_expanded(r, l, s, &d);
    for (int h = 0; y->head && h < d.H; h++)
        ops->gemm(&w->dev, a->o + h * d.V, d.H * d.V, a->o_lat + h * d.R, d.H * d.R, T,
                  &y->head[h].uv, false, NULL);
    if (a->x1 != a->x0) memcpy(a->x1, a->x0, (size_t)T * (size_t)d.D * sizeof(float));
    ops->gemm(&w->dev, a->x1, d.D, a->o, d.H * d.V, T, &y->o.fwd, true, NULL);
}

// From dout (w->dout, gradient of o) to dq and dlatent.
static void attend_absorbed_backward(Run *r, int l, const Dim *d) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int T = r->n_tokens;
    float *dkv_b = net_at(p, r->grad, y->kv_b.param);

    for (int h = 0; h < d->H; h++) {
        const float *dout = w->dout + h * d->V;
        ops->gemm(&w->dev, w->dlat + h * d->R, d->H * d->R, dout, d->H * d->V, T,
                  &y->head[h].uv_back, false, NULL);
        ops->gemm_grad(&w->dev, dkv_b + (size_t)(h * d->NV + d->N) * (size_t)d->R, d->R, dout,
                       d->H * d->V, a->o_lat + h * d->R, d->H * d->R, NULL, T, d->V, d->R,
                       y->kv_b.precision);
    }
    for (int s = 0; s < r->n_seqs; s++) {
        const size_t at = (size_t)w->offset[s], row = at * (size_t)d->H;
        AttentionShape shape = {.tokens = w->offset[s + 1] - w->offset[s],
                                .heads = d->H,
                                .pos0 = w->pos0[s],
                                .k_dim = d->C,
                                .v_dim = d->R,
                                .ldk = d->C,
                                .ldv = d->C,
                                .scale = p->softmax_scale};
        const size_t first = net_keys(w, s, &shape) * (size_t)d->C;
        shape.k = shape.v = a->latent + first;
        const AttentionGrad to = {.dq = w->dqk + row * (size_t)d->C,
                                  .lddq = d->C,
                                  .dk = w->dlatent + at * (size_t)d->C,
                                  .shared_dk = w->dlatent + first,
                                  .lddk = d->C};
        ops->attention_grad(&w->dev, &shape, &to, w->dlat + row * (size_t)d->R,
                            a->o_lat + row * (size_t)d->R, d->R, a->lse + row, 1,
                            a->qk + row * (size_t)d->C, d->C);
    }
    for (int h = 0; h < d->H; h++) {
        ops->gemm(&w->dev, w->dq + h * d->NP, d->H * d->NP, w->dqk + h * d->C, d->H * d->C, T,
                  &y->head[h].uk_back, false, NULL);
        ops->gemm_grad(&w->dev, dkv_b + (size_t)(h * d->NV) * (size_t)d->R, d->R, a->q + h * d->NP,
                       d->H * d->NP, w->dqk + h * d->C, d->H * d->C, NULL, T, d->N, d->R,
                       y->kv_b.precision);
    }
    for (size_t i = 0; i < (size_t)T * (size_t)d->H; i++)
        memcpy(w->dq + i * (size_t)d->NP + d->N, w->dqk + i * (size_t)d->C + d->R,
               (size_t)d->P * sizeof(float));
}

static void attend_expanded_backward(Run *r, int l, const Dim *d) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const int ld = d->H * d->NV;
    // per head [tokens, nope + rope] and [tokens, v], then scattered
    float *dk = w->keys, *dv = dk + (size_t)p->opts.max_seq_tokens * (size_t)d->NP + 32;
    for (int s = 0; s < r->n_seqs; s++) {
        const int tokens = w->offset[s + 1] - w->offset[s], shared = w->pos0[s];
        for (int h = 0; h < d->H; h++) {
            AttentionShape shape = {.tokens = tokens,
                                    .heads = 1,
                                    .pos0 = shared,
                                    .k_dim = d->N,
                                    .k2_dim = d->P,
                                    .v_dim = d->V,
                                    .ldk = ld,
                                    .ldk2 = d->C,
                                    .ldv = ld,
                                    .scale = p->softmax_scale};
            const size_t first = net_keys(w, s, &shape);
            shape.k = a->kv + first * (size_t)ld + h * d->NV;
            shape.k2 = a->latent + first * (size_t)d->C + d->R;
            shape.v = shape.k + d->N;
            const size_t row = (size_t)w->offset[s] * (size_t)d->H + (size_t)h;
            memset(dk, 0, (size_t)(shared + tokens) * (size_t)d->NP * sizeof *dk);
            memset(dv, 0, (size_t)(shared + tokens) * (size_t)d->V * sizeof *dv);
            const AttentionGrad sums = {.dq = w->dq + row * (size_t)d->NP,
                                        .lddq = d->H * d->NP,
                                        .dk = dk + shared * d->NP,
                                        .dv = dv + shared * d->V,
                                        .shared_dk = dk,
                                        .shared_dv = dv,
                                        .lddk = d->NP,
                                        .lddv = d->V};
            ops->attention_grad(&w->dev, &shape, &sums, w->dout + row * (size_t)d->V,
                                a->o + row * (size_t)d->V, d->H * d->V, a->lse + row, d->H,
                                a->q + row * (size_t)d->NP, d->H * d->NP);
            for (int j = 0; j < shared + tokens; j++) {
                const size_t at = first + (size_t)(j < shared ? j : j + shape.gap);
                float *to = w->dkv + at * (size_t)ld + h * d->NV;
                float *rope = w->dlatent + at * (size_t)d->C + d->R;
                const float *k = dk + (size_t)j * (size_t)d->NP, *v = dv + (size_t)j * (size_t)d->V;
                for (int i = 0; i < d->N; i++) to[i] = j < shared ? to[i] + k[i] : k[i];
                for (int i = 0; i < d->V; i++)
                    to[d->N + i] = j < shared ? to[d->N + i] + v[i] : v[i];
                for (int i = 0; i < d->P; i++) rope[i] += k[d->N + i];
            }
        }
    }
    const int T = r->n_tokens;
    ops->gemm(&w->dev, w->dlatent, d->C, w->dkv, ld, T, &y->kv_b.back, true, NULL);
    ops->gemm_grad(&w->dev, net_at(p, r->grad, y->kv_b.param), d->R, w->dkv, ld, a->latent, d->C,
                   NULL, T, ld, d->R, y->kv_b.precision);
}

void mla_backward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const Dim d = dims(&p->model);
    const int T = r->n_tokens;
    const float eps = (float)p->model.rms_norm_eps;

    ops->gemm(&w->dev, w->dout, d.H * d.V, w->dx, d.D, T, &y->o.back, false, NULL);
    net_linear_grad(r, &y->o, w->dx, a->o, d.H * d.V);
    memset(w->dlatent, 0, (size_t)T * (size_t)d.C * sizeof(float));
    if (y->head)
        attend_absorbed_backward(r, l, &d);
    else
        attend_expanded_backward(r, l, &d);

    ops->rope(&w->dev, w->dq + d.N, d.H * d.NP, d.H, d.NP, p->rope, w->pos, T, d.P, true);
    ops->rope(&w->dev, w->dlatent + d.R, d.C, 1, 0, p->rope, w->pos, T, d.P, true);
    ops->rmsnorm_grad(&w->dev, w->dkva, d.C, net_at(p, r->grad, y->kv_norm), w->dlatent, d.C,
                      a->kva, d.C, net_at(p, p->master, y->kv_norm), T, d.R, eps, false);
    for (int t = 0; t < T; t++)
        memcpy(w->dkva + (size_t)t * (size_t)d.C + d.R, w->dlatent + (size_t)t * (size_t)d.C + d.R,
               (size_t)d.P * sizeof(float));

    ops->rmsnorm(&w->dev, w->h, d.D, a->x0, d.D, net_at(p, p->master, y->attn_norm), T, d.D, eps);
    ops->gemm(&w->dev, w->dh, d.D, w->dkva, d.C, T, &y->kv_a.back, false, NULL);
    net_linear_grad(r, &y->kv_a, w->dkva, w->h, d.D);
    if (d.Q > 0) {
        float *dqa = w->cq; // free once dW of q_b is done
        ops->rmsnorm(&w->dev, w->cq, d.Q, a->qa, d.Q, net_at(p, p->master, y->q_norm), T, d.Q, eps);
        net_linear_grad(r, &y->q_b, w->dq, w->cq, d.Q);
        ops->gemm(&w->dev, w->dcq, d.Q, w->dq, d.H * d.NP, T, &y->q_b.back, false, NULL);
        ops->rmsnorm_grad(&w->dev, dqa, d.Q, net_at(p, r->grad, y->q_norm), w->dcq, d.Q, a->qa, d.Q,
                          net_at(p, p->master, y->q_norm), T, d.Q, eps, false);
        net_linear_grad(r, &y->q_a, dqa, w->h, d.D);
        ops->gemm(&w->dev, w->dh, d.D, dqa, d.Q, T, &y->q_a.back, true, NULL);
    } else {
        net_linear_grad(r, &y->q_b, w->dq, w->h, d.D);
        ops->gemm(&w->dev, w->dh, d.D, w->dq, d.H * d.NP, T, &y->q_b.back, true, NULL);
    }
    ops->rmsnorm_grad(&w->dev, w->dx, d.D, net_at(p, r->grad, y->attn_norm), w->dh, d.D, a->x0, d.D,
                      net_at(p, p->master, y->attn_norm), T, d.D, eps, true);
}
