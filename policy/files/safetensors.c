// policy/files/safetensors.c -- the header is read once, checked whole, and becomes a sorted list.
#include "policy/files/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"

enum { SHARDS_MAX = 4096, FP8_BLOCK = 128 };

struct SafeTensors {
    Arena *arena;
    FileMap *map;
    int n_maps;
    SafeTensor *tensor; // [n] sorted by name
    int n;
};

// ---- the header ------------------------------------------------------------------------------
static Status read_shape(const JsonDoc *doc, const Json *node, SafeTensor *t, size_t bytes) {
    const Json *shape = json_get(node, "shape");
    const char *file = json_name(doc);
    if (!shape || json_kind(shape) != JSON_ARRAY || json_count(shape) > SAFETENSORS_DIMS_MAX)
        return FAIL(ST_FORMAT, "%s: tensor '%s': shape must be a list of at most %d numbers", file,
                    t->name, SAFETENSORS_DIMS_MAX);
    size_t total = bytes;
    for (const Json *d = json_first(shape); d; d = json_next(d)) {
        int64_t dim = json_int(d, -1);
        if (dim < 0 || __builtin_mul_overflow(total, (size_t)dim, &total))
            return FAIL(ST_FORMAT, "%s: tensor '%s': shape is impossible", file, t->name);
        t->dim[t->n_dims++] = dim;
    }
    if (total != t->bytes)
        return FAIL(ST_FORMAT, "%s: tensor '%s': shape wants %zu bytes, data_offsets hold %zu",
                    file, t->name, total, t->bytes);
    return ST_OK;
}

static Status read_tensor(const JsonDoc *doc, const Json *node, const unsigned char *data,
                          size_t data_size, SafeTensor *t) {
    const char *file = json_name(doc), *dtype = json_text(json_get(node, "dtype"), "");
    const Json *offsets = json_get(node, "data_offsets");
    const Json *first = offsets ? json_first(offsets) : NULL;
    int64_t begin = json_int(first, -1), end = json_int(first ? json_next(first) : NULL, -1);
    const DtypeInfo *info = dtype_of(dtype);
    if (!info)
        return FAIL(ST_FORMAT, "%s: tensor '%s': dtype '%s' is not known", file, t->name, dtype);
    if (!offsets || json_count(offsets) != 2 || begin < 0 || end < begin)
        return FAIL(ST_FORMAT, "%s: tensor '%s': data_offsets must be [begin, end]", file, t->name);
    if ((uint64_t)end > data_size)
        return FAIL(ST_FORMAT,
                    "%s: tensor '%s' ends at byte %lld of %zu: the file is cut off or lies", file,
                    t->name, (long long)end, data_size);
    t->dtype = info->dtype;
    t->dtype_name = info->name;
    t->data = data + begin;
    t->bytes = (size_t)(end - begin);
    return read_shape(doc, node, t, info->bytes);
}

