// policy/files/gguf/gguf_config.c -- one key after the other, as llama.cpp's converters name them.
#include "policy/files/gguf/gguf_config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALF_HEAD_MAX = 4096 };

// ---- reading ---------------------------------------------------------------------------------
typedef struct GgufConfigReader {
    const Gguf *file;
    ModelConfig *model;
    const char *arch;
    char key[128]; // the last one asked for
} GgufConfigReader;

static const char *key_of(GgufConfigReader *r, const char *key) {
    snprintf(r->key, sizeof r->key, "%s.%s", r->arch, key);
    return r->key;
}

// The shortest decimal that is this F32.
static double shortest(double value) {
    char text[40];
    const float single = (float)value;
    if ((double)single != value) return value;
    for (int digits = 1; digits < 10; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == single) return strtod(text, NULL);
    }
    return value;
}

// Where an array of one number a layer is, all must be equal.
static int64_t same_for_all(const GgufValue *v, int64_t fallback) {
    int64_t first = gguf_item_int(v, 0, fallback);
    for (uint64_t i = 1; i < v->count; i++)
        if (gguf_item_int(v, i, fallback) != first) return fallback;
    return first;
}

static Status integer(GgufConfigReader *r, const char *key, int low, int initial, int *out) {
    const GgufValue *v = gguf_value(r->file, key_of(r, key));
    int64_t n = initial;
    if (v) n = v->kind == GGUF_ARRAY_VALUE ? same_for_all(v, -1) : gguf_int(r->file, r->key, -1);
    if (!v && initial < low)
        return FAIL(ST_FORMAT, "%s: key '%s' is missing", gguf_name(r->file), r->key);
    if (n < low || n > 1 << 28)
        return FAIL(ST_FORMAT,
                    "%s: key '%s' must be a whole number of at least %d, the same for every layer",
                    gguf_name(r->file), r->key, low);
    *out = (int)n;
    return ST_OK;
}

static Status number(GgufConfigReader *r, const char *key, double initial, double *out) {
    *out = shortest(gguf_num(r->file, key_of(r, key), initial));
    if (!isfinite(*out) || !(*out > 0))
        return FAIL(ST_FORMAT, "%s: key '%s' must be a number over 0%s", gguf_name(r->file), r->key,
                    gguf_value(r->file, r->key) ? "" : ", and is missing");
    return ST_OK;
}

void gguf_rope_freqs(const ModelConfig *m, float *out) {
    const double two_pi = 6.283185307179586, base = m->rope.theta, factor = m->rope.factor;
    const double original = m->rope.original_max_position, low = m->rope.low_freq_factor;
    const double high = m->rope.high_freq_factor;
    for (int i = 0; i < m->head_dim / 2; i++) {
        double wave = two_pi * pow(base, 2.0 * i / m->head_dim);
        double smooth = (original / wave - low) / (high - low);
        out[i] = (float)(wave < original / high  ? 1
                         : wave > original / low ? factor
                                                 : 1 / ((1 - smooth) / factor + smooth));
    }
}

static bool same_freqs(const float *have, const float *want, int n) {
    for (int i = 0; i < n; i++)
        if (!(fabsf(have[i] - want[i]) <= 1e-4f * want[i])) return false;
    return true;
}

// Finds the parameters of llama3's scaling: low_freq_factor 1 and high_freq_factor 4, as in all
// published models; the factor is the largest divisor, the original context a power of two.
static Status read_freqs(GgufConfigReader *r, const GgufTensor *t) {
    ModelConfig *m = r->model;
    float have[HALF_HEAD_MAX], want[HALF_HEAD_MAX];
    const int n = m->head_dim / 2;
    if (t->rows != 1 || t->cols != n || n > HALF_HEAD_MAX)
        return FAIL(ST_FORMAT, "%s: tensor '%s' must have %d values", gguf_name(r->file), t->name,
                    n);
    TRY(gguf_rows(r->file, t, 0, 1, have));
    m->rope.llama3 = true;
    m->rope.low_freq_factor = 1;
    m->rope.high_freq_factor = 4;
    m->rope.factor = 1;
    for (int i = 0; i < n; i++)
        if ((double)have[i] > m->rope.factor) m->rope.factor = shortest((double)have[i]);
    m->rope.original_max_position = 8192; // the published one, where several would do
    gguf_rope_freqs(m, want);
    for (int k = 3; k < 24 && !same_freqs(have, want, n); k++) {
        m->rope.original_max_position = 1 << k;
        gguf_rope_freqs(m, want);
    }
    if (same_freqs(have, want, n)) return ST_OK;
    return FAIL(ST_UNSUPPORTED, "%s: tensor '%s' is not Llama-3's rope scaling by any factor",
                gguf_name(r->file), t->name);
}

