// policy/files/convert.c -- the three ways between folders and GGUF files.
#include "policy/files/convert.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "policy/files/config_hf.h"
#include "policy/files/extras.h"
#include "policy/files/gguf/gguf_config.h"
#include "policy/files/gguf/gguf_map.h"
#include "policy/files/gguf/gguf_vocab.h"
#include "policy/files/safewrite.h"

bool convert_is_gguf(const char *path) {
    size_t n = strlen(path);
    if (n > 5 && strcmp(path + n - 5, ".gguf") == 0) return true;
    char magic[4] = {0};
    bool there;
    if (file_look(path, &there) != ST_OK) return false;
    FILE *in = fopen(path, "rbe");
    if (!in) return false;
    bool is = fread(magic, 1, 4, in) == 4 && memcmp(magic, "GGUF", 4) == 0;
    fclose(in);
    return is;
}

// ---- a folder, written beside its place ------------------------------------------------------
static Status save_text(const char *folder, const char *name, const Str *text) {
    Str path = {0};
    str_printf(&path, "%s/%s", folder, name);
    Status st = file_write_atomic(path.data, str_text(text), text->size);
    str_free(&path);
    return st;
}

static const char *place_of(const char *path, Arena *arena) {
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    return arena_printf(arena, "%.*s", (int)n, path);
}

static Status check_place(const char *path, const ConvertOpts *o) {
    if (file_exists(path) && !o->overwrite)
        return FAIL(ST_CONFIG, "%s: is there already; choose another place, or --overwrite", path);
    return ST_OK;
}

static Status begin_folder(const char *tmp) {
    TRY(file_remove_tree(tmp)); // what a killed run may have left
    return file_mkdirs(tmp);
}

static Status end_folder(Status st, const char *tmp, const char *place, Arena *arena) {
    if (st == ST_OK) st = file_replace_folder(tmp, place);
    if (st == ST_OK) return ST_OK;
    char *sentence = arena_printf(arena, "%s", status_text());
    Status removed = file_remove_tree(tmp);
    return FAIL(st, "%s%s", sentence, removed == ST_OK ? "" : " (and its folder remains)");
}

static Status find_dtype(const char *flag, const DtypeInfo **out) {
    *out = dtype_flag(flag);
    if (*out) return ST_OK;
    return FAIL(ST_CONFIG, "dtype '%s': a folder is written as f32, bf16 or f16", flag);
}

static size_t shard_bytes(const ConvertOpts *o) {
    return o->shard_bytes ? o->shard_bytes : SAFEWRITE_SHARD_BYTES;
}

// ---- GGUF to folder --------------------------------------------------------------------------
// The type most values are stored as says what a folder stores: F32 and F16 stay, the others are
// at home in bf16.
static const char *natural_dtype(const Gguf *file) {
    const GgufTensor *most = NULL;
    for (int i = 0; i < gguf_n_tensors(file); i++) {
        const GgufTensor *t = gguf_tensor_at(file, i);
        if (!most || t->rows * t->cols > most->rows * most->cols) most = t;
    }
    if (most && most->type->number == GGUF_F32) return "f32";
    return most && most->type->number == GGUF_F16 ? "f16" : "bf16";
}

static Status save_tokenizer(const Gguf *file, const char *folder, Arena *arena) {
    Vocabulary v;
    Str text = {0};
    Status st;
    TRY_OUT(gguf_vocab(file, &v, arena));
    st = tokenwrite_json(&v, &text);
    if (st != ST_OK) {
        const char *sentence = arena_printf(arena, "%s", status_text());
        st = FAIL(st, "%s: %s", gguf_name(file), sentence);
        goto out;
    }
    TRY_OUT(save_text(folder, "tokenizer.json", &text));
    str_clear(&text);
    tokenwrite_config(&v, &text);
    TRY_OUT(save_text(folder, "tokenizer_config.json", &text));
out:
    str_free(&text);
    return st;
}

