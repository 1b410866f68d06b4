// policy/files/gguf/gguf_map.c -- tensors of one folder as the other has them, by the names' walk.
#include "policy/files/gguf/gguf_map.h"

#include <stdio.h>
#include <string.h>

#include "policy/files/gguf/gguf_config.h"
#include "policy/files/gguf/gguf_names.h"

typedef struct MapWalk {
    const ModelConfig *model;
    Arena *arena;
    TensorSource *source;
    int n, cap;
    // import
    const Gguf *gguf;
    bool *used; // [tensors of the file]
    // export
    const SafeTensors *hf;
    bool *written; // [tensors of hf]
    const GgufType *type;
    const GgufType **types;
} MapWalk;

static TensorSource *add(MapWalk *w, const char *name) {
    if (w->n == w->cap) {
        int cap = w->cap ? 2 * w->cap : 512;
        TensorSource *source = ARENA_ARRAY(w->arena, TensorSource, cap);
        const GgufType **types = ARENA_ARRAY(w->arena, const GgufType *, cap);
        if (w->n) memcpy(source, w->source, (size_t)w->n * sizeof *source);
        if (w->n) memcpy(types, w->types, (size_t)w->n * sizeof *types);
        w->source = source;
        w->types = types;
        w->cap = cap;
    }
    TensorSource *s = &w->source[w->n++];
    *s = (TensorSource){.name = name};
    return s;
}

static void set_shape(const GgufName *name, TensorSource *s) {
    s->n_dims = name->n_dims;
    memcpy(s->dim, name->dim, sizeof name->dim);
}

static void shape_text(int n, const int64_t *dim, char *out, size_t size) {
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%lld", i ? ", " : "", (long long)dim[i]);
}

static Status check_shape(const char *file, const char *name, int n_dims, const int64_t *dim,
                          int n_want, const int64_t *want) {
    char have_text[128], want_text[128];
    if (n_dims == n_want && memcmp(dim, want, (size_t)n_dims * sizeof *dim) == 0) return ST_OK;
    shape_text(n_dims, dim, have_text, sizeof have_text);
    shape_text(n_want, want, want_text, sizeof want_text);
    return FAIL(ST_FORMAT, "%s: tensor '%s' is [%s], wanted [%s]", file, name, have_text,
                want_text);
}

// ---- from GGUF -------------------------------------------------------------------------------
static Status gguf_plain(const TensorSource *s, int64_t row, int64_t n, float *out) {
    return gguf_rows((const Gguf *)s->file, (const GgufTensor *)s->tensor, s->from + row, n, out);
}

// Row r of a head, half r / (d/2), place r % (d/2), is in GGUF at 2 place + half.
static int64_t permuted_row(int64_t row, int64_t head_dim) {
    int64_t in_head = row % head_dim, half = head_dim / 2;
    return row - in_head + in_head % half * 2 + in_head / half;
}

static Status gguf_turned(const TensorSource *s, int64_t row, int64_t n, float *out) {
    const int64_t d = s->dim[0] / s->heads, cols = tensor_source_cols(s);
    if (s->n_dims == 1) {
        TRY(gguf_plain(s, 0, 1, (float *)s->work));
        for (int64_t i = 0; i < cols; i++) out[i] = ((float *)s->work)[permuted_row(i, d)];
        return ST_OK;
    }
    for (int64_t r = 0; r < n; r++) TRY(gguf_plain(s, permuted_row(row + r, d), 1, out + r * cols));
    return ST_OK;
}

// kv_b from its two halves: k_b [heads, rank, nope], of which one head is kept, and v_b.
typedef struct SplitKv {
    const GgufTensor *k_b, *v_b;
    int nope, v, rank;
    int64_t head; // in `kept`
    float *kept;  // [rank, nope]
} SplitKv;

static Status gguf_joined(const TensorSource *s, int64_t row, int64_t n, float *out) {
    SplitKv *w = (SplitKv *)s->work;
    const Gguf *file = (const Gguf *)s->file;
    for (int64_t r = row; r < row + n; r++, out += w->rank) {
        const int64_t head = r / (w->nope + w->v), at = r % (w->nope + w->v);
        if (at >= w->nope) {
            TRY(gguf_rows(file, w->v_b, head * w->v + at - w->nope, 1, out));
            continue;
        }
        if (w->head != head) TRY(gguf_rows(file, w->k_b, head * w->rank, w->rank, w->kept));
        w->head = head;
        for (int c = 0; c < w->rank; c++) out[c] = w->kept[(int64_t)c * w->nope + at];
    }
    return ST_OK;
}

