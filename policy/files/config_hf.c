// policy/files/config_hf.c -- one table of plain keys; the rest (rope, router, grpo) by hand.
#include "policy/files/config_hf.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "policy/files/config_dense.h"
#include "policy/files/config_value.h"

#define KEY CONFIG_INT
static const ConfigInt shared[] = {
    KEY("vocab_size", vocab_size, 1, REQUIRED, 0),
    KEY("hidden_size", hidden_size, 1, REQUIRED, 0),
    KEY("intermediate_size", intermediate_size, 1, REQUIRED, 0),
    KEY("num_hidden_layers", n_layers, 1, REQUIRED, 0),
    KEY("num_attention_heads", n_heads, 1, REQUIRED, 0),
    KEY("max_position_embeddings", max_position, 1, REQUIRED, 0),
};
static const ConfigInt deepseek[] = {
    KEY("kv_lora_rank", kv_lora_rank, 1, REQUIRED, 0),
    KEY("qk_nope_head_dim", qk_nope_head_dim, 1, REQUIRED, 0),
    KEY("qk_rope_head_dim", qk_rope_head_dim, 2, REQUIRED, 0),
    KEY("v_head_dim", v_head_dim, 1, REQUIRED, 0),
    KEY("q_lora_rank", q_lora_rank, 0, OPTIONAL, 0),
    KEY("n_routed_experts", n_routed_experts, 0, OPTIONAL, 0),
    KEY("n_shared_experts", n_shared_experts, 0, OPTIONAL, 0),
    KEY("moe_intermediate_size", moe_intermediate_size, 1, MOE_REQUIRED, 0),
    KEY("num_experts_per_tok", n_experts_per_tok, 1, MOE_REQUIRED, 0),
    KEY("first_k_dense_replace", first_k_dense, 0, MOE_REQUIRED, 0),
    KEY("moe_layer_freq", moe_layer_freq, 1, OPTIONAL, 1),
    KEY("n_group", n_group, 1, OPTIONAL, 1),
    KEY("topk_group", topk_group, 1, OPTIONAL, 1),
    KEY("num_nextn_predict_layers", n_mtp_published, 0, OPTIONAL, 0),
};
enum { N_SHARED = sizeof shared / sizeof *shared, N_DEEPSEEK = sizeof deepseek / sizeof *deepseek };

static const char *const precisions[] = {"fp32", "bf16", "fp8", NULL};
static const char *const mla_forms[] = {"absorbed", "expanded", NULL};
static const char *const scores[] = {"sigmoid", "softmax", NULL};
static const char *const methods[] = {"noaux_tc", "group_limited_greedy", "greedy", NULL};

static Status read_router(const ConfigReader *r, bool v3) {
    ModelConfig *m = r->model;
    int score, method;
    TRY(config_choice(r, r->root, "scoring_func", scores, v3 ? ROUTER_SIGMOID : ROUTER_SOFTMAX,
                      &score));
    TRY(config_choice(r, r->root, "topk_method", methods, v3 ? TOPK_NOAUX_TC : TOPK_GREEDY,
                      &method));
    TRY(config_flag(r, "norm_topk_prob", v3, &m->norm_topk_prob));
    TRY(config_num(r, r->root, "routed_scaling_factor", 1, &m->routed_scaling_factor));
    m->scoring = (RouterScore)score;
    m->topk_method = (RouterTopk)method;
    if (m->n_routed_experts == 0) return ST_OK;
    if (m->n_experts_per_tok > m->n_routed_experts)
        return config_bad(r, r->root, "num_experts_per_tok", "is more than n_routed_experts");
    if (m->topk_method == TOPK_GREEDY) return ST_OK;
    if (m->n_routed_experts % m->n_group)
        return config_bad(r, r->root, "n_group", "does not divide n_routed_experts");
    if (m->topk_group > m->n_group)
        return config_bad(r, r->root, "topk_group", "is more than n_group");
    if (m->n_experts_per_tok > m->n_routed_experts / m->n_group * m->topk_group)
        return config_bad(r, r->root, "num_experts_per_tok", "is more than the kept groups hold");
    return ST_OK;
}

