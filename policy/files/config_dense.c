// policy/files/config_dense.c -- heads, biases and norms as each dense family has them.
//
// References: transformers' configuration_{llama,mistral,qwen2,qwen3}.py and the modeling files
// beside them, which fix what the configuration does not say (Qwen2's biases, Qwen3's norms).
#include "policy/files/config_dense.h"

#include <string.h>

typedef struct DenseFamily {
    const char *model_type, *architecture;
    int n_kv_heads, head_dim; // where the key is absent; 0: all heads, hidden_size / heads
    int window;               // sliding_window where the key is absent
} DenseFamily;

static const DenseFamily kinds[] = {
    [DENSE_LLAMA] = {"llama", "LlamaForCausalLM", 0, 0, 0},
    [DENSE_MISTRAL] = {"mistral", "MistralForCausalLM", 8, 0, 4096},
    [DENSE_QWEN2] = {"qwen2", "Qwen2ForCausalLM", 32, 0, 0},
    [DENSE_QWEN3] = {"qwen3", "Qwen3ForCausalLM", 32, 128, 0},
};

bool config_dense_kind(const char *model_type, DenseKind *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(model_type, kinds[i].model_type) == 0) {
            *kind = (DenseKind)i;
            return true;
        }
    return false;
}

// An int whose absence means `absent`, and whose null means 0.
static Status optional(const ConfigReader *r, const char *key, int absent, int *out) {
    const Json *node = json_get(r->root, key);
    *out = absent;
    if (!node) return ST_OK;
    *out = 0;
    if (json_kind(node) == JSON_NULL) return ST_OK;
    int64_t n = json_int(node, -1);
    if (n < 1 || n > (1 << 30))
        return config_bad(r, node, key, "must be a whole number of at least 1");
    *out = (int)n;
    return ST_OK;
}

// A window that no sequence outgrows is none; another would change the attention.
static Status check_window(const ConfigReader *r, const DenseFamily *kind) {
    const bool qwen = r->model->dense == DENSE_QWEN2 || r->model->dense == DENSE_QWEN3;
    const Json *types = config_get(r->root, "layer_types"),
               *node = json_get(r->root, "sliding_window");
    bool use;
    int window;
    for (const Json *t = types ? json_first(types) : NULL; t; t = json_next(t))
        if (strcmp(json_text(t, ""), "full_attention") != 0)
            return FAIL(ST_UNSUPPORTED, "%s:%d: layer type '%s' is not built, only full_attention",
                        json_name(r->doc), json_line(r->doc, t), json_text(t, ""));
    TRY(config_flag(r, "use_sliding_window", !qwen, &use));
    TRY(optional(r, "sliding_window", kind->window, &window));
    if (!use || window == 0 || window >= r->model->max_position) return ST_OK;
    return FAIL(ST_UNSUPPORTED,
                "%s:%d: sliding_window %d is not built; a max_position_embeddings of at most %d "
                "does without",
                json_name(r->doc), json_line(r->doc, node ? node : r->root), window, window);
}

static Status check_unbuilt(const ConfigReader *r) {
    double part;
    TRY(config_num(r, r->root, "partial_rotary_factor", 1, &part));
    if (part != 1)
        return config_unbuilt(r, config_get(r->root, "partial_rotary_factor"),
                              "a partial_rotary_factor other than 1 is not built");
    const Json *quant = config_get(r->root, "quantization_config");
    if (quant && r->model->dense != DENSE_QWEN3)
        return config_unbuilt(r, quant, "quantised weights of this family are not built");
    return ST_OK;
}

Status config_dense_read(const ConfigReader *r) {
    ModelConfig *m = r->model;
    const DenseFamily *kind = &kinds[m->dense];
    bool bias;
    TRY(optional(r, "num_key_value_heads", kind->n_kv_heads, &m->n_kv_heads));
    if (m->n_kv_heads == 0) m->n_kv_heads = m->n_heads;
    const Json *node = config_get(r->root, "num_key_value_heads");
    if (m->n_heads % m->n_kv_heads)
        return FAIL(ST_FORMAT, "%s:%d: \"num_key_value_heads\" %d%s does not divide the %d heads",
                    json_name(r->doc), json_line(r->doc, node ? node : r->root), m->n_kv_heads,
                    node ? "" : " (transformers' value where the key is absent)", m->n_heads);
    TRY(optional(r, "head_dim", kind->head_dim, &m->head_dim));
    if (m->head_dim == 0) {
        if (m->hidden_size % m->n_heads)
            return config_bad(r, config_get(r->root, "hidden_size"), "hidden_size",
                              "is no multiple of num_attention_heads, and there is no head_dim");
        m->head_dim = m->hidden_size / m->n_heads;
    }
    if (m->head_dim % 2) return config_bad(r, r->root, "head_dim", "must be even");
    TRY(config_flag(r, "attention_bias", false, &bias));
    m->qkv_bias = m->dense == DENSE_QWEN2 || (bias && m->dense != DENSE_MISTRAL);
    m->o_bias = bias && (m->dense == DENSE_LLAMA || m->dense == DENSE_QWEN3);
    TRY(config_flag(r, "mlp_bias", false, &m->mlp_bias));
    if (m->dense != DENSE_LLAMA) m->mlp_bias = false;
    m->qk_norm = m->dense == DENSE_QWEN3;
    TRY(check_unbuilt(r));
    return check_window(r, kind);
}

void config_dense_write(const ModelConfig *m, Str *out) {
    const DenseFamily *kind = &kinds[m->dense];
    str_printf(out, "  \"architectures\": [\"%s\"],\n", kind->architecture);
    config_put_text(out, "model_type", kind->model_type);
    config_put_int(out, "num_key_value_heads", m->n_kv_heads);
    config_put_int(out, "head_dim", m->head_dim);
    if (m->dense == DENSE_LLAMA || m->dense == DENSE_QWEN3)
        config_put_flag(out, "attention_bias", m->qkv_bias);
    if (m->dense == DENSE_LLAMA) config_put_flag(out, "mlp_bias", m->mlp_bias);
    if (m->dense == DENSE_MISTRAL) str_puts(out, "  \"sliding_window\": null,\n");
    if (m->dense == DENSE_QWEN2 || m->dense == DENSE_QWEN3)
        config_put_flag(out, "use_sliding_window", false);
}