static Status read_rope(GgufConfigReader *r) {
    RopeConfig *rope = &r->model->rope;
    const GgufTensor *freqs = gguf_tensor(r->file, "rope_freqs.weight");
    double multiplier;
    TRY(number(r, "rope.freq_base", 10000, &rope->theta));
    if (freqs) return read_freqs(r, freqs);
    const GgufText *type = gguf_text(r->file, key_of(r, "rope.scaling.type"));
    if (!type || gguf_text_is(r->file, r->key, "none")) {
        if (!gguf_value(r->file, key_of(r, "rope.scale_linear"))) return ST_OK;
        return FAIL(ST_UNSUPPORTED, "%s: key '%s': linear rope scaling is not built",
                    gguf_name(r->file), r->key);
    }
    if (!gguf_text_is(r->file, r->key, "yarn"))
        return FAIL(ST_UNSUPPORTED, "%s: key '%s': rope scaling '%.*s' is not built, only yarn",
                    gguf_name(r->file), r->key, (int)(type->size < 40 ? type->size : 40),
                    type->data);
    rope->yarn = true;
    TRY(number(r, "rope.scaling.factor", 0, &rope->factor));
    TRY(integer(r, "rope.scaling.original_context_length", 1, 0, &rope->original_max_position));
    TRY(number(r, "rope.scaling.yarn_beta_fast", 32, &rope->beta_fast));
    TRY(number(r, "rope.scaling.yarn_beta_slow", 1, &rope->beta_slow));
    rope->mscale = 1;
    if (!gguf_value(r->file, key_of(r, "rope.scaling.yarn_log_multiplier"))) return ST_OK;
    // deepseek2: a tenth of mscale_all_dim, and of mscale, which the published models set alike
    TRY(number(r, "rope.scaling.yarn_log_multiplier", 0, &multiplier));
    rope->mscale = rope->mscale_all_dim = shortest((double)(float)(multiplier * 10));
    return ST_OK;
}

static Status read_dense(GgufConfigReader *r) {
    ModelConfig *m = r->model;
    m->family = FAMILY_DENSE;
    m->dense = strcmp(r->arch, "qwen2") == 0   ? DENSE_QWEN2
               : strcmp(r->arch, "qwen3") == 0 ? DENSE_QWEN3
                                               : DENSE_LLAMA;
    TRY(integer(r, "attention.head_count_kv", 1, m->n_heads, &m->n_kv_heads));
    int even = m->hidden_size % m->n_heads ? 0 : m->hidden_size / m->n_heads;
    TRY(integer(r, "rope.dimension_count", 2, even, &m->head_dim));
    TRY(integer(r, "attention.key_length", 2, m->head_dim, &m->head_dim));
    if (m->n_heads % m->n_kv_heads || m->head_dim % 2)
        return FAIL(ST_FORMAT, "%s: %d heads of %d over %d key-value heads cannot be",
                    gguf_name(r->file), m->n_heads, m->head_dim, m->n_kv_heads);
    m->qkv_bias = gguf_tensor(r->file, "blk.0.attn_q.bias") != NULL;
    m->o_bias = gguf_tensor(r->file, "blk.0.attn_output.bias") != NULL;
    m->mlp_bias = gguf_tensor(r->file, "blk.0.ffn_gate.bias") != NULL;
    m->qk_norm = gguf_tensor(r->file, "blk.0.attn_q_norm.weight") != NULL;
    if (m->dense == DENSE_LLAMA && gguf_tensor(r->file, "blk.0.ffn_gate_inp.weight"))
        return FAIL(ST_UNSUPPORTED, "%s: a mixture of experts of architecture llama is not built",
                    gguf_name(r->file));
    return ST_OK;
}