static Status find(MapWalk *w, const char *name, int n_dims, const int64_t *dim,
                   const GgufTensor **out) {
    *out = gguf_tensor(w->gguf, name);
    if (!*out) return FAIL(ST_FORMAT, "%s: tensor '%s' is missing", gguf_name(w->gguf), name);
    w->used[*out - gguf_tensor_at(w->gguf, 0)] = true;
    return check_shape(gguf_name(w->gguf), name, (*out)->n_dims, (*out)->dim, n_dims, dim);
}

static Status import_kv_b(MapWalk *w, const GgufName *name, TensorSource *s) {
    const ModelConfig *m = w->model;
    SplitKv *split = ARENA_ARRAY(w->arena, SplitKv, 1);
    *split = (SplitKv){
        .nope = m->qk_nope_head_dim, .v = m->v_head_dim, .rank = m->kv_lora_rank, .head = -1};
    const int64_t k[] = {m->n_heads, split->rank, split->nope};
    const int64_t v[] = {m->n_heads, split->v, split->rank};
    TRY(find(w, arena_printf(w->arena, "blk.%d.attn_k_b.weight", name->layer), 3, k, &split->k_b));
    TRY(find(w, arena_printf(w->arena, "blk.%d.attn_v_b.weight", name->layer), 3, v, &split->v_b));
    split->kept = ARENA_ARRAY(w->arena, float, k[1] * k[2]);
    s->work = split;
    s->rows = gguf_joined;
    return ST_OK;
}

static Status import_one(void *ctx, const GgufName *name) {
    MapWalk *w = (MapWalk *)ctx;
    const ModelConfig *m = w->model;
    TensorSource *s = add(w, name->hf);
    const GgufTensor *t = NULL;
    set_shape(name, s);
    s->file = w->gguf;
    s->exact = name->form == GGUF_SCORE_BIAS;
    s->rows = gguf_plain;
    if (name->form == GGUF_KV_B && !gguf_tensor(w->gguf, name->gguf))
        return import_kv_b(w, name, s);
    if (name->form == GGUF_EXPERTS) {
        const int64_t dim[] = {m->n_routed_experts, s->dim[0], s->dim[1]};
        TRY(find(w, name->gguf, 3, dim, &t));
        s->from = name->expert * s->dim[0];
    } else {
        TRY(find(w, name->gguf, s->n_dims, s->dim, &t));
    }
    s->tensor = t;
    s->heads = name->heads;
    if (!s->heads) return ST_OK;
    s->rows = gguf_turned;
    if (s->n_dims == 1) s->work = ARENA_ARRAY(w->arena, float, s->dim[0]);
    return ST_OK;
}

// The scaling's divisors are in the config by now; layers beyond the model's predict further
// tokens.
static bool may_be_passed(const ModelConfig *m, const char *name) {
    int layer;
    if (strcmp(name, "rope_freqs.weight") == 0) return true;
    if (sscanf(name, "blk.%d.", &layer) != 1) return false;
    return layer >= m->n_layers || strstr(name, ".attn_rot_embd") != NULL;
}

Status gguf_map_import(const Gguf *file, const ModelConfig *model, TensorSource **source, int *n,
                       int *skipped, Arena *arena) {
    MapWalk w = {.model = model, .arena = arena, .gguf = file};
    w.used = ARENA_ARRAY(arena, bool, gguf_n_tensors(file) + 1);
    *skipped = 0;
    TRY(gguf_names_walk(model, arena, import_one, &w));
    for (int i = 0; i < gguf_n_tensors(file); i++) {
        const char *name = gguf_tensor_at(file, i)->name;
        if (w.used[i]) continue;
        if (!may_be_passed(model, name))
            return FAIL(ST_FORMAT, "%s: tensor '%s' has no place in a model of this architecture",
                        gguf_name(file), name);
        *skipped += strcmp(name, "rope_freqs.weight") != 0;
    }
    *source = w.source;
    *n = w.n;
    return ST_OK;
}

// ---- to GGUF ---------------------------------------------------------------------------------
static Status hf_plain(const TensorSource *s, int64_t row, int64_t n, float *out) {
    return safetensors_rows((const SafeTensors *)s->file, (const SafeTensor *)s->tensor,
                            s->from + row, n, out);
}

