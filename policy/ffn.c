// policy/ffn.c -- the second half of a layer: dense SwiGLU, or DeepSeekMoE.
//
// DeepSeek-V3 (arXiv 2412.19437), equations 12 to 16, h = norm(u):
//
//   h' = u + shared(h) + sum over i of g_i expert_i(h)      experts in ascending order
//   s = sigmoid(h e)      the k of the largest s + b are chosen      g = s, normed over the chosen
//
// No token is dropped. Which rows an expert has, only the device knows (Slots).
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

static void route(NetUnit *u, int l, const Save *s) {
    const Layer *y = &u->p->layer[l];
    const Acts *w = &u->acts;
    const RouterShape shape = router_shape(&u->p->model);
    const size_t load = (size_t)y->moe_at * (size_t)shape.experts * sizeof(int64_t);

    net_linear(u, &(Product){.y = w->logit, .x = w->h, .w = &y->router}, 1);
    u->ops->route(u->q, &shape,
                  &(Route){.logit = w->logit,
                           .bias = weight_here(&y->bias) ? &y->bias : NULL,
                           .score = s->score,
                           .weight = s->weight,
                           .route = unit_route(u, l),
                           .replay = u->replay && y->moe_at < u->p->n_moe,
                           .slots = s->slots,
                           .load = u->grad ? device_at(w->load, load) : NULL},
                  u->ix);
}

static Experts experts_of(const NetUnit *u, int l, const Save *s) {
    const int width = u->p->model.moe_intermediate_size;
    return (Experts){.x = u->acts.h,
                     .expert = &u->p->layer[l].expert,
                     .slots = s->slots,
                     .weight = s->weight,
                     .save = u->save,
                     .gate = s->egate,
                     .up = s->eup,
                     .act = view_fit(u->acts.act, width)};
}

void ffn_forward(NetUnit *u, int l, View out) {
    const Layer *y = &u->p->layer[l];
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;

    net_norm(u, &(Norm){.y = w->h, .x = s.x1, .gain = &y->ffn_norm}, 1);
    const bool mlp = weight_here(&y->ffn.gate);
    if (mlp) {
        const int width = y->ffn.gate.n;
        const View act = view_fit(w->act, width);
        net_glu(u, &(Glu){.act = act,
                          .gate = view_fit(s.gate, width),
                          .up = view_fit(s.up, width),
                          .x = w->h,
                          .ffn = &y->ffn});
        net_linear(u, &(Product){.y = out, .base = s.x1, .x = act, .w = &y->ffn.down}, 1);
    }
    if (!layer_moe(y)) return;
    route(u, l, &s);
    Experts e = experts_of(u, l, &s);
    e.out = out;
    e.base = mlp ? out : s.x1;
    u->ops->experts(u->q, &e);
}

// dx -> dh and the gradients of the MLP.
static void mlp_back(NetUnit *u, const Ffn *f, const Save *s) {
    const Acts *w = &u->acts;
    const int width = f->gate.n;
    const GluBack b = {.dgate = view_fit(w->dgate, width),
                       .dup = view_fit(w->dup, width),
                       .act = view_fit(w->act, width),
                       .dact = view_fit(w->dact, width),
                       .gate = view_fit(s->gate, width),
                       .up = view_fit(s->up, width)};
    net_linear_back(u, b.dact, (View){0}, w->dx, &f->down);
    u->ops->glu_back(u->q, &b);
    const ProductGrad grad[] = {{.y = w->dx, .x = b.act, .w = &f->down},
                                {.y = b.dgate, .x = w->h, .w = &f->gate},
                                {.y = b.dup, .x = w->h, .w = &f->up}};
    net_linear_grad(u, grad, 3);
    net_linear_back(u, w->dh, (View){0}, b.dgate, &f->gate);
    net_linear_back(u, w->dh, w->dh, b.dup, &f->up);
}

static void moe_back(NetUnit *u, int l, const Save *s) {
    const Layer *y = &u->p->layer[l];
    const Acts *w = &u->acts;
    const RouterShape shape = router_shape(&u->p->model);
    const int width = u->p->model.moe_intermediate_size;
    const Experts of = experts_of(u, l, s);
    u->ops->experts_back(u->q,
                         &(ExpertsBack){.of = &of,
                                        .dout = w->dx,
                                        .dx = w->dh,
                                        .dweight = w->dweight,
                                        .dgate = view_fit(w->dgate, width),
                                        .dup = view_fit(w->dup, width),
                                        .dact = view_fit(w->dact, width)},
                         u->grad);
    u->ops->route_back(u->q, &shape,
                       &(RouteBack){.dlogit = w->logit,
                                    .dweight = w->dweight,
                                    .score = s->score,
                                    .route = unit_route(u, l),
                                    .balance = u->balance},
                       u->ix);
    net_linear_grad(u, &(ProductGrad){.y = w->logit, .x = w->h, .w = &y->router}, 1);
    net_linear_back(u, w->dh, w->dh, w->logit, &y->router);
}

void ffn_backward(NetUnit *u, int l) {
    const Layer *y = &u->p->layer[l];
    const Save s = unit_save(u, l);
    const Acts *w = &u->acts;

    net_norm(u, &(Norm){.y = w->h, .x = s.x1, .gain = &y->ffn_norm}, 1);
    if (weight_here(&y->ffn.gate))
        mlp_back(u, &y->ffn, &s);
    else
        u->ops->zero(u->q, w->dh.data, view_bytes(w->dh));
    if (layer_moe(y)) moe_back(u, l, &s);
    net_norm_back(
        u, &(NormBack){.dx = w->dx, .dy = w->dh, .x = s.x1, .gain = &y->ffn_norm, .add = true});
}