static Status read_experts(GgufConfigReader *r) {
    ModelConfig *m = r->model;
    int gating;
    char bias[64];
    TRY(integer(r, "expert_count", 0, 0, &m->n_routed_experts));
    m->moe_layer_freq = m->n_group = m->topk_group = 1;
    m->routed_scaling_factor = 1;
    if (m->n_routed_experts == 0) return ST_OK;
    TRY(integer(r, "leading_dense_block_count", 0, 0, &m->first_k_dense));
    TRY(integer(r, "expert_used_count", 1, 0, &m->n_experts_per_tok));
    TRY(integer(r, "expert_shared_count", 0, 0, &m->n_shared_experts));
    TRY(integer(r, "expert_feed_forward_length", 1, 0, &m->moe_intermediate_size));
    TRY(integer(r, "expert_group_count", 0, 1, &m->n_group));
    TRY(integer(r, "expert_group_used_count", 0, 1, &m->topk_group));
    if (m->n_group == 0) m->n_group = m->topk_group = 1;
    TRY(number(r, "expert_weights_scale", 1, &m->routed_scaling_factor));
    m->norm_topk_prob = gguf_bool(r->file, key_of(r, "expert_weights_norm"), false);
    TRY(integer(r, "expert_gating_func", 0, 0, &gating));
    snprintf(bias, sizeof bias, "blk.%d.exp_probs_b.bias", m->first_k_dense);
    const bool biased = gguf_tensor(r->file, bias) != NULL;
    if (gating > 2)
        return FAIL(ST_UNSUPPORTED, "%s: key '%s' is %d; 1 (softmax) and 2 (sigmoid) are built",
                    gguf_name(r->file), r->key, gating);
    m->scoring = gating == 2 || (gating == 0 && biased) ? ROUTER_SIGMOID : ROUTER_SOFTMAX;
    m->topk_method = biased ? TOPK_NOAUX_TC : m->n_group > 1 ? TOPK_GROUP_LIMITED : TOPK_GREEDY;
    return ST_OK;
}

static Status read_mla(GgufConfigReader *r) {
    ModelConfig *m = r->model;
    int key, more;
    m->family = FAMILY_MLA_MOE;
    TRY(integer(r, "nextn_predict_layers", 0, 0, &more)); // counted among the blocks
    if (more >= m->n_layers)
        return FAIL(ST_FORMAT, "%s: key '%s' is %d of %d layers", gguf_name(r->file), r->key, more,
                    m->n_layers);
    m->n_layers -= more;
    TRY(integer(r, "attention.q_lora_rank", 0, 0, &m->q_lora_rank));
    TRY(integer(r, "attention.kv_lora_rank", 1, 0, &m->kv_lora_rank));
    TRY(integer(r, "rope.dimension_count", 2, 0, &m->qk_rope_head_dim));
    // Newer files describe the absorbed form and keep the heads' own widths under *_mla.
    const bool absorbed = gguf_value(r->file, key_of(r, "attention.key_length_mla")) != NULL;
    TRY(integer(r, absorbed ? "attention.key_length_mla" : "attention.key_length", 2, 0, &key));
    TRY(integer(r, absorbed ? "attention.value_length_mla" : "attention.value_length", 1, 0,
                &m->v_head_dim));
    m->qk_nope_head_dim = key - m->qk_rope_head_dim;
    if (m->qk_nope_head_dim < 1 || m->qk_rope_head_dim % 2)
        return FAIL(ST_FORMAT, "%s: keys of %d values with %d rotated cannot be",
                    gguf_name(r->file), key, m->qk_rope_head_dim);
    return read_experts(r);
}