// config.json as we read it ourselves: what we would refuse is never written.
static Status save_config(const char *folder, const char *from, const ModelConfig *m,
                          const char *torch_dtype) {
    Str text = {0};
    ModelConfig back;
    config_hf_write(m, torch_dtype, &text);
    Status st = config_hf_parse(text.data, text.size, from, &back);
    if (st == ST_OK) st = save_text(folder, "config.json", &text);
    str_clear(&text);
    str_puts(&text, "{");
    if (m->bos_id >= 0) str_printf(&text, "\n  \"bos_token_id\": %d,", m->bos_id);
    if (m->eos_id >= 0) str_printf(&text, "\n  \"eos_token_id\": %d,", m->eos_id);
    str_puts(&text, "\n  \"do_sample\": true\n}\n");
    if (st == ST_OK) st = save_text(folder, "generation_config.json", &text);
    str_free(&text);
    return st;
}

static Status gguf_to_folder(const char *from, const char *to, const ConvertOpts *o,
                             ConvertReport *report) {
    Gguf *file = NULL;
    Arena *arena = arena_new(1 << 20);
    const char *place = place_of(to, arena), *tmp = arena_printf(arena, "%s.tmp", place);
    const DtypeInfo *dtype;
    ModelConfig model;
    TensorSource *source;
    Status st;
    TRY_OUT(gguf_open(from, &file));
    TRY_OUT(find_dtype(o->dtype ? o->dtype : natural_dtype(file), &dtype));
    TRY_OUT(gguf_config(file, &model));
    TRY_OUT(gguf_map_import(file, &model, &source, &report->tensors, &report->skipped, arena));
    report->dtype = dtype->flag;
    report->tokenizer = gguf_has_vocab(file);
    st = begin_folder(tmp);
    if (st == ST_OK) st = save_config(tmp, from, &model, dtype->torch);
    if (st == ST_OK && report->tokenizer) st = save_tokenizer(file, tmp, arena);
    if (st == ST_OK)
        st = safewrite_model(tmp, source, report->tensors, dtype->dtype, shard_bytes(o));
    st = end_folder(st, tmp, place, arena);
out:
    gguf_close(file);
    arena_free(arena);
    return st;
}

// ---- folder to GGUF --------------------------------------------------------------------------
static const char *common_dtype(const SafeTensors *file) {
    const SafeTensor *most = NULL;
    for (int i = 0; i < safetensors_count(file); i++) {
        const SafeTensor *t = safetensors_at(file, i);
        if (t->dtype != DTYPE_OTHER && (!most || t->bytes > most->bytes)) most = t;
    }
    const DtypeInfo *info = most ? dtype_info(most->dtype) : NULL;
    return info && info->flag ? info->flag : "bf16";
}

static Status find_type(const char *flag, const GgufType **out) {
    static const struct {
        const char *flag;
        uint32_t number;
    } types[] = {{"f32", GGUF_F32}, {"f16", GGUF_F16}, {"bf16", GGUF_BF16}, {"q8_0", GGUF_Q8_0}};
    for (int i = 0; i < 4; i++)
        if (strcmp(flag, types[i].flag) == 0) {
            *out = gguf_type(types[i].number);
            return ST_OK;
        }
    return FAIL(ST_CONFIG, "dtype '%s': a GGUF file is written as f32, f16, bf16 or q8_0", flag);
}

static void put_general(const ModelConfig *m, const char *arch, const char *place,
                        const GgufType *type, GgufKeys *keys) {
    const char *slash = strrchr(place, '/'), *name = slash ? slash + 1 : place;
    // llama.cpp's numbers of "mostly this type" (llama_ftype)
    int64_t file_type = type->number == GGUF_F32    ? 0
                        : type->number == GGUF_F16  ? 1
                        : type->number == GGUF_Q8_0 ? 7
                                                    : 32;
    gguf_put_text(keys, "general.architecture", arch, strlen(arch));
    gguf_put_text(keys, "general.type", "model", 5);
    gguf_put_text(keys, "general.name", name, strlen(name));
    gguf_put_int(keys, "general.file_type", file_type);
    gguf_put_int(keys, "general.quantization_version", 2);
    gguf_put_config(m, keys);
}

