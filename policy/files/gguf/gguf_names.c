// policy/files/gguf/gguf_names.c -- one table of names and shapes, walked layer by layer.
#include "policy/files/gguf/gguf_names.h"

// When a layer has the tensor.
typedef enum When {
    ALWAYS,
    DENSE_FAMILY,
    QKV_BIAS,
    O_BIAS,
    MLP_BIAS,
    QK_NORM,
    MLA,
    Q_LORA,
    NO_Q_LORA,
    DENSE_FFN,
    MOE,
    SHARED,
    SCORE_BIAS
} When;

// A shape is one letter a dimension: see size_of.
typedef struct GgufNameRow {
    const char *gguf, *hf, *shape;
    When when;
    GgufForm form;
} GgufNameRow;

static const GgufNameRow rows[] = {
    {"attn_norm.weight", "input_layernorm.weight", "D", ALWAYS, GGUF_PLAIN},
    {"attn_q.weight", "self_attn.q_proj.weight", "QD", DENSE_FAMILY, GGUF_PERMUTE_Q},
    {"attn_q.bias", "self_attn.q_proj.bias", "Q", QKV_BIAS, GGUF_PERMUTE_Q},
    {"attn_k.weight", "self_attn.k_proj.weight", "KD", DENSE_FAMILY, GGUF_PERMUTE_K},
    {"attn_k.bias", "self_attn.k_proj.bias", "K", QKV_BIAS, GGUF_PERMUTE_K},
    {"attn_v.weight", "self_attn.v_proj.weight", "KD", DENSE_FAMILY, GGUF_PLAIN},
    {"attn_v.bias", "self_attn.v_proj.bias", "K", QKV_BIAS, GGUF_PLAIN},
    {"attn_output.weight", "self_attn.o_proj.weight", "DQ", DENSE_FAMILY, GGUF_PLAIN},
    {"attn_output.bias", "self_attn.o_proj.bias", "D", O_BIAS, GGUF_PLAIN},
    {"attn_q_norm.weight", "self_attn.q_norm.weight", "H", QK_NORM, GGUF_PLAIN},
    {"attn_k_norm.weight", "self_attn.k_norm.weight", "H", QK_NORM, GGUF_PLAIN},
    {"attn_q_a.weight", "self_attn.q_a_proj.weight", "aD", Q_LORA, GGUF_PLAIN},
    {"attn_q_a_norm.weight", "self_attn.q_a_layernorm.weight", "a", Q_LORA, GGUF_PLAIN},
    {"attn_q_b.weight", "self_attn.q_b_proj.weight", "ba", Q_LORA, GGUF_PLAIN},
    {"attn_q.weight", "self_attn.q_proj.weight", "bD", NO_Q_LORA, GGUF_PLAIN},
    {"attn_kv_a_mqa.weight", "self_attn.kv_a_proj_with_mqa.weight", "cD", MLA, GGUF_PLAIN},
    {"attn_kv_a_norm.weight", "self_attn.kv_a_layernorm.weight", "r", MLA, GGUF_PLAIN},
    {"attn_kv_b.weight", "self_attn.kv_b_proj.weight", "kr", MLA, GGUF_KV_B},
    {"attn_output.weight", "self_attn.o_proj.weight", "Do", MLA, GGUF_PLAIN},
    {"ffn_norm.weight", "post_attention_layernorm.weight", "D", ALWAYS, GGUF_PLAIN},
    {"ffn_gate.weight", "mlp.gate_proj.weight", "FD", DENSE_FFN, GGUF_PLAIN},
    {"ffn_up.weight", "mlp.up_proj.weight", "FD", DENSE_FFN, GGUF_PLAIN},
    {"ffn_down.weight", "mlp.down_proj.weight", "DF", DENSE_FFN, GGUF_PLAIN},
    {"ffn_gate.bias", "mlp.gate_proj.bias", "F", MLP_BIAS, GGUF_PLAIN},
    {"ffn_up.bias", "mlp.up_proj.bias", "F", MLP_BIAS, GGUF_PLAIN},
    {"ffn_down.bias", "mlp.down_proj.bias", "D", MLP_BIAS, GGUF_PLAIN},
    {"ffn_gate_inp.weight", "mlp.gate.weight", "ED", MOE, GGUF_ROUTER},
    {"exp_probs_b.bias", "mlp.gate.e_score_correction_bias", "E", SCORE_BIAS, GGUF_SCORE_BIAS},
    {"ffn_gate_exps.weight", "gate_proj.weight", "MD", MOE, GGUF_EXPERTS},
    {"ffn_up_exps.weight", "up_proj.weight", "MD", MOE, GGUF_EXPERTS},
    {"ffn_down_exps.weight", "down_proj.weight", "DM", MOE, GGUF_EXPERTS},
    {"ffn_gate_shexp.weight", "mlp.shared_experts.gate_proj.weight", "SD", SHARED, GGUF_PLAIN},
    {"ffn_up_shexp.weight", "mlp.shared_experts.up_proj.weight", "SD", SHARED, GGUF_PLAIN},
    {"ffn_down_shexp.weight", "mlp.shared_experts.down_proj.weight", "DS", SHARED, GGUF_PLAIN},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static int64_t size_of(const ModelConfig *m, char letter) {
    const int64_t heads = m->n_heads;
    switch (letter) {
    case 'V': return m->vocab_size;
    case 'D': return m->hidden_size;
    case 'F': return m->intermediate_size;
    case 'Q': return heads * m->head_dim;
    case 'K': return (int64_t)m->n_kv_heads * m->head_dim;
    case 'H': return m->head_dim;
    case 'a': return m->q_lora_rank;
    case 'b': return heads * model_qk_dim(m);
    case 'c': return model_cache_dim(m);
    case 'r': return m->kv_lora_rank;
    case 'k': return heads * (m->qk_nope_head_dim + m->v_head_dim);
    case 'o': return heads * m->v_head_dim;
    case 'E': return m->n_routed_experts;
    case 'M': return m->moe_intermediate_size;
    default: break;
    }
    CHECK(letter == 'S');
    return (int64_t)m->n_shared_experts * m->moe_intermediate_size;
}

static bool has(const ModelConfig *m, int layer, When when) {
    const bool dense = m->family == FAMILY_DENSE, moe = !dense && model_is_moe(m, layer);
    switch (when) {
    case ALWAYS: return true;
    case DENSE_FAMILY: return dense;
    case QKV_BIAS: return dense && m->qkv_bias;
    case O_BIAS: return dense && m->o_bias;
    case MLP_BIAS: return dense && m->mlp_bias;
    case QK_NORM: return dense && m->qk_norm;
    case MLA: return !dense;
    case Q_LORA: return !dense && m->q_lora_rank > 0;
    case NO_Q_LORA: return !dense && m->q_lora_rank == 0;
    case DENSE_FFN: return !moe;
    case MOE: return moe;
    case SHARED: return moe && m->n_shared_experts > 0;
    case SCORE_BIAS: return moe && m->topk_method == TOPK_NOAUX_TC;
    }
    return false;
}

static int turned(const ModelConfig *m, GgufForm form) {
    if (m->family != FAMILY_DENSE || m->dense == DENSE_QWEN2 || m->dense == DENSE_QWEN3) return 0;
    return form == GGUF_PERMUTE_Q ? m->n_heads : form == GGUF_PERMUTE_K ? m->n_kv_heads : 0;
}

typedef struct NamesWalk {
    const ModelConfig *model;
    Arena *arena;
    GgufNameFn *fn;
    void *ctx;
} NamesWalk;

static Status say(const NamesWalk *w, const GgufNameRow *row, const char *gguf, const char *hf,
                  int layer, int expert) {
    GgufName name = {.gguf = gguf,
                     .hf = hf,
                     .form = row->form,
                     .heads = turned(w->model, row->form),
                     .layer = layer,
                     .expert = expert};
    for (; row->shape[name.n_dims]; name.n_dims++)
        name.dim[name.n_dims] = size_of(w->model, row->shape[name.n_dims]);
    return w->fn(w->ctx, &name);
}

static Status outside(const NamesWalk *w, const char *gguf, const char *hf, const char *shape) {
    return say(w, &(GgufNameRow){gguf, hf, shape, ALWAYS, GGUF_PLAIN}, gguf, hf, -1, 0);
}

static Status say_experts(const NamesWalk *w, int l, const GgufNameRow *row, const char *gguf) {
    for (int e = 0; e < w->model->n_routed_experts; e++) {
        const char *hf = arena_printf(w->arena, "model.layers.%d.mlp.experts.%d.%s", l, e, row->hf);
        TRY(say(w, row, gguf, hf, l, e));
    }
    return ST_OK;
}

Status gguf_names_walk(const ModelConfig *m, Arena *arena, GgufNameFn *fn, void *ctx) {
    const NamesWalk walk = {m, arena, fn, ctx}, *w = &walk;
    TRY(outside(w, "token_embd.weight", "model.embed_tokens.weight", "VD"));
    for (int l = 0; l < m->n_layers; l++)
        for (int i = 0; i < N_ROWS; i++) {
            if (!has(m, l, rows[i].when)) continue;
            const char *gguf = arena_printf(arena, "blk.%d.%s", l, rows[i].gguf);
            if (rows[i].form == GGUF_EXPERTS) {
                TRY(say_experts(w, l, &rows[i], gguf));
                continue;
            }
            const char *hf = arena_printf(arena, "model.layers.%d.%s", l, rows[i].hf);
            TRY(say(w, &rows[i], gguf, hf, l, 0));
        }
    TRY(outside(w, "output_norm.weight", "model.norm.weight", "D"));
    if (m->tie_word_embeddings) return ST_OK;
    return outside(w, "output.weight", "lm_head.weight", "VD");
}