static Status check_architecture(const Gguf *file, GgufConfigReader *r) {
    static const char *const known[] = {"llama", "qwen2", "qwen3", "deepseek2"};
    const GgufText *arch = gguf_text(file, "general.architecture");
    for (int i = 0; i < 4; i++)
        if (gguf_text_is(file, "general.architecture", known[i])) r->arch = known[i];
    if (!arch) return FAIL(ST_FORMAT, "%s: key 'general.architecture' is missing", gguf_name(file));
    if (!r->arch)
        return FAIL(ST_UNSUPPORTED,
                    "%s: architecture '%.*s' is not built; llama, qwen2, qwen3 and deepseek2 are",
                    gguf_name(file), (int)(arch->size < 40 ? arch->size : 40), arch->data);
    return ST_OK;
}

Status gguf_config(const Gguf *file, ModelConfig *out) {
    GgufConfigReader r = {.file = file, .model = out};
    *out = (ModelConfig){.initializer_range = 0.02, .precision = PRECISION_BF16};
    TRY(check_architecture(file, &r));
    const GgufTensor *embed = gguf_tensor(file, "token_embd.weight");
    if (!embed || embed->n_dims != 2)
        return FAIL(ST_FORMAT, "%s: matrix 'token_embd.weight' is missing", gguf_name(file));
    out->vocab_size = (int)embed->rows;
    TRY(integer(&r, "embedding_length", 1, 0, &out->hidden_size));
    TRY(integer(&r, "block_count", 1, 0, &out->n_layers));
    TRY(integer(&r, "feed_forward_length", 1, 0, &out->intermediate_size));
    TRY(integer(&r, "attention.head_count", 1, 0, &out->n_heads));
    TRY(integer(&r, "context_length", 1, 0, &out->max_position));
    TRY(number(&r, "attention.layer_norm_rms_epsilon", 0, &out->rms_norm_eps));
    out->tie_word_embeddings = gguf_tensor(file, "output.weight") == NULL;
    out->bos_id = (int32_t)gguf_int(file, "tokenizer.ggml.bos_token_id", -1);
    out->eos_id = (int32_t)gguf_int(file, "tokenizer.ggml.eos_token_id", -1);
    if (out->bos_id >= out->vocab_size) out->bos_id = -1;
    if (out->eos_id >= out->vocab_size) out->eos_id = -1;
    TRY(strcmp(r.arch, "deepseek2") == 0 ? read_mla(&r) : read_dense(&r));
    return read_rope(&r);
}

// ---- writing ---------------------------------------------------------------------------------
Status gguf_architecture(const ModelConfig *m, const char **out) {
    const bool biases = m->o_bias || m->mlp_bias;
    *out = NULL;
    if (m->family == FAMILY_MLA_MOE) {
        *out = "deepseek2";
        const RopeConfig *rope = &m->rope; // llama.cpp takes the two scales for equal
        if (!rope->yarn || rope->mscale == (rope->mscale_all_dim > 0 ? rope->mscale_all_dim : 1))
            return ST_OK;
        return FAIL(ST_UNSUPPORTED,
                    "GGUF has no place for a yarn mscale of %g beside an mscale_all_dim of %g",
                    rope->mscale, rope->mscale_all_dim);
    }
    switch (m->dense) {
    case DENSE_LLAMA:
    case DENSE_MISTRAL: *out = "llama"; break;
    case DENSE_QWEN2: *out = "qwen2"; break;
    case DENSE_QWEN3: *out = "qwen3"; break;
    }
    if (m->dense == DENSE_QWEN3 ? m->qkv_bias || biases : biases && m->dense == DENSE_QWEN2)
        return FAIL(ST_UNSUPPORTED, "llama.cpp's %s has no place for these biases", *out);
    return ST_OK;
}

typedef struct Writer {
    GgufKeys *keys;
    const char *arch;
} Writer;