static int by_data(const void *pa, const void *pb) {
    const SafeTensor *a = (const SafeTensor *)pa, *b = (const SafeTensor *)pb;
    if (a->data != b->data) return a->data < b->data ? -1 : 1;
    return (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

static int by_name(const void *pa, const void *pb) {
    return strcmp(((const SafeTensor *)pa)->name, ((const SafeTensor *)pb)->name);
}

// Sorts by place: every byte of the data must belong to exactly one tensor.
static Status check_cover(SafeTensor *t, int n, const unsigned char *data, size_t size,
                          const char *file) {
    qsort(t, (size_t)n, sizeof *t, by_data);
    const unsigned char *at = data;
    for (int i = 0; i < n; i++) {
        if (t[i].data < at)
            return FAIL(ST_FORMAT, "%s: tensors '%s' and '%s' overlap", file,
                        t[i > 0 ? i - 1 : 0].name, t[i].name);
        if (t[i].data > at)
            return FAIL(ST_FORMAT, "%s: %zu bytes before tensor '%s' belong to none", file,
                        (size_t)(t[i].data - at), t[i].name);
        at += t[i].bytes;
    }
    if (at != data + size)
        return FAIL(ST_FORMAT, "%s: the last %zu bytes belong to no tensor", file,
                    (size_t)(data + size - at));
    return ST_OK;
}

static Status add_header(SafeTensors *s, const JsonDoc *doc, const unsigned char *data,
                         size_t data_size, const char *name) {
    const Json *root = json_root(doc);
    if (json_kind(root) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s: the header is not a JSON object", name);
    int first = s->n, count = json_count(root);
    s->tensor = (SafeTensor *)realloc(s->tensor, (size_t)(s->n + count + 1) * sizeof *s->tensor);
    CHECK(s->tensor != NULL);
    for (const Json *node = json_first(root); node; node = json_next(node)) {
        if (strcmp(json_key(node), "__metadata__") == 0) continue;
        SafeTensor *t = &s->tensor[s->n++];
        *t = (SafeTensor){.name = arena_printf(s->arena, "%s", json_key(node)), .file = name};
        TRY(read_tensor(doc, node, data, data_size, t));
    }
    return check_cover(s->tensor + first, s->n - first, data, data_size, name);
}

static Status add_file(SafeTensors *s, const void *bytes, size_t size, const char *path) {
    const unsigned char *p = (const unsigned char *)bytes;
    const char *name = arena_printf(s->arena, "%s", path);
    uint64_t header = 0;
    if (size < 8)
        return FAIL(ST_FORMAT, "%s: %zu bytes are too short for a safetensors file", name, size);
    for (int i = 7; i >= 0; i--) header = header << 8 | p[i];
    if (header > SAFETENSORS_HEADER_MAX)
        return FAIL(ST_FORMAT, "%s: a header of %llu bytes is over the limit of %d", name,
                    (unsigned long long)header, SAFETENSORS_HEADER_MAX);
    if (header > size - 8)
        return FAIL(ST_FORMAT, "%s: the header says %llu bytes, the file has %zu: it is cut off",
                    name, (unsigned long long)header, size - 8);
    JsonDoc *doc = NULL;
    TRY(json_parse((const char *)p + 8, (size_t)header, name, 1, false, &doc));
    Status st = add_header(s, doc, p + 8 + header, size - 8 - (size_t)header, name);
    json_free(doc);
    return st;
}

static Status finish(SafeTensors *s) {
    if (s->n) qsort(s->tensor, (size_t)s->n, sizeof *s->tensor, by_name);
    for (int i = 1; i < s->n; i++)
        if (strcmp(s->tensor[i - 1].name, s->tensor[i].name) == 0)
            return FAIL(ST_FORMAT, "tensor '%s' is in %s and in %s", s->tensor[i].name,
                        s->tensor[i - 1].file, s->tensor[i].file);
    return ST_OK;
}

// ---- files and folders -----------------------------------------------------------------------
static SafeTensors *new_file(void) {
    SafeTensors *s = (SafeTensors *)calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->arena = arena_new(1 << 16);
    return s;
}

static Status map_file(SafeTensors *s, const char *path) {
    s->map = (FileMap *)realloc(s->map, (size_t)(s->n_maps + 1) * sizeof *s->map);
    CHECK(s->map != NULL);
    TRY(file_want(path));
    TRY(file_map(path, &s->map[s->n_maps]));
    s->n_maps++;
    TRY(add_file(s, s->map[s->n_maps - 1].data, s->map[s->n_maps - 1].size, path));
    return s->n ? ST_OK : FAIL(ST_FORMAT, "%s: no tensor is in it", path);
}

static Status check_shard_name(const char *index, int line, const char *name) {
    bool plain = name[0] != 0 && name[0] != '.' && !strchr(name, '/');
    for (const char *c = name; *c; c++) plain &= (unsigned char)*c >= 0x20 && *c != 0x7f;
    if (!plain)
        return FAIL(ST_FORMAT, "%s:%d: shard '%s' is not a plain file name", index, line, name);
    return ST_OK;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Status open_shards(SafeTensors *s, const char *folder, const JsonDoc *doc) {
    const char *index = json_name(doc);
    const Json *weights = json_get(json_root(doc), "weight_map");
    if (!weights || json_kind(weights) != JSON_OBJECT)
        return FAIL(ST_FORMAT, "%s: no object \"weight_map\"", index);
    if (!json_first(weights)) return FAIL(ST_FORMAT, "%s: \"weight_map\" names no tensor", index);
    int n = 0, n_shards = 0;
    const char **shard = ARENA_ARRAY(s->arena, const char *, json_count(weights) + 1);
    for (const Json *w = json_first(weights); w; w = json_next(w)) {
        shard[n] = json_text(w, "");
        TRY(check_shard_name(index, json_line(doc, w), shard[n++]));
    }
    qsort(shard, (size_t)n, sizeof *shard, by_text);
    for (int i = 0; i < n; i++) {
        if (i > 0 && strcmp(shard[i], shard[i - 1]) == 0) continue;
        if (++n_shards > SHARDS_MAX)
            return FAIL(ST_FORMAT, "%s: more than %d shards", index, SHARDS_MAX);
        TRY(map_file(s, arena_printf(s->arena, "%s/%s", folder, shard[i])));
    }
    TRY(finish(s));
    for (const Json *w = json_first(weights); w; w = json_next(w)) {
        const SafeTensor *t = safetensors_find(s, json_key(w));
        const char *file = t ? strrchr(t->file, '/') : NULL;
        if (!file || strcmp(file + 1, json_text(w, "")) != 0)
            return FAIL(ST_FORMAT, "%s:%d: tensor '%s' is not in %s", index, json_line(doc, w),
                        json_key(w), json_text(w, ""));
    }
    if (s->n != n)
        return FAIL(ST_FORMAT, "%s: the shards hold %d tensors, the index names %d", index, s->n,
                    n);
    return ST_OK;
}

static Status open_any(SafeTensors *s, const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        const char *index = arena_printf(s->arena, "%s/model.safetensors.index.json", path);
        JsonDoc *doc;
        TRY(json_read_if_there(index, &doc));
        if (!doc) {
            TRY(map_file(s, arena_printf(s->arena, "%s/model.safetensors", path)));
            return finish(s);
        }
        Status st = open_shards(s, path, doc);
        json_free(doc);
        return st;
    }
    TRY(map_file(s, path));
    return finish(s);
}

Status safetensors_open(const char *path, SafeTensors **out) {
    SafeTensors *s = new_file();
    Status st = open_any(s, path);
    if (st != ST_OK) safetensors_close(s), s = NULL;
    *out = s;
    return st;
}

Status safetensors_parse(const void *data, size_t size, const char *name, SafeTensors **out) {
    SafeTensors *s = new_file();
    Status st = add_file(s, data, size, name);
    if (st == ST_OK) st = finish(s);
    if (st != ST_OK) safetensors_close(s), s = NULL;
    *out = s;
    return st;
}

void safetensors_close(SafeTensors *file) {
    if (!file) return;
    for (int i = 0; i < file->n_maps; i++) file_unmap(&file->map[i]);
    free(file->map);
    free(file->tensor);
    arena_free(file->arena);
    free(file);
}

int safetensors_count(const SafeTensors *file) {
    return file->n;
}
const SafeTensor *safetensors_at(const SafeTensors *file, int i) {
    return &file->tensor[i];
}

const SafeTensor *safetensors_find(const SafeTensors *file, const char *name) {
    SafeTensor key = {.name = name};
    if (file->n == 0) return NULL;
    return (const SafeTensor *)bsearch(&key, file->tensor, (size_t)file->n, sizeof key, by_name);
}

// ---- values ----------------------------------------------------------------------------------
int64_t safetensors_n_cols(const SafeTensor *t) {
    return t->n_dims > 0 ? t->dim[t->n_dims - 1] : 1;
}

int64_t safetensors_n_rows(const SafeTensor *t) {
    int64_t rows = 1; // the product fits: the file holds that many values
    for (int i = 0; i < t->n_dims - 1; i++) rows *= t->dim[i];
    return rows;
}

static bool has_shape(const SafeTensor *t, int64_t rows, int64_t cols) {
    if (cols == 0) return t->n_dims == 1 && t->dim[0] == rows;
    return t->n_dims == 2 && t->dim[0] == rows && t->dim[1] == cols;
}

bool safetensors_is_scale(const SafeTensors *file, const SafeTensor *tensor) {
    static const char end[] = "_scale_inv";
    size_t n = strlen(tensor->name);
    char weight[512];
    if (n <= sizeof end - 1 || n >= sizeof weight) return false;
    n -= sizeof end - 1;
    if (strcmp(tensor->name + n, end) != 0) return false;
    snprintf(weight, sizeof weight, "%.*s", (int)n, tensor->name);
    const SafeTensor *t = safetensors_find(file, weight);
    return t && t->dtype == DTYPE_F8_E4M3;
}

static Status find_scale(const SafeTensors *file, const SafeTensor *t, const SafeTensor **out) {
    char name[512];
    int n = snprintf(name, sizeof name, "%s_scale_inv", t->name);
    int64_t down = (safetensors_n_rows(t) + FP8_BLOCK - 1) / FP8_BLOCK;
    int64_t across = (safetensors_n_cols(t) + FP8_BLOCK - 1) / FP8_BLOCK;
    *out = n < (int)sizeof name ? safetensors_find(file, name) : NULL;
    if (!*out || t->n_dims > 2 || (*out)->dtype != DTYPE_F32 || !has_shape(*out, down, across))
        return FAIL(ST_FORMAT,
                    "%s: tensor '%s' is F8_E4M3 and needs '%s_scale_inv' F32 [%lld, %lld]", t->file,
                    t->name, t->name, (long long)down, (long long)across);
    return ST_OK;
}

static void apply_scale(const SafeTensor *scale, int64_t row, int64_t n, int64_t cols, float *out) {
    int64_t across = (cols + FP8_BLOCK - 1) / FP8_BLOCK;
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < cols; c++)
            out[r * cols + c] *=
                dtype_load32(scale->data + 4 * ((row + r) / FP8_BLOCK * across + c / FP8_BLOCK));
}

Status safetensors_rows(const SafeTensors *file, const SafeTensor *t, int64_t row, int64_t n,
                        float *out) {
    int64_t cols = safetensors_n_cols(t);
    CHECK(row >= 0 && n >= 0 && row + n <= safetensors_n_rows(t));
    size_t first = (size_t)(row * cols), count = (size_t)(n * cols);
    const SafeTensor *scale = NULL;
    if (t->dtype == DTYPE_OTHER)
        return FAIL(ST_UNSUPPORTED,
                    "%s: tensor '%s' has dtype %s; F32, BF16, F16, F8_E4M3 are read", t->file,
                    t->name, t->dtype_name);
    if (t->dtype == DTYPE_F8_E4M3) TRY(find_scale(file, t, &scale));
    dtype_decode(t->dtype, t->data + first * dtype_info(t->dtype)->bytes, count, out);
    if (scale) apply_scale(scale, row, n, cols, out);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return FAIL(ST_FORMAT, "%s: tensor '%s': value %zu is not finite", t->file, t->name,
                        first + i);
    return ST_OK;
}

Status safetensors_read(const SafeTensors *file, const char *name, int rows, int cols, float *out) {
    const SafeTensor *t = safetensors_find(file, name);
    if (!t)
        return FAIL(ST_FORMAT, "%s: tensor '%s' is missing",
                    file->n ? file->tensor[0].file : "safetensors", name);
    if (!has_shape(t, rows, cols))
        return FAIL(ST_FORMAT, "%s: tensor '%s' is %d-dimensional [%lld, %lld], wanted [%d, %d]",
                    t->file, name, t->n_dims, (long long)t->dim[0], (long long)t->dim[1], rows,
                    cols);
    return safetensors_rows(file, t, 0, safetensors_n_rows(t), out);
}

Status safetensors_equal(const SafeTensors *file, const SafeTensor *a, const SafeTensor *b,
                         bool *same) {
    const int64_t rows = safetensors_n_rows(a), cols = safetensors_n_cols(a);
    *same = rows == safetensors_n_rows(b) && cols == safetensors_n_cols(b);
    float *two = (float *)malloc(2 * (size_t)cols * sizeof *two);
    Status st = ST_OK;
    CHECK(two != NULL);
    for (int64_t r = 0; r < rows && *same && st == ST_OK; r++) {
        st = safetensors_rows(file, a, r, 1, two);
        if (st == ST_OK) st = safetensors_rows(file, b, r, 1, two + cols);
        *same = st == ST_OK && memcmp(two, two + cols, (size_t)cols * sizeof *two) == 0;
    }
    free(two);
    return st;
}

Status safetensors_check_tied(const SafeTensors *file) {
    const SafeTensor *head = safetensors_find(file, "lm_head.weight"),
                     *embed = safetensors_find(file, "model.embed_tokens.weight");
    if (!head || !embed) return ST_OK;
    bool same;
    Status st = safetensors_equal(file, head, embed, &same);
    if (st != ST_OK || same) return st;
    return FAIL(ST_FORMAT,
                "%s: tensor 'lm_head.weight' is not the embedding, though tie_word_embeddings is "
                "true; it should be false in config.json",
                head->file);
}