static Status folder_to_gguf(const char *from, const char *to, const ConvertOpts *o,
                             ConvertReport *report) {
    SafeTensors *file = NULL;
    Arena *arena = arena_new(1 << 20);
    GgufKeys keys = {0};
    ModelConfig model;
    GgufExport export = {0};
    const GgufType *type = NULL;
    const char *arch;
    Status st;
    TRY_OUT(config_hf_read(from, &model));
    TRY_OUT(gguf_architecture(&model, &arch));
    TRY_OUT(safetensors_open(from, &file));
    TRY_OUT(find_type(o->dtype ? o->dtype : common_dtype(file), &type));
    TRY_OUT(gguf_map_export(file, &model, type, &export, arena));
    put_general(&model, arch, place_of(from, arena), type, &keys);
    TRY_OUT(gguf_put_vocab(from, &model, &keys));
    report->tokenizer = file_exists(arena_printf(arena, "%s/tokenizer.json", from));
    report->dtype = type->name;
    report->tensors = export.n;
    report->skipped = export.skipped;
    st = gguf_write(to, &keys, export.source, export.type, export.n);
out:
    str_free(&keys.bytes);
    safetensors_close(file);
    arena_free(arena);
    return st;
}

// ---- folder to folder ------------------------------------------------------------------------
static Status folder_to_folder(const char *from, const char *to, const ConvertOpts *o,
                               ConvertReport *report) {
    SafeTensors *file = NULL;
    Extras *extras = NULL;
    Arena *arena = arena_new(1 << 20);
    Str config = {0};
    ModelConfig model;
    const char *place = place_of(to, arena), *tmp = arena_printf(arena, "%s.tmp", place);
    const DtypeInfo *dtype;
    Status st;
    TRY_OUT(config_hf_read(from, &model));
    TRY_OUT(safetensors_open(from, &file));
    st = find_dtype(o->dtype ? o->dtype : common_dtype(file), &dtype);
    if (st == ST_OK) st = gguf_map_check(file, &model, arena);
    if (st == ST_OK)
        st = extras_read(from, file, NULL, 0, &extras); // takes the file over
    else
        safetensors_close(file);
    if (st != ST_OK) goto out;
    TRY_OUT(extras_config(extras, dtype->torch, NULL, -1, &config));
    report->dtype = dtype->flag;
    report->tensors = extras_n_tensors(extras);
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, report->tensors + 1);
    for (int i = 0; i < report->tensors; i++) source[i] = extras_tensor(extras, i, dtype->dtype);
    st = begin_folder(tmp);
    if (st == ST_OK) st = save_text(tmp, "config.json", &config);
    if (st == ST_OK) st = extras_files(extras, tmp);
    if (st == ST_OK)
        st = safewrite_model(tmp, source, report->tensors, dtype->dtype, shard_bytes(o));
    report->tokenizer = file_exists(arena_printf(arena, "%s/tokenizer.json", tmp));
    st = end_folder(st, tmp, place, arena);
out:
    str_free(&config);
    extras_free(extras);
    arena_free(arena);
    return st;
}

Status convert_model(const char *from, const char *to, const ConvertOpts *o,
                     ConvertReport *report) {
    bool from_gguf = convert_is_gguf(from), to_gguf = convert_is_gguf(to);
    *report = (ConvertReport){0};
    if (from_gguf && to_gguf)
        return FAIL(ST_CONFIG, "%s to %s: convert to a folder first; one of the two must be one",
                    from, to);
    if (!file_exists(from)) return FAIL(ST_IO, "%s: there is no such file or folder", from);
    TRY(check_place(to, o));
    if (from_gguf) return gguf_to_folder(from, to, o, report);
    return to_gguf ? folder_to_gguf(from, to, o, report) : folder_to_folder(from, to, o, report);
}