// Row 2i + h of a head in GGUF is row i of half h here.
static Status hf_turned(const TensorSource *s, int64_t row, int64_t n, float *out) {
    const int64_t d = s->dim[0] / s->heads, cols = tensor_source_cols(s);
    for (int64_t r = row; r < row + n && s->n_dims > 1; r++, out += cols) {
        int64_t in_head = r % d, from = r - in_head + in_head % 2 * (d / 2) + in_head / 2;
        TRY(hf_plain(s, from, 1, out));
    }
    if (s->n_dims > 1) return ST_OK;
    TRY(hf_plain(s, 0, 1, (float *)s->work));
    for (int64_t i = 0; i < cols; i++) out[permuted_row(i, d)] = ((float *)s->work)[i];
    return ST_OK;
}

// A stack of experts: `work` lists the tensors, `from` is the rows of each.
static Status hf_stacked(const TensorSource *s, int64_t row, int64_t n, float *out) {
    const SafeTensor *const *list = (const SafeTensor *const *)s->work;
    for (int64_t r = row; r < row + n; r++, out += tensor_source_cols(s))
        TRY(safetensors_rows((const SafeTensors *)s->file, list[r / s->from], r % s->from, 1, out));
    return ST_OK;
}

// k_b [heads, rank, nope]: each head's rows of kv_b transposed; one head is kept in `work`.
typedef struct TurnedKv {
    int nope, v, rank;
    int64_t head;
    float *kept; // [nope, rank]
} TurnedKv;

static Status hf_k_b(const TensorSource *s, int64_t row, int64_t n, float *out) {
    TurnedKv *w = (TurnedKv *)s->work;
    for (int64_t r = row; r < row + n; r++, out += w->nope) {
        const int64_t head = r / w->rank, c = r % w->rank;
        if (w->head != head) TRY(hf_plain(s, head * (w->nope + w->v), w->nope, w->kept));
        w->head = head;
        for (int i = 0; i < w->nope; i++) out[i] = w->kept[(int64_t)i * w->rank + c];
    }
    return ST_OK;
}

static Status hf_v_b(const TensorSource *s, int64_t row, int64_t n, float *out) {
    const TurnedKv *w = (const TurnedKv *)s->work;
    for (int64_t r = row; r < row + n; r++, out += w->rank)
        TRY(hf_plain(s, r / w->v * (w->nope + w->v) + w->nope + r % w->v, 1, out));
    return ST_OK;
}

static Status find_hf(MapWalk *w, const GgufName *name, const SafeTensor **out) {
    const SafeTensors *f = w->hf;
    *out = safetensors_find(f, name->hf);
    if (!*out)
        return FAIL(ST_FORMAT, "%s: tensor '%s' is missing",
                    safetensors_count(f) ? safetensors_at(f, 0)->file : "safetensors", name->hf);
    w->written[*out - safetensors_at(f, 0)] = true;
    return check_shape((*out)->file, name->hf, (*out)->n_dims, (*out)->dim, name->n_dims,
                       name->dim);
}

static void set_type(MapWalk *w, const GgufName *name) {
    const TensorSource *s = &w->source[w->n - 1];
    const bool matrix = s->n_dims > 1 && name->form != GGUF_ROUTER;
    const GgufType *type = matrix ? w->type : gguf_type(GGUF_F32);
    w->types[w->n - 1] = tensor_source_cols(s) % type->block ? gguf_type(GGUF_F16) : type;
}

static Status export_kv_b(MapWalk *w, const GgufName *name, const SafeTensor *t) {
    const ModelConfig *m = w->model;
    for (int half = 0; half < 2; half++) {
        const char *format = half ? "blk.%d.attn_v_b.weight" : "blk.%d.attn_k_b.weight";
        TurnedKv *work = ARENA_ARRAY(w->arena, TurnedKv, 1);
        *work = (TurnedKv){m->qk_nope_head_dim, m->v_head_dim, m->kv_lora_rank, -1, NULL};
        if (!half) work->kept = ARENA_ARRAY(w->arena, float, m->kv_lora_rank * m->qk_nope_head_dim);
        TensorSource *s = add(w, arena_printf(w->arena, format, name->layer));
        s->n_dims = 3;
        s->dim[0] = m->n_heads;
        s->dim[1] = half ? m->v_head_dim : m->kv_lora_rank;
        s->dim[2] = half ? m->kv_lora_rank : m->qk_nope_head_dim;
        s->file = w->hf;
        s->tensor = t;
        s->work = work;
        s->rows = half ? hf_v_b : hf_k_b;
        set_type(w, name);
    }
    return ST_OK;
}

