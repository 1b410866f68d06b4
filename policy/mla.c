// policy/mla.c -- multi-head latent attention, forward and backward, absorbed and expanded.
//
// DeepSeek-V3 (arXiv 2412.19437), section 2.1.1, equations 1 to 11. In its letters, by row:
//
//   cQ = norm(WDQ h)     q = [WUQ cQ ; rope(WQR cQ)]      queries of H heads, N + P wide
//   c  = norm(WDKV h)    k = [WUK c ; rope(WKR h)]        keys; the second part serves all heads
//                        v = WUV c                        values, V wide
//   o  = softmax(q k / sqrt(N + P)) v                     u = x + WO o
//
// The cache holds [c ; rope(WKR h)], R + P values. Expanded: k and v are made as above. Absorbed:
// q k = [q WUK ; qR] [c ; kR], so heads share the cached row as key, its first R values as value,
// and o = WUV (sum of c).
#include "policy/net.h"

// D hidden, H heads, N nope, P rope, V value, R latent, C = R + P, Q q_lora (0: none).
typedef struct Dim {
    int D, H, N, P, V, R, C, Q;
} Dim;

static Dim dims(const ModelConfig *m) {
    return (Dim){.D = m->hidden_size,
                 .H = m->n_heads,
                 .N = m->qk_nope_head_dim,
                 .P = m->qk_rope_head_dim,
                 .V = m->v_head_dim,
                 .R = m->kv_lora_rank,
                 .C = m->kv_lora_rank + m->qk_rope_head_dim,
                 .Q = m->q_lora_rank};
}

static bool absorbed(const ModelConfig *m) {
    return m->mla_form == MLA_ABSORBED;
}

// ---- parameters and buffers

static void params(ParamAdder *a, int l, Layer *y, const ModelConfig *m) {
    const Dim d = dims(m);
    const Precision p = m->precision, kv_b = p == PRECISION_FP8 ? PRECISION_BF16 : p;
    y->attn_norm = add_vector(a, l, "input_layernorm", d.D);
    if (d.Q > 0) {
        y->q_a = add_matrix(a, l, "self_attn.q_a_proj", d.Q, d.D, p);
        y->q_norm = add_vector(a, l, "self_attn.q_a_layernorm", d.Q);
    }
    y->q_b = add_matrix(a, l, d.Q > 0 ? "self_attn.q_b_proj" : "self_attn.q_proj",
                        d.H * (d.N + d.P), d.Q > 0 ? d.Q : d.D, p);
    y->kv_a = add_matrix(a, l, "self_attn.kv_a_proj_with_mqa", d.C, d.D, p);
    y->kv_norm = add_vector(a, l, "self_attn.kv_a_layernorm", d.R);
    y->kv_b = add_matrix(a, l, "self_attn.kv_b_proj", d.H * (d.N + d.V), d.R, kv_b);
    y->o = add_matrix(a, l, "self_attn.o_proj", d.D, d.H * d.V, p);
    if (!absorbed(m)) return;
    y->uk = weight_part(&y->kv_b, 0, d.N, d.H, d.N + d.V);
    y->uv = weight_part(&y->kv_b, d.N, d.V, d.H, d.N + d.V);
}

static void save(PlanCursor *b, const ModelConfig *m, Save *s) {
    const Dim d = dims(m);
    s->qa = plan_view(b, 1, d.Q, PLAN_ACT);
    s->q = plan_view(b, 1, d.H * (d.N + d.P), PLAN_ACT);
    s->kva = plan_view(b, 1, d.C, PLAN_ACT);
    s->latent = plan_view(b, 1, d.C, PLAN_ACT);
    s->qk = plan_view(b, 1, absorbed(m) ? d.H * d.C : 0, PLAN_ACT);
    s->o_lat = plan_view(b, 1, absorbed(m) ? d.H * d.R : 0, PLAN_ACT);
    s->kv = plan_view(b, 1, absorbed(m) ? 0 : d.H * (d.N + d.V), PLAN_ACT);
    s->o = plan_view(b, 1, d.H * d.V, PLAN_CODES);
    s->lse = plan_view(b, 1, d.H, VIEW_F32);
}

static void acts(PlanCursor *b, const ModelConfig *m, Acts *w) {
    w->cq = plan_view(b, 1, m->q_lora_rank, PLAN_CODES);
}

