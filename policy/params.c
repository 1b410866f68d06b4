// policy/params.c -- the model as a list of tensors with Hugging Face's names, and as layers.
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
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
    for (int l = 0; l < m->n_layers; l++) dense |= !model_is_moe(m, l);
    if (dense && m->intermediate_size < 1)
        return FAIL(ST_CONFIG, "intermediate_size is %d but there are dense layers",
                    m->intermediate_size);
    return m->n_routed_experts > 0 ? check_moe(m) : ST_OK;
}

Status net_check(const ModelConfig *m, const PolicyOpts *o) {
    const Range need[] = {{"vocab_size", m->vocab_size, 1, 1 << 19}, // rollout/sampler.c's sums
                          {"hidden_size", m->hidden_size, 1, 1 << 18},
                          {"num_hidden_layers", m->n_layers, 1, 512},
                          {"num_attention_heads", m->n_heads, 1, 4096},
                          {"max_seq_tokens", o->max_seq_tokens, 1, 1 << 24}};
    TRY(check_ranges(need, sizeof need / sizeof *need));
    return m->family == FAMILY_DENSE ? check_dense(m) : check_mla(m);
}

typedef struct Adder {
    Policy *p;
    Param *param; // NULL while counting
    int n;
} Adder;

static int add(Adder *a, int rows, int cols, bool decay, bool expert, const char *name) {
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

static Linear linear(Adder *a, int l, const char *what, int n, int k, Precision precision,
                     bool expert) {
    char name[160];
    snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, what);
    return (Linear){
        .param = add(a, n, k, true, expert, name), .n = n, .k = k, .precision = precision};
}

static int norm(Adder *a, int l, const char *what, int n) {
    char name[160];
    snprintf(name, sizeof name, "model.layers.%d.%s.weight", l, what);
    return add(a, n, 0, false, false, name);
}

static Ffn ffn(Adder *a, int l, const char *prefix, int width, bool expert) {
    const ModelConfig *m = &a->p->model;
    char name[3][96];
    const char *part[] = {"gate_proj", "up_proj", "down_proj"};
    for (int i = 0; i < 3; i++) snprintf(name[i], sizeof name[i], "%s.%s", prefix, part[i]);
    Ffn f = {.width = width};
    f.gate = linear(a, l, name[0], width, m->hidden_size, m->precision, expert);
    f.up = linear(a, l, name[1], width, m->hidden_size, m->precision, expert);
    f.down = linear(a, l, name[2], m->hidden_size, width, m->precision, expert);
    return f;
}

static void add_layer(Adder *a, int l, Layer *out) {
    Policy *p = a->p;
    const ModelConfig *m = &p->model;
    const int d = m->hidden_size, qk = model_qk_dim(m), h = m->n_heads, r = m->kv_lora_rank;
    const Precision kv_b = m->precision == PRECISION_FP8 ? PRECISION_BF16 : m->precision;
    Layer y = {.q_norm = -1, .bias = -1, .moe = model_is_moe(m, l), .moe_at = -1};
    if (out) y.head = out->head, y.expert = out->expert, y.moe_at = out->moe_at;

    y.attn_norm = norm(a, l, "input_layernorm", d);
    if (m->q_lora_rank > 0) {
        y.q_a = linear(a, l, "self_attn.q_a_proj", m->q_lora_rank, d, m->precision, false);
        y.q_norm = norm(a, l, "self_attn.q_a_layernorm", m->q_lora_rank);
        y.q_b = linear(a, l, "self_attn.q_b_proj", h * qk, m->q_lora_rank, m->precision, false);
    } else {
        y.q_b = linear(a, l, "self_attn.q_proj", h * qk, d, m->precision, false);
    }
    y.kv_a =
        linear(a, l, "self_attn.kv_a_proj_with_mqa", model_cache_dim(m), d, m->precision, false);
    y.kv_norm = norm(a, l, "self_attn.kv_a_layernorm", r);
    y.kv_b = linear(a, l, "self_attn.kv_b_proj", h * (m->qk_nope_head_dim + m->v_head_dim), r, kv_b,
                    false);
    y.o = linear(a, l, "self_attn.o_proj", d, h * m->v_head_dim, m->precision, false);
    y.ffn_norm = norm(a, l, "post_attention_layernorm", d);
    if (!y.moe) {
        y.ffn = ffn(a, l, "mlp", m->intermediate_size, false);
    } else {
        y.router = linear(a, l, "mlp.gate", m->n_routed_experts, d, PRECISION_FP32, false);
        if (m->topk_method == TOPK_NOAUX_TC) {
            char name[96];
            snprintf(name, sizeof name, "model.layers.%d.mlp.gate.e_score_correction_bias", l);
            y.bias = add(a, m->n_routed_experts, 0, false, false, name);
            if (a->param) a->param[y.bias].trainable = false;
        }
        for (int e = 0; e < m->n_routed_experts; e++) {
            char name[48];
            snprintf(name, sizeof name, "mlp.experts.%d", e);
            Ffn f = ffn(a, l, name, m->moe_intermediate_size, true);
            if (out) y.expert[e] = f;
        }
        if (m->n_shared_experts > 0)
            y.ffn = ffn(a, l, "mlp.shared_experts", m->n_shared_experts * m->moe_intermediate_size,
                        false);
    }
    if (out) *out = y;
}

