// policy/params.c -- the model as a list of tensors with Hugging Face's names, and as layers.
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "policy/mtp.h"
#include "policy/net.h"
#include "policy/rope.h"

typedef struct Range {
    const char *name;
    int value, least, most;
} Range;

static Status check_ranges(const Range *need, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (need[i].value < need[i].least)
            return FAIL(ST_CONFIG, "%s is %d; it must be at least %d", need[i].name, need[i].value,
                        need[i].least);
    for (size_t i = 0; i < n; i++)
        if (need[i].value > need[i].most)
            return FAIL(ST_UNSUPPORTED, "%s is %d; at most %d are built", need[i].name,
                        need[i].value, need[i].most);
    return ST_OK;
}

static Status check_dense(const ModelConfig *m) {
    const Range need[] = {{"num_key_value_heads", m->n_kv_heads, 1, 4096},
                          {"head_dim", m->head_dim, 2, ROPE_MAX_DIM},
                          {"intermediate_size", m->intermediate_size, 1, 1 << 18}};
    TRY(check_ranges(need, sizeof need / sizeof *need));
    if (m->head_dim % 2)
        return FAIL(ST_CONFIG, "head_dim is %d; rotation needs pairs", m->head_dim);
    if (m->n_heads % m->n_kv_heads)
        return FAIL(ST_CONFIG,
                    "num_attention_heads is %d; it must be a multiple of "
                    "num_key_value_heads, %d",
                    m->n_heads, m->n_kv_heads);
    return ST_OK;
}

static Status check_moe(const ModelConfig *m) {
    int e = m->n_routed_experts, k = m->n_experts_per_tok, g = m->n_group > 0 ? m->n_group : 1;
    if (m->moe_intermediate_size < 1)
        return FAIL(ST_CONFIG, "moe_intermediate_size is %d", m->moe_intermediate_size);
    if (k < 1 || k > e) return FAIL(ST_CONFIG, "num_experts_per_tok is %d of %d experts", k, e);
    if (e % g || (m->topk_method != TOPK_GREEDY && g > 1 &&
                  (m->topk_group < 1 || m->topk_group > g || k > e / g * m->topk_group)))
        return FAIL(ST_CONFIG, "%d experts in %d groups, %d groups and %d experts chosen", e, g,
                    m->topk_group, k);
    return ST_OK;
}

static Status check_mla(const ModelConfig *m) {
    const Range need[] = {{"kv_lora_rank", m->kv_lora_rank, 1, 1 << 18},
                          {"q_lora_rank", m->q_lora_rank, 0, 1 << 18},
                          {"qk_nope_head_dim", m->qk_nope_head_dim, 1, 4096},
                          {"qk_rope_head_dim", m->qk_rope_head_dim, 0, ROPE_MAX_DIM},
                          {"v_head_dim", m->v_head_dim, 1, 4096},
                          {"intermediate_size", m->intermediate_size, INT_MIN, 1 << 18},
                          {"moe_intermediate_size", m->moe_intermediate_size, INT_MIN, 1 << 18},
                          {"n_routed_experts", m->n_routed_experts, 0, ROUTER_MAX_EXPERTS},
                          {"n_shared_experts", m->n_shared_experts, INT_MIN, 1024}};
    TRY(check_ranges(need, sizeof need / sizeof *need));
    if (m->qk_rope_head_dim % 2)
        return FAIL(ST_CONFIG, "qk_rope_head_dim is %d; rotation needs pairs", m->qk_rope_head_dim);
    bool dense = false;
    for (int l = 0; l < net_layers(m); l++) dense |= !model_is_moe(m, l);
    if (dense && m->intermediate_size < 1)
        return FAIL(ST_CONFIG, "intermediate_size is %d but there are dense layers",
                    m->intermediate_size);
    return m->n_routed_experts > 0 ? check_moe(m) : ST_OK;
}

Status net_check(const ModelConfig *m, const PolicyOpts *o) {
    const Range need[] = {{"vocab_size", m->vocab_size, 1, 1 << 19}, // policy/cpu/drawrow.c's sums
                          {"hidden_size", m->hidden_size, 1, 1 << 18},
                          {"num_hidden_layers", m->n_layers, 1, 512},
                          {"num_attention_heads", m->n_heads, 1, 4096},
                          {"max_seq_tokens", o->max_seq_tokens, 1, 1 << 24}};
    TRY(check_ranges(need, sizeof need / sizeof *need));
    if (m->n_mtp < 0 || m->n_mtp > MTP_MOST)
        return FAIL(ST_CONFIG, "%d MTP modules; 0 to %d are built", m->n_mtp, MTP_MOST);
    if (m->family == FAMILY_DENSE && m->n_mtp > 0)
        return FAIL(ST_UNSUPPORTED,
                    "MTP modules are built for the DeepSeek family only; leave model.mtp at 0");
    return m->family == FAMILY_DENSE ? check_dense(m) : check_mla(m);
}