static Status export_expert(MapWalk *w, const GgufName *name, const SafeTensor *t) {
    if (name->expert == 0) {
        TensorSource *s = add(w, name->gguf);
        s->n_dims = 3;
        s->dim[0] = w->model->n_routed_experts;
        s->dim[1] = t->dim[0];
        s->dim[2] = t->dim[1];
        s->file = w->hf;
        s->from = t->dim[0];
        s->work = ARENA_ARRAY(w->arena, const SafeTensor *, w->model->n_routed_experts);
        s->rows = hf_stacked;
        set_type(w, name);
    }
    ((const SafeTensor **)w->source[w->n - 1].work)[name->expert] = t;
    return ST_OK;
}

static Status export_one(void *ctx, const GgufName *name) {
    MapWalk *w = (MapWalk *)ctx;
    const SafeTensor *t;
    TRY(find_hf(w, name, &t));
    if (name->form == GGUF_KV_B) return export_kv_b(w, name, t);
    if (name->form == GGUF_EXPERTS) return export_expert(w, name, t);
    TensorSource *s = add(w, name->gguf);
    set_shape(name, s);
    s->file = w->hf;
    s->tensor = t;
    s->heads = name->heads;
    s->rows = s->heads ? hf_turned : hf_plain;
    if (s->heads && s->n_dims == 1) s->work = ARENA_ARRAY(w->arena, float, s->dim[0]);
    set_type(w, name);
    return ST_OK;
}

// Those of layers that predict further tokens count as left out; a tied head and rotary tables are
// said in other words.
static Status check_written(const MapWalk *w, int *skipped) {
    const ModelConfig *m = w->model;
    *skipped = 0;
    if (m->tie_word_embeddings) TRY(safetensors_check_tied(w->hf));
    for (int i = 0; i < safetensors_count(w->hf); i++) {
        const SafeTensor *t = safetensors_at(w->hf, i);
        int layer = -1;
        if (w->written[i] || safetensors_is_scale(w->hf, t) || strstr(t->name, ".rotary_emb."))
            continue;
        if (m->tie_word_embeddings && strcmp(t->name, "lm_head.weight") == 0) continue;
        if (sscanf(t->name, "model.layers.%d.", &layer) != 1 || layer < m->n_layers)
            return FAIL(ST_FORMAT, "%s: tensor '%s' has no place in the model of config.json",
                        t->file, t->name);
        ++*skipped;
    }
    return ST_OK;
}

static Status check_one(void *ctx, const GgufName *name) {
    MapWalk *w = (MapWalk *)ctx;
    const SafeTensor *t;
    return find_hf(w, name, &t);
}

Status gguf_map_check(const SafeTensors *file, const ModelConfig *model, Arena *arena) {
    int skipped;
    MapWalk w = {.model = model, .arena = arena, .hf = file};
    w.written = ARENA_ARRAY(arena, bool, safetensors_count(file) + 1);
    TRY(gguf_names_walk(model, arena, check_one, &w));
    return check_written(&w, &skipped);
}

Status gguf_map_export(const SafeTensors *file, const ModelConfig *model, const GgufType *type,
                       GgufExport *out, Arena *arena) {
    MapWalk w = {.model = model, .arena = arena, .hf = file, .type = type};
    w.written = ARENA_ARRAY(arena, bool, safetensors_count(file) + 1);
    TRY(gguf_names_walk(model, arena, export_one, &w));
    TRY(check_written(&w, &out->skipped));
    if (model->rope.llama3) {
        TensorSource *s = add(&w, "rope_freqs.weight");
        float *freqs = ARENA_ARRAY(arena, float, model->head_dim / 2);
        gguf_rope_freqs(model, freqs);
        *s = tensor_source(s->name, model->head_dim / 2, 0, freqs);
        w.types[w.n - 1] = gguf_type(GGUF_F32);
    }
    out->source = w.source;
    out->type = w.types;
    out->n = w.n;
    return ST_OK;
}
