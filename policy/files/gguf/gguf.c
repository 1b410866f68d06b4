// policy/files/gguf/gguf.c -- one cursor walks the header; tensors are placed and checked after it.
#include "policy/files/gguf/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

enum { NAME_MAX_BYTES = 65535, TENSORS_MAX = 1 << 20, KEYS_MAX = 1 << 20 };

struct Gguf {
    Arena *arena;
    FileMap map; // empty when parsed from memory
    const char *name;
    GgufValue *value; // [n_values] in file order
    const GgufValue **by_key;
    GgufTensor *tensor; // [n_tensors] in file order
    const GgufTensor **by_name;
    int n_values, n_tensors;
};

// ---- the cursor ------------------------------------------------------------------------------
typedef struct GgufCursor {
    const Gguf *file;
    const unsigned char *at, *begin, *end;
} GgufCursor;

static uint64_t load(const unsigned char *p, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | p[i];
    return value;
}

static Status cut_off(const GgufCursor *c, const char *what) {
    return FAIL(ST_FORMAT, "%s: the file ends inside %s, at byte %zu of %zu: it is cut off or lies",
                c->file->name, what, (size_t)(c->at - c->begin), (size_t)(c->end - c->begin));
}

static Status take(GgufCursor *c, int bytes, const char *what, uint64_t *out) {
    *out = 0;
    if (c->end - c->at < bytes) return cut_off(c, what);
    *out = load(c->at, bytes);
    c->at += bytes;
    return ST_OK;
}

static Status take_text(GgufCursor *c, const char *what, GgufText *out) {
    uint64_t size;
    TRY(take(c, 8, what, &size));
    if (size > (uint64_t)(c->end - c->at)) return cut_off(c, what);
    *out = (GgufText){(const char *)c->at, (size_t)size};
    c->at += size;
    return ST_OK;
}

// A name of ours to keep: short, not empty, UTF-8 without zero bytes.
static Status take_name(GgufCursor *c, const char *what, const char **out) {
    GgufText text = {0};
    TRY(take_text(c, what, &text));
    if (text.size == 0 || text.size > NAME_MAX_BYTES || memchr(text.data, 0, text.size) ||
        !str_is_utf8(text.data, text.size, NULL))
        return FAIL(ST_FORMAT, "%s: byte %zu: %s must be 1 to %d bytes of UTF-8", c->file->name,
                    (size_t)((const unsigned char *)text.data - c->begin), what, NAME_MAX_BYTES);
    *out = arena_printf(c->file->arena, "%.*s", (int)text.size, text.data);
    return ST_OK;
}

// ---- metadata --------------------------------------------------------------------------------
static int kind_bytes(GgufKind kind) { // 0: not of a fixed size
    switch (kind) {
    case GGUF_U8_VALUE:
    case GGUF_I8_VALUE:
    case GGUF_BOOL_VALUE: return 1;
    case GGUF_U16_VALUE:
    case GGUF_I16_VALUE: return 2;
    case GGUF_U32_VALUE:
    case GGUF_I32_VALUE:
    case GGUF_F32_VALUE: return 4;
    case GGUF_U64_VALUE:
    case GGUF_I64_VALUE:
    case GGUF_F64_VALUE: return 8;
    case GGUF_TEXT_VALUE:
    case GGUF_ARRAY_VALUE: break;
    }
    return 0;
}

static Status take_kind(GgufCursor *c, const char *key, GgufKind *out) {
    uint64_t kind;
    TRY(take(c, 4, key, &kind));
    if (kind > GGUF_F64_VALUE)
        return FAIL(ST_FORMAT, "%s: key '%s': value type %u is not known, 0 to 12 are",
                    c->file->name, key, (unsigned)kind);
    *out = (GgufKind)kind;
    return ST_OK;
}

static Status take_array(GgufCursor *c, GgufValue *v) {
    TRY(take_kind(c, v->key, &v->element));
    TRY(take(c, 8, v->key, &v->count));
    int bytes = kind_bytes(v->element);
    if (v->element == GGUF_ARRAY_VALUE)
        return FAIL(ST_UNSUPPORTED, "%s: key '%s': arrays of arrays are not read", c->file->name,
                    v->key);
    // A text takes eight bytes at least: a count that cannot be is refused before it is believed.
    if (v->count > (uint64_t)(c->end - c->at) / (uint64_t)(bytes ? bytes : 8))
        return cut_off(c, v->key);
    v->data = c->at;
    if (bytes) {
        c->at += v->count * (uint64_t)bytes;
        return ST_OK;
    }
    GgufText *item = ARENA_ARRAY(c->file->arena, GgufText, v->count + 1);
    for (uint64_t i = 0; i < v->count; i++) TRY(take_text(c, v->key, &item[i]));
    v->item = item;
    return ST_OK;
}