struct ParamAdder {
    Policy *p;
    Param *param; // NULL while counting
    int n;
};

static int add(ParamAdder *a, int rows, int cols, bool decay, bool expert, const char *name) {
    int at = a->n++;
    if (a->param)
        a->param[at] = (Param){.name = arena_printf(a->p->arena, "%s", name),
                               .rows = rows,
                               .cols = cols,
                               .trainable = true,
                               .decay = decay,
                               .expert = expert};
    return at;
}

// A matrix [n, k], or with k 0 a vector. `expert`: one of those of an expert.
static Weight add_tensor(ParamAdder *a, int l, const char *what, int n, int k, Precision precision,
                         bool expert) {
    char name[160];
    snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, what);
    return (Weight){.param = add(a, n, k, k > 0, expert, name),
                    .n = n,
                    .k = k,
                    .batch = 1,
                    .precision = precision};
}

Weight add_matrix(ParamAdder *a, int l, const char *what, int n, int k, Precision precision) {
    return add_tensor(a, l, what, n, k, precision, false);
}

Weight add_biased(ParamAdder *a, int l, const char *what, int n, int k, Precision precision,
                  bool bias) {
    Weight w = add_matrix(a, l, what, n, k, precision);
    char name[160];
    snprintf(name, sizeof name, "model.layers.%d.%s.bias", l, what);
    if (bias) w.bias = add(a, n, 0, false, false, name);
    return w;
}

Weight add_vector(ParamAdder *a, int l, const char *what, int n) {
    return add_tensor(a, l, what, n, 0, PRECISION_FP32, false);
}

Weight weight_part(const Weight *whole, int row, int n, int batch, int step) {
    Weight w = *whole;
    w.n = n;
    w.batch = batch;
    // from the whole, until net_params adds where that is
    w.at = w.grad_at = (size_t)row * (size_t)w.k;
    w.step = w.grad_step = (size_t)step * (size_t)w.k;
    return w;
}

static Ffn ffn(ParamAdder *a, int l, const char *prefix, int width, bool expert) {
    const ModelConfig *m = &a->p->model;
    const int d = m->hidden_size;
    const char *part[] = {"gate_proj", "up_proj", "down_proj"};
    Weight w[3];
    for (int i = 0; i < 3; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.%s", prefix, part[i]);
        const int n = i < 2 ? width : d, k = i < 2 ? d : width;
        w[i] = expert ? add_tensor(a, l, name, n, k, m->precision, true)
                      : add_biased(a, l, name, n, k, m->precision, m->mlp_bias);
    }
    return (Ffn){w[0], w[1], w[2]};
}

// Router, selection bias and experts, whose matrices are one Weight each.
static void add_experts(ParamAdder *a, int l, Layer *y) {
    const ModelConfig *m = &a->p->model;
    y->router = add_matrix(a, l, "mlp.gate", m->n_routed_experts, m->hidden_size, PRECISION_FP32);
    if (m->topk_method == TOPK_NOAUX_TC) {
        char name[96];
        snprintf(name, sizeof name, "model.layers.%d.mlp.gate.e_score_correction_bias", l);
        y->bias = (Weight){.param = add(a, m->n_routed_experts, 0, false, false, name),
                           .n = m->n_routed_experts,
                           .batch = 1};
        if (a->param) a->param[y->bias.param].trainable = false;
    }
    for (int e = 0; e < m->n_routed_experts; e++) {
        char name[48];
        snprintf(name, sizeof name, "mlp.experts.%d", e);
        const Ffn f = ffn(a, l, name, m->moe_intermediate_size, true);
        if (e == 0) y->expert = f;
    }
    y->expert.gate.batch = y->expert.up.batch = y->expert.down.batch = m->n_routed_experts;
    if (m->n_shared_experts > 0)
        y->ffn =
            ffn(a, l, "mlp.shared_experts", m->n_shared_experts * m->moe_intermediate_size, false);
}

