// policy/io/config_hf.c -- one table of plain keys; the rest (rope, router, grpo) by hand.
#include "policy/io/config_hf.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"

// How a key that is absent or null is taken.
typedef enum Need { REQUIRED, MOE_REQUIRED, OPTIONAL } Need;

typedef struct Key {
    const char *name;
    size_t offset; // of an int in ModelConfig
    int low, initial;
    Need need;
} Key;

#define KEY(name, field, low, need, initial)                                                       \
    { name, offsetof(ModelConfig, field), low, initial, need }
static const Key keys[] = {
    KEY("vocab_size", vocab_size, 1, REQUIRED, 0),
    KEY("hidden_size", hidden_size, 1, REQUIRED, 0),
    KEY("intermediate_size", intermediate_size, 1, REQUIRED, 0),
    KEY("num_hidden_layers", n_layers, 1, REQUIRED, 0),
    KEY("num_attention_heads", n_heads, 1, REQUIRED, 0),
    KEY("max_position_embeddings", max_position, 1, REQUIRED, 0),
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
};
enum { N_KEYS = sizeof keys / sizeof *keys };

typedef struct Reader {
    const JsonDoc *doc;
    const Json *root;
    ModelConfig *model;
} Reader;

static Status bad(const Reader *r, const Json *node, const char *key, const char *what) {
    return FAIL(ST_FORMAT, "%s:%d: \"%s\" %s", json_name(r->doc), json_line(r->doc, node), key,
                what);
}

static const Json *get(const Json *object, const char *key) { // null counts as absent
    const Json *node = object ? json_get(object, key) : NULL;
    return node && json_kind(node) != JSON_NULL ? node : NULL;
}

static Status read_ints(const Reader *r) {
    bool moe = json_int(get(r->root, "n_routed_experts"), 0) > 0;
    for (size_t i = 0; i < N_KEYS; i++) {
        const Key *k = &keys[i];
        const Json *node = get(r->root, k->name);
        int value = k->initial;
        if (node) {
            int64_t n = json_int(node, INT64_MIN);
            if (n < k->low || n > (1 << 30))
                return FAIL(ST_FORMAT, "%s:%d: \"%s\" must be a whole number of at least %d",
                            json_name(r->doc), json_line(r->doc, node), k->name, k->low);
            value = (int)n;
        } else if (k->need == REQUIRED || (k->need == MOE_REQUIRED && moe)) {
            return bad(r, r->root, k->name, "is missing");
        }
        memcpy((char *)r->model + k->offset, &value, sizeof value);
    }
    return ST_OK;
}

static Status read_num(const Reader *r, const Json *object, const char *key, double initial,
                       double *out) {
    const Json *node = get(object, key);
    if (node && json_kind(node) != JSON_NUMBER) return bad(r, node, key, "must be a number");
    *out = json_num(node, initial);
    if (!isfinite(*out)) return bad(r, node, key, "must be a finite number");
    return ST_OK;
}

static Status read_flag(const Reader *r, const char *key, bool initial, bool *out) {
    const Json *node = get(r->root, key);
    if (node && json_kind(node) != JSON_BOOL) return bad(r, node, key, "must be true or false");
    *out = json_bool(node, initial);
    return ST_OK;
}

// The index of the key's text among the choices (a list ended by NULL), `initial` if absent.
static Status read_choice(const Reader *r, const Json *object, const char *key,
                          const char *const *choice, int initial, int *out) {
    const Json *node = get(object, key);
    *out = initial;
    if (!node) return ST_OK;
    for (int i = 0; choice[i]; i++)
        if (strcmp(json_text(node, ""), choice[i]) == 0) {
            *out = i;
            return ST_OK;
        }
    Str list = {0};
    for (int i = 0; choice[i]; i++) str_printf(&list, "%s\"%s\"", i ? ", " : "", choice[i]);
    Status st = FAIL(ST_FORMAT, "%s:%d: \"%s\" must be one of %s", json_name(r->doc),
                     json_line(r->doc, node), key, str_text(&list));
    str_free(&list);
    return st;
}