static void put_int(const Writer *w, const char *name, int64_t value) {
    char key[128];
    snprintf(key, sizeof key, "%s.%s", w->arch, name);
    gguf_put_int(w->keys, key, value);
}

static void put_num(const Writer *w, const char *name, double value) {
    char key[128];
    snprintf(key, sizeof key, "%s.%s", w->arch, name);
    gguf_put_num(w->keys, key, value);
}

static void put_rope(const Writer *w, const ModelConfig *m) {
    const RopeConfig *rope = &m->rope;
    char key[128];
    put_num(w, "rope.freq_base", rope->theta);
    if (!rope->yarn) return;
    snprintf(key, sizeof key, "%s.rope.scaling.type", w->arch);
    gguf_put_text(w->keys, key, "yarn", 4);
    put_num(w, "rope.scaling.factor", rope->factor);
    put_int(w, "rope.scaling.original_context_length", rope->original_max_position);
    put_num(w, "rope.scaling.yarn_beta_fast", rope->beta_fast);
    put_num(w, "rope.scaling.yarn_beta_slow", rope->beta_slow);
    if (rope->mscale_all_dim > 0)
        put_num(w, "rope.scaling.yarn_log_multiplier", 0.1 * rope->mscale_all_dim);
}

static void put_mla(const Writer *w, const ModelConfig *m) {
    char key[128];
    put_int(w, "attention.head_count_kv", 1); // the absorbed form shares one key among the heads
    put_int(w, "attention.q_lora_rank", m->q_lora_rank); // llama.cpp wants it, 0 for none
    put_int(w, "attention.kv_lora_rank", m->kv_lora_rank);
    put_int(w, "attention.key_length", model_cache_dim(m));
    put_int(w, "attention.value_length", m->kv_lora_rank);
    put_int(w, "attention.key_length_mla", model_qk_dim(m));
    put_int(w, "attention.value_length_mla", m->v_head_dim);
    put_int(w, "rope.dimension_count", m->qk_rope_head_dim);
    const bool moe = m->n_routed_experts > 0;
    put_int(w, "leading_dense_block_count", moe ? m->first_k_dense : m->n_layers);
    put_int(w, "expert_feed_forward_length", moe ? m->moe_intermediate_size : m->intermediate_size);
    put_int(w, "expert_shared_count", moe ? m->n_shared_experts : 0);
    if (!moe) return;
    put_int(w, "expert_count", m->n_routed_experts);
    put_int(w, "expert_used_count", m->n_experts_per_tok);
    if (m->topk_method != TOPK_GREEDY) {
        put_int(w, "expert_group_count", m->n_group);
        put_int(w, "expert_group_used_count", m->topk_group);
    }
    put_num(w, "expert_weights_scale", m->routed_scaling_factor);
    snprintf(key, sizeof key, "%s.expert_weights_norm", w->arch);
    gguf_put_bool(w->keys, key, m->norm_topk_prob);
    put_int(w, "expert_gating_func", m->scoring == ROUTER_SIGMOID ? 2 : 1);
}

void gguf_put_config(const ModelConfig *m, GgufKeys *keys) {
    Writer w = {keys, NULL};
    CHECK(gguf_architecture(m, &w.arch) == ST_OK);
    put_int(&w, "block_count", m->n_layers);
    put_int(&w, "context_length", m->max_position);
    put_int(&w, "embedding_length", m->hidden_size);
    put_int(&w, "feed_forward_length", m->intermediate_size);
    put_int(&w, "attention.head_count", m->n_heads);
    put_num(&w, "attention.layer_norm_rms_epsilon", m->rms_norm_eps);
    put_int(&w, "vocab_size", m->vocab_size);
    put_rope(&w, m);
    if (m->family == FAMILY_MLA_MOE) {
        put_mla(&w, m);
        return;
    }
    put_int(&w, "attention.head_count_kv", m->n_kv_heads);
    put_int(&w, "attention.key_length", m->head_dim);
    put_int(&w, "attention.value_length", m->head_dim);
    put_int(&w, "rope.dimension_count", m->head_dim);
}