static void grads(PlanCursor *b, const ModelConfig *m, Acts *w) {
    const Dim d = dims(m);
    w->dq = plan_view(b, 1, d.H * (d.N + d.P), PLAN_ACT);
    w->dout = plan_view(b, 1, d.H * d.V, PLAN_ACT);
    w->dqk = plan_view(b, 1, absorbed(m) ? d.H * d.C : 0, PLAN_ACT);
    w->dlat = plan_view(b, 1, absorbed(m) ? d.H * d.R : 0, PLAN_ACT);
    w->dkv = plan_view(b, 1, absorbed(m) ? 0 : d.H * (d.N + d.V), PLAN_ACT);
    w->dlatent = plan_view(b, 1, d.C, PLAN_ACT);
    w->dkva = plan_view(b, 1, d.C, PLAN_ACT);
    w->dcq = plan_view(b, 1, d.Q, PLAN_ACT);
}

// ---- forward

// The parts of a row of heads: [T * H, N], [T * H, P] of queries; [T * H, R], [T * H, P] absorbed.
static View nope(View q, const Dim *d) {
    return view_cols(view_heads(q, d->H), 0, d->N);
}
static View roped(View q, const Dim *d) {
    return view_cols(view_heads(q, d->H), d->N, d->P);
}
static View lat(View qk, const Dim *d) {
    return view_cols(view_heads(qk, d->H), 0, d->R);
}
static View lat_roped(View qk, const Dim *d) {
    return view_cols(view_heads(qk, d->H), d->R, d->P);
}

static Attend attend_of(const NetUnit *u, int l, const Save *s, const Dim *d) {
    Attend a = {.heads = d->H,
                .kv_heads = 1,
                .scale = u->p->softmax_scale,
                .k = s->latent,
                .lse = view_heads(s->lse, d->H),
                .cache = unit_cache(u, l)};
    if (absorbed(&u->p->model)) {
        a.q = view_heads(s->qk, d->H);
        a.v = view_cols(s->latent, 0, d->R);
        a.o = view_heads(s->o_lat, d->H);
        return a;
    }
    a.kv_heads = d->H;
    a.q = view_heads(s->q, d->H);
    a.o = view_heads(s->o, d->H);
    if (u->decode) { // over latents: the backend makes keys and values
        a.expand = &u->p->layer[l].kv_b;
        return a;
    }
    a.k = view_cols(view_heads(s->kv, d->H), 0, d->N);
    a.v = view_cols(view_heads(s->kv, d->H), d->N, d->V);
    a.k2 = view_cols(s->latent, d->R, d->P);
    return a;
}

static void forward(NetUnit *u, int l) {
    const Layer *y = &u->p->layer[l];
    const Dim d = dims(&u->p->model);
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;
    const View c = view_cols(s.latent, 0, d.R), cq = d.Q > 0 ? w->cq : w->h;
    const bool absorb = absorbed(&u->p->model);

    net_norm(u, &(Norm){.y = w->h, .x = s.x0, .gain = &y->attn_norm}, 1);
    const Product down[] = {{.y = s.kva, .x = w->h, .w = &y->kv_a},
                            {.y = s.qa, .x = w->h, .w = &y->q_a}};
    const Norm norm[] = {{.y = c, .x = view_cols(s.kva, 0, d.R), .gain = &y->kv_norm},
                         {.y = cq, .x = s.qa, .gain = &y->q_norm}};
    net_linear(u, down, d.Q > 0 ? 2 : 1);
    net_latent_norm(u, norm, d.Q > 0 ? 2 : 1);
    net_linear(u, &(Product){.y = s.q, .x = cq, .w = &y->q_b}, 1);
    const Rope rope[] = {
        {.to = view_cols(s.latent, d.R, d.P), .from = view_cols(s.kva, d.R, d.P), .heads = 1},
        {.to = absorb ? lat_roped(s.qk, &d) : roped(s.q, &d),
         .from = roped(s.q, &d),
         .heads = d.H}};
    u->ops->rope(u->q, rope, 2, &u->p->rope, u->ix->pos, false);

    const Product up = {.y = s.kv, .x = c, .w = &y->kv_b};
    const Product into = {.y = lat(s.qk, &d), .x = nope(s.q, &d), .w = &y->uk, .transposed = true};
    if (absorb)
        net_linear(u, &into, 1);
    else if (!u->decode)
        net_linear(u, &up, 1);
    const Attend attend = attend_of(u, l, &s, &d);
    u->ops->attend(u->q, &attend, u->ix);
    const Product out = {.y = view_heads(s.o, d.H), .x = attend.o, .w = &y->uv};
    if (absorb) net_linear(u, &out, 1);
    net_linear(u, &(Product){.y = s.x1, .base = s.x0, .x = s.o, .w = &y->o}, 1);
}

// ---- backward

