// policy/dense.c -- grouped-query attention of the dense families, forward and backward.
//
// Llama (arXiv 2302.13971, 2407.21783), Qwen2 (2407.10671), Qwen3 (2505.09388); GQA (2305.13245): H
// / KV query heads share a key-value head. Qwen3 norms every head's query and key before rotation.
#include "policy/net.h"

static void params(ParamAdder *a, int l, Layer *y, const ModelConfig *m) {
    const int d = m->hidden_size, h = m->n_heads * m->head_dim, kv = m->n_kv_heads * m->head_dim;
    y->attn_norm = add_vector(a, l, "input_layernorm", d);
    y->q = add_biased(a, l, "self_attn.q_proj", h, d, m->precision, m->qkv_bias);
    y->k = add_biased(a, l, "self_attn.k_proj", kv, d, m->precision, m->qkv_bias);
    y->v = add_biased(a, l, "self_attn.v_proj", kv, d, m->precision, m->qkv_bias);
    y->o = add_biased(a, l, "self_attn.o_proj", d, h, m->precision, m->o_bias);
    if (!m->qk_norm) return;
    y->q_norm = add_vector(a, l, "self_attn.q_norm", m->head_dim);
    y->kv_norm = add_vector(a, l, "self_attn.k_norm", m->head_dim);
}

static void save(PlanCursor *b, const ModelConfig *m, Save *s) {
    const int h = m->n_heads * m->head_dim, kv = m->n_kv_heads * m->head_dim;
    s->q = plan_view(b, 1, h, PLAN_ACT);
    s->k = plan_view(b, 1, kv, PLAN_ACT);
    s->v = plan_view(b, 1, kv, PLAN_ACT);
    s->qa = m->qk_norm ? plan_view(b, 1, h, PLAN_ACT) : s->q;
    s->ka = m->qk_norm ? plan_view(b, 1, kv, PLAN_ACT) : s->k;
    s->o = plan_view(b, 1, h, PLAN_CODES);
    s->lse = plan_view(b, 1, m->n_heads, VIEW_F32);
}

static void acts(PlanCursor *b, const ModelConfig *m, Acts *w) {
    (void)b, (void)m, (void)w;
}

static void grads(PlanCursor *b, const ModelConfig *m, Acts *w) {
    const int h = m->n_heads * m->head_dim, kv = m->n_kv_heads * m->head_dim;
    w->dq = plan_view(b, 1, h, PLAN_ACT);
    w->dk = plan_view(b, 1, kv, PLAN_ACT);
    w->dv = plan_view(b, 1, kv, PLAN_ACT);
    w->dout = plan_view(b, 1, h, PLAN_ACT);
}

static Attend attend_of(const NetUnit *u, int l, const Save *s) {
    const ModelConfig *m = &u->p->model;
    return (Attend){.heads = m->n_heads,
                    .kv_heads = m->n_kv_heads,
                    .scale = u->p->softmax_scale,
                    .bf16 = model_cache_bf16(m),
                    .q = view_heads(s->q, m->n_heads),
                    .k = view_heads(s->k, m->n_kv_heads),
                    .v = view_heads(s->v, m->n_kv_heads),
                    .o = view_heads(s->o, m->n_heads),
                    .lse = view_heads(s->lse, m->n_heads),
                    .cache = unit_cache(u, l)};
}

static void rotate(NetUnit *u, View q, View k, bool inverse) {
    const int h = u->p->model.n_heads, kv = u->p->model.n_kv_heads;
    const View qh = view_heads(q, h), kh = view_heads(k, kv);
    u->ops->rope(u->q, (const Rope[]){{qh, qh, h}, {kh, kh, kv}}, 2, &u->p->rope, u->ix->pos,
                 inverse);
}

static void forward(NetUnit *u, int l) {
    const Layer *y = &u->p->layer[l];
    const int h = u->p->model.n_heads, kv = u->p->model.n_kv_heads;
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;

    net_norm(u, &(Norm){.y = w->h, .x = s.x0, .gain = &y->attn_norm}, 1);
    const Product qkv[] = {{.y = s.qa, .x = w->h, .w = &y->q},
                           {.y = s.ka, .x = w->h, .w = &y->k},
                           {.y = s.v, .x = w->h, .w = &y->v}};
    net_linear(u, qkv, 3);
    if (weight_here(&y->q_norm)) {
        const Norm norm[] = {
            {.y = view_heads(s.q, h), .x = view_heads(s.qa, h), .gain = &y->q_norm},
            {.y = view_heads(s.k, kv), .x = view_heads(s.ka, kv), .gain = &y->kv_norm}};
        net_norm(u, norm, 2);
    }
    rotate(u, s.q, s.k, false);
    const Attend attend = attend_of(u, l, &s);
    u->ops->attend(u->q, &attend, u->ix);
    net_linear(u, &(Product){.y = s.x1, .base = s.x0, .x = s.o, .w = &y->o}, 1);
}

static void backward(NetUnit *u, int l) {
    const Layer *y = &u->p->layer[l];
    const int h = u->p->model.n_heads, kv = u->p->model.n_kv_heads;
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;
    const Attend of = attend_of(u, l, &s);

    net_linear_back(u, w->dout, (View){0}, w->dx, &y->o);
    net_linear_grad(u, &(ProductGrad){.y = w->dx, .x = s.o, .w = &y->o}, 1);
    u->ops->attend_back(u->q,
                        &(AttendBack){.of = &of,
                                      .dout = view_heads(w->dout, h),
                                      .dq = view_heads(w->dq, h),
                                      .dk = view_heads(w->dk, kv),
                                      .dv = view_heads(w->dv, kv)},
                        u->ix);
    rotate(u, w->dq, w->dk, true);
    if (weight_here(&y->q_norm)) {
        const View dq = view_heads(w->dq, h), dk = view_heads(w->dk, kv);
        net_norm_back(
            u, &(NormBack){.dx = dq, .dy = dq, .x = view_heads(s.qa, h), .gain = &y->q_norm});
        net_norm_back(
            u, &(NormBack){.dx = dk, .dy = dk, .x = view_heads(s.ka, kv), .gain = &y->kv_norm});
    }
    net_norm(u, &(Norm){.y = w->h, .x = s.x0, .gain = &y->attn_norm}, 1);
    const ProductGrad grad[] = {{.y = w->dq, .x = w->h, .w = &y->q},
                                {.y = w->dk, .x = w->h, .w = &y->k},
                                {.y = w->dv, .x = w->h, .w = &y->v}};
    net_linear_grad(u, grad, 3);
    net_linear_back(u, w->dh, (View){0}, w->dq, &y->q);
    net_linear_back(u, w->dh, w->dh, w->dk, &y->k);
    net_linear_back(u, w->dh, w->dh, w->dv, &y->v);
    net_norm_back(
        u, &(NormBack){.dx = w->dx, .dy = w->dh, .x = s.x0, .gain = &y->attn_norm, .add = true});
}

const Attention attention_dense = {.name = "dense",
                                   .params = params,
                                   .save = save,
                                   .acts = acts,
                                   .grads = grads,
                                   .rope = ROPE_HALVES,
                                   .forward = forward,
                                   .backward = backward};