static Linear biased(Adder *a, int l, const char *what, int n, int k, bool bias) {
    Linear y = linear(a, l, what, n, k, a->p->model.precision, false);
    char name[160];
    snprintf(name, sizeof name, "model.layers.%d.%s.bias", l, what);
    if (bias) y.bias = add(a, n, 0, false, false, name);
    return y;
}

static void add_dense_layer(Adder *a, int l, Layer *out) {
    const ModelConfig *m = &a->p->model;
    const int d = m->hidden_size, h = m->n_heads * m->head_dim, kv = m->n_kv_heads * m->head_dim,
              f = m->intermediate_size;
    Layer y = {.q_norm = -1, .kv_norm = -1, .bias = -1, .moe_at = -1};
    y.attn_norm = norm(a, l, "input_layernorm", d);
    y.q = biased(a, l, "self_attn.q_proj", h, d, m->qkv_bias);
    y.k = biased(a, l, "self_attn.k_proj", kv, d, m->qkv_bias);
    y.v = biased(a, l, "self_attn.v_proj", kv, d, m->qkv_bias);
    y.o = biased(a, l, "self_attn.o_proj", d, h, m->o_bias);
    if (m->qk_norm) {
        y.q_norm = norm(a, l, "self_attn.q_norm", m->head_dim);
        y.kv_norm = norm(a, l, "self_attn.k_norm", m->head_dim);
    }
    y.ffn_norm = norm(a, l, "post_attention_layernorm", d);
    y.ffn = (Ffn){.gate = biased(a, l, "mlp.gate_proj", f, d, m->mlp_bias),
                  .up = biased(a, l, "mlp.up_proj", f, d, m->mlp_bias),
                  .down = biased(a, l, "mlp.down_proj", d, f, m->mlp_bias),
                  .width = f};
    if (out) *out = y;
}

static void walk(Adder *a) {
    Policy *p = a->p;
    const ModelConfig *m = &p->model;
    a->n = 0;
    p->embed = add(a, m->vocab_size, m->hidden_size, false, false, "model.embed_tokens.weight");
    for (int l = 0; l < m->n_layers; l++)
        (m->family == FAMILY_DENSE ? add_dense_layer : add_layer)(a, l,
                                                                  a->param ? &p->layer[l] : NULL);
    p->final_norm = add(a, m->hidden_size, 0, false, false, "model.norm.weight");
    p->head = (Linear){
        .param = p->embed, .n = m->vocab_size, .k = m->hidden_size, .precision = PRECISION_FP32};
    if (m->family == FAMILY_DENSE && m->precision != PRECISION_FP32)
        p->head.precision = PRECISION_BF16; // as such models are published; a third of a small one
    if (!m->tie_word_embeddings)
        p->head.param = add(a, m->vocab_size, m->hidden_size, true, false, "lm_head.weight");
}

void net_params(Policy *p) {
    const ModelConfig *m = &p->model;
    Adder a = {.p = p};
    walk(&a);
    p->n_params = a.n;
    p->param = a.param = ARENA_ARRAY(p->arena, Param, a.n);
    p->at = ARENA_ARRAY(p->arena, size_t, a.n);
    p->layer = ARENA_ARRAY(p->arena, Layer, m->n_layers);
    p->n_moe = 0;
    for (int l = 0; l < m->n_layers; l++) {
        if (model_is_moe(m, l)) {
            p->layer[l].moe_at = p->n_moe++;
            p->layer[l].expert = ARENA_ARRAY(p->arena, Ffn, m->n_routed_experts);
        }
        if (m->family == FAMILY_MLA_MOE && m->mla_form == MLA_ABSORBED)
            p->layer[l].head = ARENA_ARRAY(p->arena, HeadSlice, m->n_heads);
    }
    walk(&a);

    PolicyPlan *plan = &p->plan;
    size_t at = 0;
    for (int i = 0; i < p->n_params; i++) {
        const Param *q = &p->param[i];
        size_t count = (size_t)q->rows * (size_t)(q->cols > 0 ? q->cols : 1);
        p->at[i] = at;
        at += (count + 31) & ~(size_t)31;
        plan->n_params += (int64_t)count;
        if (i == p->embed && !m->tie_word_embeddings) continue;
        plan->n_active += q->expert ? 0 : (int64_t)count;
    }
    plan->n_active +=
        (int64_t)p->n_moe * m->n_experts_per_tok * 3 * m->hidden_size * m->moe_intermediate_size;
    p->n_floats = at;
}