// dout -> dq and dlatent, the gradients of queries and of what the cache would hold, rotated still.
static void absorbed_back(NetUnit *u, int l, const Save *s, const Dim *d) {
    const Layer *y = &u->p->layer[l];
    const Acts *w = &u->acts;
    const View dout = view_heads(w->dout, d->H), dlat = view_heads(w->dlat, d->H);
    const Attend of = attend_of(u, l, s, d);
    net_linear_back(u, dlat, (View){0}, dout, &y->uv);
    u->ops->attend_back(
        u->q,
        &(AttendBack){.of = &of, .dout = dlat, .dq = view_heads(w->dqk, d->H), .dk = w->dlatent},
        u->ix);
    net_linear(u, &(Product){.y = nope(w->dq, d), .x = lat(w->dqk, d), .w = &y->uk}, 1);
    const ProductGrad grad[] = {{.y = dout, .x = view_heads(s->o_lat, d->H), .w = &y->uv},
                                {.y = nope(s->q, d), .x = lat(w->dqk, d), .w = &y->uk}};
    net_linear_grad(u, grad, 2);
}

static void expanded_back(NetUnit *u, int l, const Save *s, const Dim *d) {
    const Layer *y = &u->p->layer[l];
    const Acts *w = &u->acts;
    const View dkv = view_heads(w->dkv, d->H);
    const Attend of = attend_of(u, l, s, d);
    u->ops->attend_back(u->q,
                        &(AttendBack){.of = &of,
                                      .dout = view_heads(w->dout, d->H),
                                      .dq = view_heads(w->dq, d->H),
                                      .dk = view_cols(dkv, 0, d->N),
                                      .dv = view_cols(dkv, d->N, d->V),
                                      .dk2 = view_cols(w->dlatent, d->R, d->P)},
                        u->ix);
    net_linear_back(u, view_cols(w->dlatent, 0, d->R), (View){0}, w->dkv, &y->kv_b);
    net_linear_grad(
        u, &(ProductGrad){.y = w->dkv, .x = view_cols(s->latent, 0, d->R), .w = &y->kv_b}, 1);
}

static void backward(NetUnit *u, int l) {
    const Layer *y = &u->p->layer[l];
    const Dim d = dims(&u->p->model);
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;
    const bool absorb = absorbed(&u->p->model);

    net_linear_back(u, w->dout, (View){0}, w->dx, &y->o);
    net_linear_grad(u, &(ProductGrad){.y = w->dx, .x = s.o, .w = &y->o}, 1);
    (absorb ? absorbed_back : expanded_back)(u, l, &s, &d);

    const Rope rope[] = {
        {.to = view_cols(w->dkva, d.R, d.P), .from = view_cols(w->dlatent, d.R, d.P), .heads = 1},
        {.to = roped(w->dq, &d),
         .from = absorb ? lat_roped(w->dqk, &d) : roped(w->dq, &d),
         .heads = d.H}};
    u->ops->rope(u->q, rope, 2, &u->p->rope, u->ix->pos, true);
    net_latent_norm_back(u, &(NormBack){.dx = view_cols(w->dkva, 0, d.R),
                                        .dy = view_cols(w->dlatent, 0, d.R),
                                        .x = view_cols(s.kva, 0, d.R),
                                        .gain = &y->kv_norm});

    net_norm(u, &(Norm){.y = w->h, .x = s.x0, .gain = &y->attn_norm}, 1);
    net_linear_back(u, w->dh, (View){0}, w->dkva, &y->kv_a);
    net_linear_grad(u, &(ProductGrad){.y = w->dkva, .x = w->h, .w = &y->kv_a}, 1);
    if (d.Q > 0) {
        net_latent_norm(u, &(Norm){.y = w->cq, .x = s.qa, .gain = &y->q_norm}, 1);
        net_linear_grad(u, &(ProductGrad){.y = w->dq, .x = w->cq, .w = &y->q_b}, 1);
        net_linear_back(u, w->dcq, (View){0}, w->dq, &y->q_b);
        net_latent_norm_back(
            u, &(NormBack){.dx = w->dcq, .dy = w->dcq, .x = s.qa, .gain = &y->q_norm});
        net_linear_grad(u, &(ProductGrad){.y = w->dcq, .x = w->h, .w = &y->q_a}, 1);
        net_linear_back(u, w->dh, w->dh, w->dcq, &y->q_a);
    } else {
        net_linear_grad(u, &(ProductGrad){.y = w->dq, .x = w->h, .w = &y->q_b}, 1);
        net_linear_back(u, w->dh, w->dh, w->dq, &y->q_b);
    }
    net_norm_back(
        u, &(NormBack){.dx = w->dx, .dy = w->dh, .x = s.x0, .gain = &y->attn_norm, .add = true});
}

const Attention attention_mla = {.name = "mla",
                                 .params = params,
                                 .save = save,
                                 .acts = acts,
                                 .grads = grads,
                                 .rope = ROPE_PAIRS,
                                 .forward = forward,
                                 .backward = backward};