static Status take_value(GgufCursor *c, GgufValue *v) {
    TRY(take_name(c, "a key", &v->key));
    TRY(take_kind(c, v->key, &v->kind));
    if (v->kind == GGUF_ARRAY_VALUE) return take_array(c, v);
    if (v->kind == GGUF_TEXT_VALUE) {
        GgufText *item = ARENA_ARRAY(c->file->arena, GgufText, 1);
        v->item = item;
        return take_text(c, v->key, item);
    }
    uint64_t ignored;
    v->data = c->at;
    return take(c, kind_bytes(v->kind), v->key, &ignored);
}

// ---- tensors ---------------------------------------------------------------------------------
// Everything but the place of the data; *offset as the file says it.
static Status take_tensor(GgufCursor *c, GgufTensor *t, uint64_t *offset) {
    uint64_t n_dims, dim, type, values = 1;
    const char *file = c->file->name;
    TRY(take_name(c, "a tensor's name", &t->name));
    TRY(take(c, 4, t->name, &n_dims));
    if (n_dims < 1 || n_dims > GGUF_DIMS_MAX)
        return FAIL(ST_FORMAT, "%s: tensor '%s' has %llu dimensions, 1 to %d are possible", file,
                    t->name, (unsigned long long)n_dims, GGUF_DIMS_MAX);
    t->n_dims = (int)n_dims;
    for (int i = t->n_dims - 1; i >= 0; i--) {
        TRY(take(c, 8, t->name, &dim));
        if (dim < 1 || dim > INT32_MAX || __builtin_mul_overflow(values, dim, &values) ||
            values > (uint64_t)INT64_MAX / 16)
            return FAIL(ST_FORMAT, "%s: tensor '%s': its dimensions are impossible", file, t->name);
        t->dim[i] = (int64_t)dim;
    }
    TRY(take(c, 4, t->name, &type));
    TRY(take(c, 8, t->name, offset));
    t->type = gguf_type((uint32_t)type);
    if (!t->type)
        return FAIL(ST_UNSUPPORTED, "%s: tensor '%s' has type %u, which is not known; %s are read",
                    file, t->name, (unsigned)type, gguf_types_read());
    t->cols = t->dim[t->n_dims - 1];
    t->rows = (int64_t)values / t->cols;
    if (t->cols % t->type->block)
        return FAIL(ST_FORMAT, "%s: tensor '%s': a row of %lld values is not whole %s blocks of %d",
                    file, t->name, (long long)t->cols, t->type->name, t->type->block);
    t->bytes = (size_t)(values / (uint64_t)t->type->block) * (size_t)t->type->bytes;
    return ST_OK;
}

static int by_place(const void *pa, const void *pb) {
    const GgufTensor *a = *(const GgufTensor *const *)pa, *b = *(const GgufTensor *const *)pb;
    return (a->data > b->data) - (a->data < b->data);
}

static int by_name(const void *pa, const void *pb) {
    return strcmp((*(const GgufTensor *const *)pa)->name, (*(const GgufTensor *const *)pb)->name);
}

static int by_key(const void *pa, const void *pb) {
    return strcmp((*(const GgufValue *const *)pa)->key, (*(const GgufValue *const *)pb)->key);
}

static Status place_tensors(Gguf *f, const GgufCursor *c, const uint64_t *offset) {
    int64_t align = gguf_int(f, "general.alignment", GGUF_ALIGNMENT);
    if (align < 8 || align > 1 << 20 || align % 8)
        return FAIL(ST_FORMAT, "%s: general.alignment must be a multiple of 8 up to 1048576",
                    f->name);
    size_t header = (size_t)(c->at - c->begin), size = (size_t)(c->end - c->begin);
    size_t data = (header + (size_t)align - 1) / (size_t)align * (size_t)align;
    for (int i = 0; i < f->n_tensors; i++) {
        GgufTensor *t = &f->tensor[i];
        if (offset[i] % (uint64_t)align)
            return FAIL(ST_FORMAT, "%s: tensor '%s': offset %llu is no multiple of %lld", f->name,
                        t->name, (unsigned long long)offset[i], (long long)align);
        if (data > size || offset[i] > size - data || t->bytes > size - data - offset[i])
            return FAIL(
                ST_FORMAT,
                "%s: tensor '%s' wants %zu bytes from %llu, the file has %zu of data: it is "
                "cut off or lies",
                f->name, t->name, t->bytes, (unsigned long long)offset[i],
                data > size ? 0 : size - data);
        t->data = c->begin + data + offset[i];
        f->by_name[i] = t;
    }
    qsort(f->by_name, (size_t)f->n_tensors, sizeof *f->by_name, by_place);
    for (int i = 1; i < f->n_tensors; i++)
        if (f->by_name[i - 1]->data + f->by_name[i - 1]->bytes > f->by_name[i]->data)
            return FAIL(ST_FORMAT, "%s: tensors '%s' and '%s' overlap", f->name,
                        f->by_name[i - 1]->name, f->by_name[i]->name);
    qsort(f->by_name, (size_t)f->n_tensors, sizeof *f->by_name, by_name);
    for (int i = 1; i < f->n_tensors; i++)
        if (strcmp(f->by_name[i - 1]->name, f->by_name[i]->name) == 0)
            return FAIL(ST_FORMAT, "%s: tensor '%s' is there twice", f->name, f->by_name[i]->name);
    return ST_OK;
}