static void add_layer(ParamAdder *a, int l, Layer *y) {
    const ModelConfig *m = &a->p->model;
    a->p->attention->params(a, l, y, m);
    y->ffn_norm = add_vector(a, l, "post_attention_layernorm", m->hidden_size);
    if (model_is_moe(m, l))
        add_experts(a, l, y);
    else
        y->ffn = ffn(a, l, "mlp", m->intermediate_size, false);
}

static void walk(ParamAdder *a) {
    Policy *p = a->p;
    const ModelConfig *m = &p->model;
    const int V = m->vocab_size, D = m->hidden_size;
    a->n = 0;
    p->n_routers = 0;
    p->embed = (Weight){.param = add(a, V, D, false, false, "model.embed_tokens.weight"),
                        .n = V,
                        .k = D,
                        .batch = 1};
    for (int l = 0; l < m->n_layers; l++) {
        Layer layer = {.moe_at = -1};
        add_layer(a, l, &layer);
        if (!a->param) continue;
        if (layer_moe(&layer)) layer.moe_at = p->n_routers++;
        p->layer[l] = layer;
    }
    p->n_moe = p->n_routers;
    p->final_norm =
        (Weight){.param = add(a, D, 0, false, false, "model.norm.weight"), .n = D, .batch = 1};
    p->head = p->embed;
    if (m->family == FAMILY_DENSE && m->precision != PRECISION_FP32)
        p->head.precision = PRECISION_BF16; // as such models are published; a third of a small one
    if (!m->tie_word_embeddings) p->head.param = add(a, V, D, true, false, "lm_head.weight");
    p->first_mtp = a->n; // last, so that the model's own parameters keep their numbers
    for (int l = m->n_layers; l < net_layers(m); l++) {
        Layer layer = {.moe_at = -1};
        mtp_params(a, l, &layer, m);
        add_layer(a, l, &layer);
        if (!a->param) continue;
        if (layer_moe(&layer)) layer.moe_at = p->n_routers++;
        p->layer[l] = layer;
    }
}

void layer_weights(Layer *y, Weight *out[LAYER_WEIGHTS]) {
    Weight *const all[LAYER_WEIGHTS] = {
        &y->attn_norm, &y->q_norm,      &y->kv_norm,   &y->ffn_norm,    &y->q_a,      &y->q_b,
        &y->kv_a,      &y->kv_b,        &y->uk,        &y->uv,          &y->q,        &y->k,
        &y->v,         &y->o,           &y->router,    &y->bias,        &y->ffn.gate, &y->ffn.up,
        &y->ffn.down,  &y->expert.gate, &y->expert.up, &y->expert.down, &y->enorm,    &y->hnorm,
        &y->eh_proj,   &y->head_norm};
    memcpy(out, all, sizeof all);
}

// Where a Weight is in the blocks of parameters.
static void place_weight(const Policy *p, Weight *w) {
    const bool experts = w->batch > 1 && w->step == 0; // gate, up and down one after the other
    const size_t *at = p->at, *grad_at = p->grad_at;
    w->at += at[w->param];
    if (w->bias) w->bias_at = at[w->bias];
    if (experts) w->step = at[w->param + 3] - at[w->param];
    if (grad_at[w->param] == NO_GRAD)
        w->grad_at = NO_GRAD;
    else
        w->grad_at += grad_at[w->param];
    w->bias_grad_at = w->bias ? grad_at[w->bias] : NO_GRAD;
    if (experts && w->grad_at != NO_GRAD) w->grad_step = grad_at[w->param + 3] - grad_at[w->param];
}

static void list_weights(Policy *p) {
    const int most = net_layers(&p->model) * LAYER_WEIGHTS + 3;
    p->weight = ARENA_ARRAY(p->arena, Weight *, most);
    p->weight[p->n_weights++] = &p->embed;
    for (int l = 0; l < net_layers(&p->model); l++) {
        Weight *of[LAYER_WEIGHTS];
        layer_weights(&p->layer[l], of);
        for (int i = 0; i < LAYER_WEIGHTS; i++)
            if (weight_here(of[i])) p->weight[p->n_weights++] = of[i];
    }
    p->weight[p->n_weights++] = &p->final_norm;
    p->weight[p->n_weights++] = &p->head;
    for (int i = 0; i < p->n_weights; i++) place_weight(p, p->weight[i]);
}

