// policy/files/checkpoint.c -- model folders: everything into FOLDER.tmp, then one rename.
#include "policy/files/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "policy/files/config_hf.h"
#include "policy/files/convert.h"
#include "policy/files/extras.h"
#include "policy/files/gguf/gguf_map.h"
#include "policy/files/runstate.h"
#include "policy/files/safetensors.h"
#include "policy/files/safewrite.h"

Status checkpoint_config(const char *folder, ModelConfig *out) {
    if (convert_is_gguf(folder))
        return FAIL(ST_UNSUPPORTED,
                    "%s: a GGUF file becomes a folder first: grpo convert %s -o DIR", folder,
                    folder);
    return config_hf_read(folder, out);
}

// ---- loading ---------------------------------------------------------------------------------
static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

// Tensors that published checkpoints hold and this model has no place for: scales of FP8 weights
// (read with their weight), rotary tables, layers that predict further tokens, a head that is tied.
static bool may_be_extra(const ModelConfig *m, const SafeTensors *file, const SafeTensor *t) {
    int layer = -1;
    if (safetensors_is_scale(file, t) || ends_with(t->name, ".rotary_emb.inv_freq")) return true;
    if (sscanf(t->name, "model.layers.%d.", &layer) == 1 && layer >= m->n_layers) return true;
    return m->tie_word_embeddings && strcmp(t->name, "lm_head.weight") == 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// `known`: [n] sorted names.
static Status check_extra(const SafeTensors *file, const ModelConfig *m, const char **known,
                          int n) {
    for (int i = 0; i < safetensors_count(file); i++) {
        const SafeTensor *t = safetensors_at(file, i);
        if (bsearch(&t->name, known, (size_t)n, sizeof *known, by_name)) continue;
        if (!may_be_extra(m, file, t))
            return FAIL(ST_FORMAT, "%s: tensor '%s' has no place in the model of config.json",
                        t->file, t->name);
    }
    return ST_OK;
}

// An MTP module computes with the model's embedding and head; published folders repeat them.
typedef struct MtpCopy {
    const char *part, *of;
} MtpCopy;
static MtpCopy mtp_copy(const ModelConfig *m, int i) {
    const char *head = m->tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
    return i == 0 ? (MtpCopy){"embed_tokens", "model.embed_tokens.weight"}
                  : (MtpCopy){"shared_head.head", head};
}
enum { MTP_COPIES = 2 };

static const char *mtp_copy_name(const ModelConfig *m, int i, Arena *arena) {
    return arena_printf(arena, "model.layers.%d.%s.weight", m->n_layers + i / MTP_COPIES,
                        mtp_copy(m, i % MTP_COPIES).part);
}

static Status check_mtp_copies(const SafeTensors *file, const ModelConfig *m, Arena *arena) {
    for (int i = 0; i < m->n_mtp * MTP_COPIES; i++) {
        const char *name = mtp_copy_name(m, i, arena), *of = mtp_copy(m, i % MTP_COPIES).of;
        const SafeTensor *copy = safetensors_find(file, name), *own = safetensors_find(file, of);
        bool same;
        if (!copy || !own) continue;
        TRY(safetensors_equal(file, copy, own, &same));
        if (!same)
            return FAIL(ST_UNSUPPORTED,
                        "%s: tensor '%s' is not '%s'; MTP modules with an embedding or head of "
                        "their own are not built: model.mtp=0 carries them along",
                        copy->file, name, of);
    }
    return ST_OK;
}

// Is the parameter one of an MTP module that the folder lacks? Such a module starts as a new one.
static bool of_new_module(const SafeTensors *file, const ModelConfig *m, const char *name) {
    int layer = -1;
    char first[64];
    if (sscanf(name, "model.layers.%d.", &layer) != 1 || layer < m->n_layers) return false;
    snprintf(first, sizeof first, "model.layers.%d.eh_proj.weight", layer);
    return !safetensors_find(file, first);
}

static void free_extras(void *extras) {
    extras_free((Extras *)extras);
}

static Status load_param(SafeTensors *file, Policy *policy, int i, const Param *param) {
    if (of_new_module(file, policy_model(policy), param->name)) {
        policy_init_param(policy, i, 0);
        return ST_OK;
    }
    float *value = (float *)malloc(param_count(param) * sizeof *value);
    CHECK(value != NULL);
    Status st = safetensors_read(file, param->name, param->rows, param->cols, value);
    if (st == ST_OK) st = policy_set(policy, i, PARAM_WEIGHT, 0, param_count(param), value);
    free(value);
    return st;
}

// Takes over `file`. A head that is tied is not carried: it would be stale after a step.
static Status load_params(const char *folder, SafeTensors *file, Policy *policy, Arena *arena) {
    int n;
    const Param *param = policy_params(policy, &n);
    const ModelConfig *m = policy_model(policy);
    Extras *extras = NULL;
    const int copies = m->n_mtp * MTP_COPIES;
    const char **known = ARENA_ARRAY(arena, const char *, n + copies + 1);
    for (int i = 0; i < n; i++) known[i] = param[i].name;
    qsort(known, (size_t)n, sizeof *known, by_name);
    Status st = check_extra(file, m, known, n);
    if (st == ST_OK && m->tie_word_embeddings) st = safetensors_check_tied(file);
    if (st == ST_OK) st = check_mtp_copies(file, m, arena);
    for (int i = 0; i < n && st == ST_OK; i++) st = load_param(file, policy, i, &param[i]);
    known[n] = "lm_head.weight";
    for (int i = 0; i < copies; i++) known[n + 1 + i] = mtp_copy_name(m, i, arena);
    if (st == ST_OK)
        st = extras_read(folder, file, known, n + 1 + copies, &extras);
    else
        safetensors_close(file);
    if (st != ST_OK) return st;
    policy_keep(policy, extras, free_extras);
    policy_sync(policy);
    return ST_OK;
}

Status checkpoint_look(const char *folder, const ModelConfig *model) {
    SafeTensors *file = NULL;
    TRY(safetensors_open(folder, &file));
    Arena *arena = arena_new(1 << 16);
    Status st = gguf_map_check(file, model, arena);
    arena_free(arena);
    safetensors_close(file);
    return st;
}

Status checkpoint_load(const char *folder, Policy *policy) {
    SafeTensors *file = NULL;
    TRY(safetensors_open(folder, &file));
    Arena *arena = arena_new(1 << 16);
    Status st = load_params(folder, file, policy, arena);
    arena_free(arena);
    return st;
}

// ---- saving ----------------------------------------------------------------------------------
static Status save_text(const char *folder, const char *name, const char *text, size_t size) {
    Str path = {0};
    str_printf(&path, "%s/%s", folder, name);
    Status st = file_write_atomic(path.data, text, size);
    str_free(&path);
    return st;
}

static void put_token(const Tokenizer *tokenizer, const char *key, int32_t id, Str *out) {
    size_t size;
    const char *bytes = tokenizer_bytes(tokenizer, id, &size);
    if (size == 0) return;
    str_printf(out, ",\n  \"%s\": ", key);
    str_json(out, bytes, size);
}

static bool in_folder(const char *folder, const char *name) {
    Str path = {0};
    str_printf(&path, "%s/%s", folder, name);
    bool is = file_exists(path.data);
    str_free(&path);
    return is;
}

static Status save_tokenizer(const char *folder, const ModelConfig *m, const Tokenizer *tokenizer) {
    size_t size;
    const char *json = tokenizer_json(tokenizer, &size);
    TRY(save_text(folder, "tokenizer.json", json, size));
    if (in_folder(folder, "tokenizer_config.json")) return ST_OK; // carried along
    Str text = {0};
    str_puts(&text, "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\"");
    str_printf(&text, ",\n  \"model_max_length\": %d", m->max_position);
    str_puts(&text, ",\n  \"clean_up_tokenization_spaces\": false");
    put_token(tokenizer, "bos_token", m->bos_id, &text);
    put_token(tokenizer, "eos_token", m->eos_id, &text);
    put_token(tokenizer, "pad_token", m->eos_id, &text);
    str_puts(&text, "\n}\n");
    Status st = save_text(folder, "tokenizer_config.json", text.data, text.size);
    str_free(&text);
    return st;
}

static Status save_config(const char *folder, const Policy *policy, const char *torch_dtype) {
    const ModelConfig *m = policy_model(policy);
    const Extras *extras = (const Extras *)policy_kept(policy);
    Str text = {0}, ours = {0};
    Status st = ST_OK;
    if (extras) {
        config_hf_write_grpo(m, &ours);
        int n_mtp = -1; // as it was
        if (m->n_mtp > 0) n_mtp = m->n_mtp > m->n_mtp_published ? m->n_mtp : m->n_mtp_published;
        if (m->drop_mtp && (n_mtp > 0 || m->n_mtp_published > 0)) n_mtp = 0;
        st = extras_config(extras, torch_dtype, ours.data, n_mtp, &text);
    } else {
        config_hf_write(m, torch_dtype, &text);
    }
    if (st == ST_OK) st = save_text(folder, "config.json", text.data, text.size);
    str_free(&text);
    str_free(&ours);
    return st;
}

static Status save_generation(const char *folder, const ModelConfig *m) {
    if (in_folder(folder, "generation_config.json")) return ST_OK;
    Str text = {0};
    str_puts(&text, "{\n  \"do_sample\": true,\n  \"temperature\": 1.0");
    if (m->bos_id >= 0) str_printf(&text, ",\n  \"bos_token_id\": %d", m->bos_id);
    if (m->eos_id >= 0) str_printf(&text, ",\n  \"eos_token_id\": %d", m->eos_id);
    str_puts(&text, "\n}\n");
    Status st = save_text(folder, "generation_config.json", text.data, text.size);
    str_free(&text);
    return st;
}

// Rows of tensor `from` of a policy.
static Status rows_of_policy(const TensorSource *s, int64_t row, int64_t n, float *out) {
    const size_t cols = (size_t)tensor_source_cols(s);
    return policy_get((const Policy *)s->file, (int)s->from, PARAM_WEIGHT, (size_t)row * cols,
                      (size_t)n * cols, out);
}

// Is it a tensor of an MTP module, and are those left out?
static bool dropped(const ModelConfig *m, const char *name) {
    int layer = -1;
    return m->drop_mtp && sscanf(name, "model.layers.%d.", &layer) == 1 && layer >= m->n_layers;
}

static TensorSource source_of(Policy *policy, int i, const char *name) {
    int n;
    const Param *param = &policy_params(policy, &n)[i];
    TensorSource s = tensor_source(name, param->rows, param->cols, NULL);
    s.rows = rows_of_policy;
    s.file = policy;
    s.from = i;
    s.exact = ends_with(name, "e_score_correction_bias"); // as published
    return s;
}

static int param_named(const Policy *policy, const char *name) {
    int n, i = 0;
    const Param *param = policy_params(policy, &n);
    while (i < n && strcmp(param[i].name, name) != 0) i++;
    CHECK(i < n);
    return i;
}

static Status save_weights(const char *folder, Policy *policy, Dtype dtype, Arena *arena) {
    int n_params, n = 0;
    const ModelConfig *m = policy_model(policy);
    const Param *param = policy_params(policy, &n_params);
    const Extras *extras = (const Extras *)policy_kept(policy);
    const int more = extras ? extras_n_tensors(extras) : 0;
    const int copies = m->drop_mtp ? 0 : m->n_mtp * MTP_COPIES;
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, n_params + copies + more + 1);
    for (int i = 0; i < n_params; i++)
        if (!dropped(m, param[i].name)) source[n++] = source_of(policy, i, param[i].name);
    for (int i = 0; i < copies; i++)
        source[n++] = source_of(policy, param_named(policy, mtp_copy(m, i % MTP_COPIES).of),
                                mtp_copy_name(m, i, arena));
    for (int i = 0; i < more; i++) {
        const TensorSource extra = extras_tensor(extras, i, dtype);
        if (!dropped(m, extra.name)) source[n++] = extra;
    }
    return safewrite_model(folder, source, n, dtype, SAFEWRITE_SHARD_BYTES);
}