// ---- the file --------------------------------------------------------------------------------
static Status take_counts(GgufCursor *c, uint64_t *tensors, uint64_t *values) {
    const char *name = c->file->name;
    uint64_t version;
    *tensors = *values = 0;
    if (c->end - c->at < 8 || memcmp(c->at, "GGUF", 4) != 0)
        return FAIL(ST_FORMAT, "%s: not a GGUF file: it does not begin with 'GGUF'", name);
    c->at += 4;
    TRY(take(c, 4, "the version", &version));
    if (version != 2 && version != 3)
        return FAIL(ST_UNSUPPORTED,
                    "%s: GGUF version %u%s is not read, only 2 and 3 in little endian", name,
                    (unsigned)version, version >> 16 ? " (big endian?)" : "");
    TRY(take(c, 8, "the counts", tensors));
    TRY(take(c, 8, "the counts", values));
    // The smallest key takes 14 bytes, the smallest tensor 33.
    uint64_t left = (uint64_t)(c->end - c->at);
    if (*values > KEYS_MAX || *tensors > TENSORS_MAX || *values > left / 14 || *tensors > left / 33)
        return FAIL(ST_FORMAT, "%s: %llu keys and %llu tensors cannot be in %llu bytes", name,
                    (unsigned long long)*values, (unsigned long long)*tensors,
                    (unsigned long long)left);
    return ST_OK;
}

static Status read_file(Gguf *f, const void *data, size_t size) {
    GgufCursor c = {f, (const unsigned char *)data, (const unsigned char *)data,
                    (const unsigned char *)data + size};
    uint64_t n_tensors, n_values;
    TRY(take_counts(&c, &n_tensors, &n_values));
    f->n_values = (int)n_values;
    f->value = ARENA_ARRAY(f->arena, GgufValue, n_values + 1);
    f->by_key = ARENA_ARRAY(f->arena, const GgufValue *, n_values + 1);
    for (int i = 0; i < f->n_values; i++) {
        TRY(take_value(&c, &f->value[i]));
        f->by_key[i] = &f->value[i];
    }
    qsort(f->by_key, n_values, sizeof *f->by_key, by_key);
    for (int i = 1; i < f->n_values; i++)
        if (strcmp(f->by_key[i - 1]->key, f->by_key[i]->key) == 0)
            return FAIL(ST_FORMAT, "%s: key '%s' is there twice", f->name, f->by_key[i]->key);
    f->n_tensors = (int)n_tensors;
    f->tensor = ARENA_ARRAY(f->arena, GgufTensor, n_tensors + 1);
    f->by_name = ARENA_ARRAY(f->arena, const GgufTensor *, n_tensors + 1);
    uint64_t *offset = ARENA_ARRAY(f->arena, uint64_t, n_tensors + 1);
    for (int i = 0; i < f->n_tensors; i++) TRY(take_tensor(&c, &f->tensor[i], &offset[i]));
    return place_tensors(f, &c, offset);
}

static Gguf *new_file(const char *name) {
    Gguf *f = (Gguf *)calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->arena = arena_new(1 << 16);
    f->name = arena_printf(f->arena, "%s", name);
    return f;
}

Status gguf_parse(const void *data, size_t size, const char *name, Gguf **out) {
    Gguf *f = new_file(name);
    Status st = read_file(f, data, size);
    if (st != ST_OK) gguf_close(f), f = NULL;
    *out = f;
    return st;
}

Status gguf_open(const char *path, Gguf **out) {
    Gguf *f = new_file(path);
    Status st = file_map(path, &f->map);
    if (st == ST_OK) st = read_file(f, f->map.data ? f->map.data : "", f->map.size);
    if (st != ST_OK) gguf_close(f), f = NULL;
    *out = f;
    return st;
}

void gguf_close(Gguf *file) {
    if (!file) return;
    file_unmap(&file->map);
    arena_free(file->arena);
    free(file);
}