// A token id, or the first of a list; -1 if absent.
static Status read_id(const Reader *r, const char *key, int32_t *out) {
    const Json *node = get(r->root, key);
    *out = -1;
    if (!node) return ST_OK;
    if (json_kind(node) == JSON_ARRAY) node = json_first(node);
    int64_t id = json_int(node, -2);
    if (!node || id < -1 || id > INT32_MAX)
        return bad(r, node ? node : get(r->root, key), key, "must be a token id");
    *out = (int32_t)id;
    return ST_OK;
}

static Status read_rope(const Reader *r) {
    RopeConfig *rope = &r->model->rope;
    const Json *new_style = get(r->root, "rope_parameters"), *old = get(r->root, "rope_scaling");
    const Json *scaling = new_style ? new_style : old;
    double theta, original;
    TRY(read_num(r, r->root, "rope_theta", 10000, &theta));
    TRY(read_num(r, scaling, "rope_theta", theta, &rope->theta));
    if (!(rope->theta > 1)) return bad(r, r->root, "rope_theta", "must be over 1");
    const Json *interleave = get(r->root, "rope_interleave");
    if (interleave && !json_bool(interleave, true))
        return FAIL(ST_UNSUPPORTED, "%s:%d: rope_interleave false is not built", json_name(r->doc),
                    json_line(r->doc, interleave));
    if (!scaling) return ST_OK;
    const Json *type = get(scaling, "rope_type") ? get(scaling, "rope_type") : get(scaling, "type");
    const char *name = json_text(type, "default");
    if (strcmp(name, "default") == 0) return ST_OK;
    if (strcmp(name, "yarn") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: rope type '%s' is not built, only yarn",
                    json_name(r->doc), json_line(r->doc, type), name);
    rope->yarn = true;
    TRY(read_num(r, scaling, "factor", 0, &rope->factor));
    TRY(read_num(r, scaling, "beta_fast", 32, &rope->beta_fast));
    TRY(read_num(r, scaling, "beta_slow", 1, &rope->beta_slow));
    TRY(read_num(r, scaling, "mscale", 1, &rope->mscale));
    TRY(read_num(r, scaling, "mscale_all_dim", 0, &rope->mscale_all_dim));
    TRY(read_num(r, scaling, "original_max_position_embeddings", 0, &original));
    if (!(rope->factor > 0)) return bad(r, scaling, "factor", "of yarn is missing");
    if (!(original >= 1 && original <= (1 << 30)))
        return bad(r, scaling, "original_max_position_embeddings", "of yarn is missing");
    rope->original_max_position = (int)original;
    return ST_OK;
}

static const char *const precisions[] = {"fp32", "bf16", "fp8", NULL};
static const char *const mla_forms[] = {"absorbed", "expanded", NULL};
static const char *const scores[] = {"sigmoid", "softmax", NULL};
static const char *const methods[] = {"noaux_tc", "group_limited_greedy", "greedy", NULL};

static Status read_router(const Reader *r, bool v3) {
    ModelConfig *m = r->model;
    int score, method;
    TRY(read_choice(r, r->root, "scoring_func", scores, v3 ? ROUTER_SIGMOID : ROUTER_SOFTMAX,
                    &score));
    TRY(read_choice(r, r->root, "topk_method", methods, v3 ? TOPK_NOAUX_TC : TOPK_GREEDY, &method));
    TRY(read_flag(r, "norm_topk_prob", v3, &m->norm_topk_prob));
    TRY(read_num(r, r->root, "routed_scaling_factor", 1, &m->routed_scaling_factor));
    m->scoring = (RouterScore)score;
    m->topk_method = (RouterTopk)method;
    if (m->n_routed_experts == 0) return ST_OK;
    if (m->n_experts_per_tok > m->n_routed_experts)
        return bad(r, r->root, "num_experts_per_tok", "is more than n_routed_experts");
    if (m->topk_method == TOPK_GREEDY) return ST_OK;
    if (m->n_routed_experts % m->n_group)
        return bad(r, r->root, "n_group", "does not divide n_routed_experts");
    if (m->topk_group > m->n_group) return bad(r, r->root, "topk_group", "is more than n_group");
    if (m->n_experts_per_tok > m->n_routed_experts / m->n_group * m->topk_group)
        return bad(r, r->root, "num_experts_per_tok", "is more than the kept groups hold");
    return ST_OK;
}