void net_uses(Policy *p) {
    const bool train = p->opts.trainable;
    // Of a large dense model every product of a chunk is long: making W^T before each costs 2 % and
    // saves a copy of the weights. In FP8 its scales would have to be found anew.
    const bool is_long =
        p->n_sums == 1 && p->model.family == FAMILY_DENSE && p->model.precision != PRECISION_FP8;
    for (int i = 0; i < p->n_weights; i++) {
        Weight *w = p->weight[i];
        w->use = WEIGHT_ROWS;
        if (w->k == 0 || w == &p->embed) continue;
        w->use = WEIGHT_FWD | (train ? WEIGHT_BACK : 0u) | (train && is_long ? WEIGHT_LONG : 0u);
    }
    for (int l = 0; l < net_layers(&p->model); l++) {
        Layer *y = &p->layer[l];
        if (!weight_here(&y->uk)) continue;
        y->kv_b.use = 0;                                     // read as uk and uv
        y->uk.use = WEIGHT_BACK | (train ? WEIGHT_FWD : 0u); // forward the product is q W
    }
}

// Tensors that a name of opts.frozen matches are not trained. The matrices of a Weight (the experts
// of a layer) are frozen together or not at all.
static Status freeze(Policy *p) {
    for (int i = 0; i < p->n_params && !p->opts.trainable; i++) p->param[i].trainable = false;
    for (int f = 0; f < p->opts.n_frozen && p->opts.trainable; f++) {
        bool found = false;
        for (int i = 0; i < p->n_params; i++) {
            if (fnmatch(p->opts.frozen[f], p->param[i].name, 0) != 0) continue;
            p->param[i].trainable = false;
            found = true;
        }
        if (!found)
            return FAIL(ST_CONFIG, "no tensor of the model is called \"%s\" (frozen)",
                        p->opts.frozen[f]);
    }
    for (int l = 0; l < net_layers(&p->model); l++) {
        const Ffn *f = &p->layer[l].expert;
        const Weight *of[] = {&f->gate, &f->up, &f->down};
        for (int i = 0; i < 3 && weight_here(of[i]); i++)
            for (int e = 1; e < of[i]->batch; e++) {
                const Param *first = &p->param[of[i]->param], *other = first + (ptrdiff_t)3 * e;
                if (first->trainable != other->trainable)
                    return FAIL(ST_CONFIG,
                                "%s is frozen and %s is not: the experts of a layer are frozen "
                                "together",
                                first->trainable ? other->name : first->name,
                                first->trainable ? first->name : other->name);
            }
    }
    return ST_OK;
}

Status net_params(Policy *p) {
    const ModelConfig *m = &p->model;
    p->attention = attention_of(m);
    p->rope.kind = p->attention->rope;
    ParamAdder a = {.p = p};
    walk(&a);
    p->n_params = a.n;
    p->param = a.param = ARENA_ARRAY(p->arena, Param, a.n);
    p->at = ARENA_ARRAY(p->arena, size_t, a.n);
    p->grad_at = ARENA_ARRAY(p->arena, size_t, a.n);
    p->layer = ARENA_ARRAY(p->arena, Layer, net_layers(m));
    walk(&a);

    TRY(freeze(p));
    PolicyPlan *plan = &p->plan;
    size_t at = 0;
    for (int i = 0; i < p->n_params; i++) {
        const Param *q = &p->param[i];
        const size_t count = param_count(q);
        p->at[i] = at;
        at += (count + 31) & ~(size_t)31;
        plan->n_params += (int64_t)count;
        if ((i == p->embed.param && !m->tie_word_embeddings) || i >= p->first_mtp) continue;
        plan->n_active += q->expert ? 0 : (int64_t)count;
    }
    plan->n_active +=
        (int64_t)p->n_moe * m->n_experts_per_tok * 3 * m->hidden_size * m->moe_intermediate_size;
    p->n_floats = at;

    p->span = ARENA_ARRAY(p->arena, ParamSpan, p->n_params);
    p->span_param = ARENA_ARRAY(p->arena, int, p->n_params);
    for (int i = 0; i < p->n_params; i++) {
        p->grad_at[i] = NO_GRAD;
        if (!p->param[i].trainable) continue;
        const size_t count = param_count(&p->param[i]);
        p->grad_at[i] = p->n_grads;
        p->n_grads += (count + 31) & ~(size_t)31;
        p->span_param[p->n_spans] = i;
        p->span[p->n_spans++] = (ParamSpan){.weight_at = p->at[i],
                                            .grad_at = p->grad_at[i],
                                            .moment_at = p->grad_at[i],
                                            .n = count,
                                            .decay = p->param[i].decay};
    }
    p->n_moments = p->n_grads;
    list_weights(p);
    return ST_OK;
}