// FP8 as DeepSeek publishes it: a scale for each block of 128 x 128.
static Status check_quant(const ConfigReader *r) {
    const Json *quant = config_get(r->root, "quantization_config"),
               *block = config_get(quant, "weight_block_size");
    const char *method = json_text(config_get(quant, "quant_method"), "fp8");
    if (strcmp(method, "fp8") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: quant_method '%s' is not built, only fp8",
                    json_name(r->doc), json_line(r->doc, quant), method);
    for (const Json *n = block ? json_first(block) : NULL; n; n = json_next(n))
        if (json_int(n, -1) != 128)
            return config_unbuilt(r, n, "a weight_block_size other than [128, 128] is not built");
    return ST_OK;
}

static Status check_built(const ConfigReader *r, const char **family) {
    ModelConfig *m = r->model;
    const Json *type = config_get(r->root, "model_type");
    *family = json_text(type, "");
    if (!type) return config_bad(r, r->root, "model_type", "is missing");
    if (config_dense_kind(*family, &m->dense))
        m->family = FAMILY_DENSE;
    else if (strcmp(*family, "deepseek_v3") != 0 && strcmp(*family, "deepseek_v2") != 0)
        return FAIL(ST_UNSUPPORTED,
                    "%s:%d: model_type '%s' is not built; deepseek_v3, deepseek_v2, llama, "
                    "mistral, qwen2 and qwen3 are",
                    json_name(r->doc), json_line(r->doc, type), *family);
    const Json *act = config_get(r->root, "hidden_act"),
               *bias = config_get(r->root, "attention_bias");
    if (act && strcmp(json_text(act, ""), "silu") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: hidden_act '%s' is not built, only silu",
                    json_name(r->doc), json_line(r->doc, act), json_text(act, ""));
    TRY(check_quant(r));
    if (m->family != FAMILY_DENSE && bias && json_bool(bias, true))
        return config_unbuilt(r, bias, "attention_bias is not built");
    return ST_OK;
}

static Status read_deepseek(const ConfigReader *r, bool v3) {
    ModelConfig *m = r->model;
    TRY(config_ints(r, deepseek, N_DEEPSEEK));
    if (m->qk_rope_head_dim % 2) return config_bad(r, r->root, "qk_rope_head_dim", "must be even");
    if (!json_get(r->root, "q_lora_rank"))
        return config_bad(r, r->root, "q_lora_rank", "is missing");
    const Json *kv_heads = config_get(r->root, "num_key_value_heads");
    if (kv_heads && json_int(kv_heads, -1) != m->n_heads)
        return config_bad(r, kv_heads, "num_key_value_heads",
                          "must equal num_attention_heads in MLA");
    const Json *interleave = config_get(r->root, "rope_interleave");
    if (interleave && !json_bool(interleave, true))
        return config_unbuilt(r, interleave, "rope_interleave false is not built");
    return read_router(r, v3);
}