// ---- asking ----------------------------------------------------------------------------------
const char *gguf_name(const Gguf *file) {
    return file->name;
}
int gguf_n_values(const Gguf *file) {
    return file->n_values;
}
const GgufValue *gguf_value_at(const Gguf *file, int i) {
    return &file->value[i];
}
int gguf_n_tensors(const Gguf *file) {
    return file->n_tensors;
}
const GgufTensor *gguf_tensor_at(const Gguf *file, int i) {
    return &file->tensor[i];
}

const GgufValue *gguf_value(const Gguf *file, const char *key) {
    const GgufValue value = {.key = key}, *want = &value;
    if (file->n_values == 0) return NULL;
    const GgufValue **found = (const GgufValue **)bsearch(
        &want, file->by_key, (size_t)file->n_values, sizeof *file->by_key, by_key);
    return found ? *found : NULL;
}

const GgufTensor *gguf_tensor(const Gguf *file, const char *name) {
    const GgufTensor tensor = {.name = name}, *want = &tensor;
    if (file->n_tensors == 0) return NULL;
    const GgufTensor **found = (const GgufTensor **)bsearch(
        &want, file->by_name, (size_t)file->n_tensors, sizeof *file->by_name, by_name);
    return found ? *found : NULL;
}

static int64_t integer(GgufKind kind, const unsigned char *p, int64_t fallback) {
    uint64_t u = 0;
    switch (kind) {
    case GGUF_U8_VALUE:
    case GGUF_BOOL_VALUE: return p[0];
    case GGUF_I8_VALUE: return (int8_t)p[0];
    case GGUF_U16_VALUE: return (int64_t)load(p, 2);
    case GGUF_I16_VALUE: return (int16_t)load(p, 2);
    case GGUF_U32_VALUE: return (int64_t)load(p, 4);
    case GGUF_I32_VALUE: return (int32_t)load(p, 4);
    case GGUF_I64_VALUE: return (int64_t)load(p, 8);
    case GGUF_U64_VALUE: u = load(p, 8); return u > (uint64_t)INT64_MAX ? fallback : (int64_t)u;
    case GGUF_F32_VALUE:
    case GGUF_F64_VALUE:
    case GGUF_TEXT_VALUE:
    case GGUF_ARRAY_VALUE: break;
    }
    return fallback;
}

int64_t gguf_int(const Gguf *file, const char *key, int64_t fallback) {
    const GgufValue *v = gguf_value(file, key);
    return v && v->data ? integer(v->kind, v->data, fallback) : fallback;
}

int64_t gguf_item_int(const GgufValue *array, uint64_t i, int64_t fallback) {
    int bytes = kind_bytes(array->element);
    if (array->kind != GGUF_ARRAY_VALUE || i >= array->count || !bytes) return fallback;
    return integer(array->element, array->data + i * (uint64_t)bytes, fallback);
}

double gguf_num(const Gguf *file, const char *key, double fallback) {
    const GgufValue *v = gguf_value(file, key);
    if (!v || !v->data) return fallback;
    if (v->kind == GGUF_F32_VALUE) {
        float single;
        uint32_t bits = (uint32_t)load(v->data, 4);
        memcpy(&single, &bits, 4);
        return (double)single;
    }
    if (v->kind == GGUF_F64_VALUE) {
        double value;
        uint64_t bits = load(v->data, 8);
        memcpy(&value, &bits, 8);
        return value;
    }
    int64_t whole = integer(v->kind, v->data, INT64_MIN);
    return whole == INT64_MIN ? fallback : (double)whole;
}

bool gguf_bool(const Gguf *file, const char *key, bool fallback) {
    return gguf_int(file, key, fallback) != 0;
}

const GgufText *gguf_text(const Gguf *file, const char *key) {
    const GgufValue *v = gguf_value(file, key);
    return v && v->kind == GGUF_TEXT_VALUE ? v->item : NULL;
}

bool gguf_text_is(const Gguf *file, const char *key, const char *text) {
    const GgufText *t = gguf_text(file, key);
    return t && t->size == strlen(text) && memcmp(t->data, text, t->size) == 0;
}

Status gguf_rows(const Gguf *file, const GgufTensor *t, int64_t row, int64_t n, float *out) {
    CHECK(row >= 0 && n >= 0 && row + n <= t->rows);
    if (!t->type->decode)
        return FAIL(ST_UNSUPPORTED, "%s: tensor '%s' has type %s; %s are read", file->name, t->name,
                    t->type->name, gguf_types_read());
    size_t count = (size_t)n * (size_t)t->cols;
    size_t row_bytes = (size_t)(t->cols / t->type->block) * (size_t)t->type->bytes;
    gguf_decode(t->type, t->data + (size_t)row * row_bytes, count, out);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return FAIL(ST_FORMAT, "%s: tensor '%s': value %lld is not finite", file->name, t->name,
                        (long long)((size_t)row * (size_t)t->cols + i));
    return ST_OK;
}