static Status check_built(const Reader *r, const char **family) {
    const Json *type = get(r->root, "model_type");
    *family = json_text(type, "");
    if (!type) return bad(r, r->root, "model_type", "is missing");
    if (strcmp(*family, "deepseek_v3") != 0 && strcmp(*family, "deepseek_v2") != 0)
        return FAIL(ST_UNSUPPORTED,
                    "%s:%d: model_type '%s' is not built; deepseek_v3 and deepseek_v2 are",
                    json_name(r->doc), json_line(r->doc, type), *family);
    const Json *act = get(r->root, "hidden_act"), *bias = get(r->root, "attention_bias");
    if (act && strcmp(json_text(act, ""), "silu") != 0)
        return FAIL(ST_UNSUPPORTED, "%s:%d: hidden_act '%s' is not built, only silu",
                    json_name(r->doc), json_line(r->doc, act), json_text(act, ""));
    if (bias && json_bool(bias, true))
        return FAIL(ST_UNSUPPORTED, "%s:%d: attention_bias is not built", json_name(r->doc),
                    json_line(r->doc, bias));
    return ST_OK;
}

static Status read_all(const Reader *r) {
    ModelConfig *m = r->model;
    const char *family;
    int precision, form;
    if (json_kind(r->root) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s: not a JSON object", json_name(r->doc));
    TRY(check_built(r, &family));
    m->family = FAMILY_MLA_MOE;
    TRY(read_ints(r));
    if (m->qk_rope_head_dim % 2) return bad(r, r->root, "qk_rope_head_dim", "must be even");
    if (!json_get(r->root, "q_lora_rank")) return bad(r, r->root, "q_lora_rank", "is missing");
    const Json *kv_heads = get(r->root, "num_key_value_heads");
    if (kv_heads && json_int(kv_heads, -1) != m->n_heads)
        return bad(r, kv_heads, "num_key_value_heads", "must equal num_attention_heads in MLA");
    TRY(read_num(r, r->root, "rms_norm_eps", 1e-6, &m->rms_norm_eps));
    if (!(m->rms_norm_eps > 0)) return bad(r, r->root, "rms_norm_eps", "must be over 0");
    TRY(read_num(r, r->root, "initializer_range", 0.02, &m->initializer_range));
    TRY(read_flag(r, "tie_word_embeddings", false, &m->tie_word_embeddings));
    TRY(read_id(r, "bos_token_id", &m->bos_id));
    TRY(read_id(r, "eos_token_id", &m->eos_id));
    TRY(read_rope(r));
    TRY(read_router(r, strcmp(family, "deepseek_v3") == 0));
    const Json *ours = get(r->root, "grpo");
    TRY(read_choice(r, ours, "precision", precisions, PRECISION_BF16, &precision));
    TRY(read_choice(r, ours, "mla_form", mla_forms, MLA_ABSORBED, &form));
    m->precision = (Precision)precision;
    m->mla_form = (MlaForm)form;
    return ST_OK;
}

Status config_hf_parse(const char *text, size_t size, const char *name, ModelConfig *out) {
    JsonDoc *doc = NULL;
    ModelConfig model = {0};
    *out = model;
    TRY(json_parse(text, size, name, 1, false, &doc));
    Status st = read_all(&(Reader){doc, json_root(doc), &model});
    json_free(doc);
    if (st == ST_OK) *out = model;
    return st;
}

Status config_hf_read(const char *path, ModelConfig *out) {
    Arena *arena = arena_new(1 << 12);
    struct stat info;
    const char *file = path;
    char *text = NULL;
    size_t size = 0;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        file = arena_printf(arena, "%s/config.json", path);
    Status st = file_read(file, &text, &size, arena);
    if (st == ST_OK) st = config_hf_parse(text, size, file, out);
    arena_free(arena);
    return st;
}

// ---- writing ---------------------------------------------------------------------------------
// With a point or an exponent: transformers refuses 1 where it wants 1.0.
static void put_float(Str *out, double value) {
    size_t from = out->size;
    str_number(out, value);
    if (!strpbrk(out->data + from, ".eE")) str_puts(out, ".0");
}

static void put_num(Str *out, const char *key, double value) {
    str_printf(out, "  \"%s\": ", key);
    put_float(out, value);
    str_puts(out, ",\n");
}

static void put_id(Str *out, const char *key, int32_t id) {
    if (id >= 0)
        str_printf(out, "  \"%s\": %d,\n", key, id);
    else
        str_printf(out, "  \"%s\": null,\n", key);
}

static void put_flag(Str *out, const char *key, bool value) {
    str_printf(out, "  \"%s\": %s,\n", key, value ? "true" : "false");
}

static void put_text(Str *out, const char *key, const char *value) {
    str_printf(out, "  \"%s\": \"%s\",\n", key, value);
}

static void put_rope(const RopeConfig *rope, Str *out) {
    put_num(out, "rope_theta", rope->theta);
    put_flag(out, "rope_interleave", true);
    if (!rope->yarn) {
        str_puts(out, "  \"rope_scaling\": null,\n");
        return;
    }
    const double value[] = {rope->factor, rope->beta_fast, rope->beta_slow, rope->mscale,
                            rope->mscale_all_dim};
    static const char *const key[] = {"factor", "beta_fast", "beta_slow", "mscale",
                                      "mscale_all_dim"};
    str_puts(out, "  \"rope_scaling\": {\"type\": \"yarn\", \"rope_type\": \"yarn\"");
    for (int i = 0; i < 5; i++) {
        str_printf(out, ", \"%s\": ", key[i]);
        put_float(out, value[i]);
    }
    str_printf(out, ", \"original_max_position_embeddings\": %d},\n", rope->original_max_position);
}

void config_hf_write(const ModelConfig *model, const char *dtype, Str *out) {
    CHECK(model->family == FAMILY_MLA_MOE);
    bool v2 = model->scoring == ROUTER_SOFTMAX, moe = model->n_routed_experts > 0;
    str_printf(out, "{\n  \"architectures\": [\"%s\"],\n",
               v2 ? "DeepseekV2ForCausalLM" : "DeepseekV3ForCausalLM");
    put_text(out, "model_type", v2 ? "deepseek_v2" : "deepseek_v3");
    for (size_t i = 0; i < N_KEYS; i++) {
        int value;
        memcpy(&value, (const char *)model + keys[i].offset, sizeof value);
        bool rank = strcmp(keys[i].name, "q_lora_rank") == 0;
        // Without experts, every layer is dense; transformers wants that said with this one key.
        if (!moe && strcmp(keys[i].name, "first_k_dense_replace") == 0)
            value = model->n_layers;
        else if (!moe && (keys[i].need == MOE_REQUIRED || value < keys[i].low))
            continue;
        else if (!moe && strcmp(keys[i].name, "n_routed_experts") == 0)
            continue;
        if (rank && value == 0)
            str_puts(out, "  \"q_lora_rank\": null,\n");
        else
            str_printf(out, "  \"%s\": %d,\n", keys[i].name, value);
    }
    str_printf(out, "  \"num_key_value_heads\": %d,\n", model->n_heads);
    put_text(out, "scoring_func", scores[model->scoring]);
    put_text(out, "topk_method", methods[model->topk_method]);
    put_flag(out, "norm_topk_prob", model->norm_topk_prob);
    put_num(out, "routed_scaling_factor", model->routed_scaling_factor);
    put_text(out, "hidden_act", "silu");
    put_flag(out, "attention_bias", false);
    put_num(out, "attention_dropout", 0);
    put_num(out, "rms_norm_eps", model->rms_norm_eps);
    put_num(out, "initializer_range", model->initializer_range);
    put_flag(out, "tie_word_embeddings", model->tie_word_embeddings);
    put_id(out, "bos_token_id", model->bos_id);
    put_id(out, "eos_token_id", model->eos_id);
    str_puts(out, "  \"num_nextn_predict_layers\": 0,\n");
    put_rope(&model->rope, out);
    put_flag(out, "use_cache", true);
    put_text(out, "torch_dtype", dtype);
    str_printf(out, "  \"grpo\": {\"precision\": \"%s\", \"mla_form\": \"%s\"}\n}\n",
               precisions[model->precision], mla_forms[model->mla_form]);
}