static Status read_all(const ConfigReader *r) {
    ModelConfig *m = r->model;
    const char *family;
    int precision, form;
    if (json_kind(r->root) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s: not a JSON object", json_name(r->doc));
    m->family = FAMILY_MLA_MOE;
    TRY(check_built(r, &family));
    TRY(config_ints(r, shared, N_SHARED));
    TRY(config_num(r, r->root, "rms_norm_eps", 1e-6, &m->rms_norm_eps));
    if (!(m->rms_norm_eps > 0)) return config_bad(r, r->root, "rms_norm_eps", "must be over 0");
    TRY(config_num(r, r->root, "initializer_range", 0.02, &m->initializer_range));
    TRY(config_flag(r, "tie_word_embeddings", false, &m->tie_word_embeddings));
    TRY(config_id(r, "bos_token_id", &m->bos_id));
    TRY(config_id(r, "eos_token_id", &m->eos_id));
    TRY(config_rope(r));
    if (m->family == FAMILY_DENSE)
        TRY(config_dense_read(r));
    else
        TRY(read_deepseek(r, strcmp(family, "deepseek_v3") == 0));
    const Json *ours = config_get(r->root, "grpo");
    TRY(config_choice(r, ours, "precision", precisions, PRECISION_BF16, &precision));
    TRY(config_choice(r, ours, "mla_form", mla_forms, MLA_ABSORBED, &form));
    m->precision = (Precision)precision;
    m->mla_form = (MlaForm)form;
    return ST_OK;
}

Status config_hf_parse(const char *text, size_t size, const char *name, ModelConfig *out) {
    JsonDoc *doc = NULL;
    ModelConfig model = {0};
    *out = model;
    TRY(json_parse(text, size, name, 1, false, &doc));
    Status st = read_all(&(ConfigReader){doc, json_root(doc), &model});
    json_free(doc);
    if (st == ST_OK) *out = model;
    return st;
}

Status config_hf_read(const char *path, ModelConfig *out) {
    Arena *arena = arena_new(1 << 12);
    const char *file = file_in(path, "config.json", arena);
    char *text = NULL;
    size_t size = 0;
    Status st = file_want(file);
    if (st == ST_OK) st = file_read(file, &text, &size, arena);
    if (st == ST_OK) st = config_hf_parse(text, size, file, out);
    arena_free(arena);
    return st;
}

// ---- writing ---------------------------------------------------------------------------------
static void put_ints(const ModelConfig *model, const ConfigInt *key, size_t n, Str *out) {
    for (size_t i = 0; i < n; i++) {
        int value;
        memcpy(&value, (const char *)model + key[i].offset, sizeof value);
        config_put_int(out, key[i].name, value);
    }
}

static void put_deepseek(const ModelConfig *model, Str *out) {
    bool v2 = model->scoring == ROUTER_SOFTMAX, moe = model->n_routed_experts > 0;
    str_printf(out, "  \"architectures\": [\"%s\"],\n",
               v2 ? "DeepseekV2ForCausalLM" : "DeepseekV3ForCausalLM");
    config_put_text(out, "model_type", v2 ? "deepseek_v2" : "deepseek_v3");
    for (size_t i = 0; i < N_DEEPSEEK; i++) {
        const ConfigInt *key = &deepseek[i];
        int value;
        memcpy(&value, (const char *)model + key->offset, sizeof value);
        // Without experts, every layer is dense; transformers wants that said with this one key.
        if (!moe && strcmp(key->name, "first_k_dense_replace") == 0)
            value = model->n_layers;
        else if (!moe && (key->need == MOE_REQUIRED || value < key->low))
            continue;
        else if (!moe && strcmp(key->name, "n_routed_experts") == 0)
            continue;
        if (strcmp(key->name, "num_nextn_predict_layers") == 0)
            config_put_int(out, key->name, model->drop_mtp ? 0 : model->n_mtp);
        else if (value == 0 && strcmp(key->name, "q_lora_rank") == 0)
            str_puts(out, "  \"q_lora_rank\": null,\n");
        else
            config_put_int(out, key->name, value);
    }
    config_put_int(out, "num_key_value_heads", model->n_heads);
    config_put_text(out, "scoring_func", scores[model->scoring]);
    config_put_text(out, "topk_method", methods[model->topk_method]);
    config_put_flag(out, "norm_topk_prob", model->norm_topk_prob);
    config_put_num(out, "routed_scaling_factor", model->routed_scaling_factor);
    config_put_flag(out, "attention_bias", false);
    config_put_flag(out, "rope_interleave", true);
}

void config_hf_write_grpo(const ModelConfig *model, Str *out) {
    str_printf(out, "{\"precision\": \"%s\", \"mla_form\": \"%s\"}", precisions[model->precision],
               mla_forms[model->mla_form]);
}

void config_hf_write(const ModelConfig *model, const char *dtype, Str *out) {
    str_puts(out, "{\n");
    if (model->family == FAMILY_DENSE)
        config_dense_write(model, out);
    else
        put_deepseek(model, out);
    put_ints(model, shared, N_SHARED, out);
    config_put_text(out, "hidden_act", "silu");
    config_put_num(out, "attention_dropout", 0);
    config_put_num(out, "rms_norm_eps", model->rms_norm_eps);
    config_put_num(out, "initializer_range", model->initializer_range);
    config_put_flag(out, "tie_word_embeddings", model->tie_word_embeddings);
    config_put_id(out, "bos_token_id", model->bos_id);
    config_put_id(out, "eos_token_id", model->eos_id);
    config_put_rope(&model->rope, out);
    config_put_flag(out, "use_cache", true);
    config_put_text(out, "torch_dtype", dtype);
    str_puts(out, "  \"grpo\": ");
    config_hf_write_grpo(model, out);
    str_puts(out, "\n}\n");
}