Status checkpoint_save(const char *folder, Policy *policy, const Tokenizer *tokenizer,
                       const char *dtype) {
    const DtypeInfo *info = dtype_flag(dtype);
    if (!info)
        return FAIL(ST_CONFIG, "weights can be stored as \"f32\", \"bf16\" or \"f16\", not \"%s\"",
                    dtype);
    const ModelConfig *m = policy_model(policy);
    const Extras *extras = (const Extras *)policy_kept(policy);
    Arena *arena = arena_new(1 << 12);
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    const char *place = arena_printf(arena, "%.*s", (int)n, folder);
    const char *tmp = arena_printf(arena, "%s.tmp", place);
    Status st;
    TRY_OUT(file_remove_tree(tmp)); // what a killed run may have left
    TRY_OUT(file_mkdirs(tmp));
    TRY_OUT(save_config(tmp, policy, info->torch));
    if (extras) TRY_OUT(extras_files(extras, tmp));
    TRY_OUT(save_generation(tmp, m));
    TRY_OUT(save_weights(tmp, policy, info->dtype, arena));
    if (tokenizer) TRY_OUT(save_tokenizer(tmp, m, tokenizer));
    st = file_replace_folder(tmp, place);
out:
    if (st != ST_OK) { // the sentence of the failure must outlive the cleaning
        char *sentence = arena_printf(arena, "%s", status_text());
        Status removed = file_remove_tree(tmp);
        st = FAIL(st, "%s%s", sentence, removed == ST_OK ? "" : " (and its folder remains)");
    }
    arena_free(arena);
    return st;
}

// ---- run state -------------------------------------------------------------------------------
Status checkpoint_state_save(const char *path, Policy *policy, const void *extra,
                             size_t extra_size) {
    Runstate s = {.steps = policy_steps(policy),
                  .version = policy_version(policy),
                  .extra = (void *)extra,
                  .extra_size = extra_size,
                  .policy = policy};
    return runstate_save(path, &s);
}

Status checkpoint_state_load(const char *path, Policy *policy, void **extra, size_t *extra_size,
                             Arena *arena) {
    Runstate s = {0};
    *extra = NULL;
    *extra_size = 0;
    s.policy = policy;
    TRY(runstate_load(path, &s, arena));
    policy_sync(policy); // raises the version, so the counters come after it
    policy_set_steps(policy, s.steps);
    policy_set_version(policy, s.version);
    *extra = s.extra;
    *extra_size = s.extra_size;
    return ST_OK;
}
