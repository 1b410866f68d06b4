// policy/files/weights.c -- one list out of two kinds of file.
#include "policy/files/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "policy/files/config_hf.h"
#include "policy/files/convert.h"
#include "policy/files/gguf/gguf_config.h"
#include "policy/files/gguf/gguf_map.h"
#include "policy/files/gguf/gguf_vocab.h"

static int by_name(const void *a, const void *b) {
    return strcmp(((const FileWeight *)a)->source.name, ((const FileWeight *)b)->source.name);
}

static Status open_gguf(const char *path, Weights *w) {
    TensorSource *source;
    TRY(gguf_open(path, &w->gguf));
    TRY(gguf_config(w->gguf, &w->model));
    TRY(gguf_map_import(w->gguf, &w->model, &source, &w->n, &w->skipped, w->arena));
    w->weight = ARENA_ARRAY(w->arena, FileWeight, w->n + 1);
    for (int i = 0; i < w->n; i++) {
        const GgufTensor *t = (const GgufTensor *)source[i].tensor;
        w->weight[i] = (FileWeight){source[i], t ? t->type->name : "parts", 0};
    }
    for (int i = 0; i < gguf_n_tensors(w->gguf); i++) w->bytes += gguf_tensor_at(w->gguf, i)->bytes;
    w->tokenizer = gguf_has_vocab(w->gguf);
    return ST_OK;
}

static Status rows(const TensorSource *s, int64_t row, int64_t n, float *out) {
    return safetensors_rows((const SafeTensors *)s->file, (const SafeTensor *)s->tensor, row, n,
                            out);
}

static Status open_folder(const char *path, Weights *w) {
    TRY(config_hf_read(path, &w->model));
    TRY(safetensors_open(path, &w->safe));
    TRY(gguf_map_check(w->safe, &w->model, w->arena));
    const int count = safetensors_count(w->safe);
    w->weight = ARENA_ARRAY(w->arena, FileWeight, count + 1);
    for (int i = 0; i < count; i++) {
        const SafeTensor *t = safetensors_at(w->safe, i);
        w->bytes += t->bytes;
        if (safetensors_is_scale(w->safe, t)) continue;
        FileWeight *x = &w->weight[w->n++];
        x->source = (TensorSource){
            .name = t->name, .n_dims = t->n_dims, .file = w->safe, .tensor = t, .rows = rows};
        memcpy(x->source.dim, t->dim, sizeof t->dim);
        x->dtype = t->dtype_name;
    }
    w->tokenizer = file_exists(arena_printf(w->arena, "%s/tokenizer.json", path));
    return ST_OK;
}

Status weights_open(const char *path, Weights *out) {
    *out = (Weights){.arena = arena_new(1 << 16)};
    if (!file_exists(path)) return FAIL(ST_IO, "%s: there is no such file or folder", path);
    TRY(convert_is_gguf(path) ? open_gguf(path, out) : open_folder(path, out));
    if (out->n) qsort(out->weight, (size_t)out->n, sizeof *out->weight, by_name);
    for (int i = 0; i < out->n; i++) {
        const TensorSource *s = &out->weight[i].source;
        out->weight[i].values = tensor_source_rows(s) * tensor_source_cols(s);
    }
    return ST_OK;
}

void weights_close(Weights *w) {
    gguf_close(w->gguf);
    safetensors_close(w->safe);
    arena_free(w->arena);
    *w = (Weights){0};
}
