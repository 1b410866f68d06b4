// policy/files/safewrite.c -- header first, then the values in pieces through one buffer.
#include "policy/files/safewrite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

enum { PIECE = 1 << 16 }; // values converted at a time

// ---- the buffer ------------------------------------------------------------------------------
int64_t tensor_buffer_rows(TensorBuffer *b, int64_t cols) {
    size_t want = (size_t)(cols > PIECE ? cols : PIECE);
    if (b->cap < want) {
        free(b->value);
        free(b->bytes);
        b->value = (float *)malloc(want * sizeof *b->value);
        b->bytes = (unsigned char *)malloc(4 * want); // at most four bytes a value
        CHECK(b->value != NULL && b->bytes != NULL);
        b->cap = want;
    }
    return cols > 0 ? (int64_t)want / cols : 1;
}

void tensor_buffer_free(TensorBuffer *b) {
    free(b->value);
    free(b->bytes);
    *b = (TensorBuffer){0};
}

Status tensor_check_values(const TensorSource *s, int64_t row, const float *value, size_t n,
                           float most, const char *format) {
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(value[i]) <= most))
            return FAIL(ST_FORMAT, "tensor '%s': value %lld is %g, which %s cannot hold", s->name,
                        (long long)(row * tensor_source_cols(s) + (int64_t)i), (double)value[i],
                        format);
    return ST_OK;
}

// ---- one file --------------------------------------------------------------------------------
static Dtype source_dtype(const TensorSource *s, Dtype dtype) {
    return s->exact ? DTYPE_F32 : dtype;
}

static size_t source_bytes(const TensorSource *s, Dtype dtype) {
    if (s->raw) return s->raw->bytes;
    return (size_t)(tensor_source_rows(s) * tensor_source_cols(s)) *
           dtype_info(source_dtype(s, dtype))->bytes;
}

static void put_header(const TensorSource *source, int n, Dtype dtype, Str *out) {
    size_t at = 0;
    str_puts(out, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < n; i++) {
        const TensorSource *s = &source[i];
        const char *name = s->raw ? s->raw->dtype_name : dtype_info(source_dtype(s, dtype))->name;
        const int n_dims = s->raw ? s->raw->n_dims : s->n_dims;
        const int64_t *dim = s->raw ? s->raw->dim : s->dim;
        size_t bytes = source_bytes(s, dtype);
        str_puts(out, ",");
        str_json(out, s->name, strlen(s->name));
        str_printf(out, ":{\"dtype\":\"%s\",\"shape\":[", name);
        for (int d = 0; d < n_dims; d++) str_printf(out, "%s%lld", d ? "," : "", (long long)dim[d]);
        str_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    str_putc(out, '}');
    while (out->size % 8) str_putc(out, ' ');
}

static Status put_values(FileSink *sink, const TensorSource *s, Dtype dtype, TensorBuffer *buffer) {
    if (s->raw) return file_sink_add(sink, s->raw->data, s->raw->bytes);
    const DtypeInfo *info = dtype_info(source_dtype(s, dtype));
    const int64_t rows = tensor_source_rows(s), cols = tensor_source_cols(s);
    const int64_t step = tensor_buffer_rows(buffer, cols);
    for (int64_t row = 0; row < rows; row += step) {
        int64_t m = rows - row < step ? rows - row : step;
        size_t count = (size_t)(m * cols);
        TRY(tensor_source_read(s, row, m, buffer->value));
        if (info->dtype == DTYPE_F16)
            TRY(tensor_check_values(s, row, buffer->value, count, TENSOR_F16_MOST, "F16"));
        dtype_encode(info->dtype, buffer->value, count, buffer->bytes);
        TRY(file_sink_add(sink, buffer->bytes, count * info->bytes));
    }
    return ST_OK;
}

Status safewrite_file(const char *path, const TensorSource *source, int n, Dtype dtype) {
    CHECK(dtype < DTYPE_F8_E4M3);
    Status st;
    Str header = {0};
    FileSink *sink = NULL;
    TensorBuffer buffer = {0};
    put_header(source, n, dtype, &header);
    unsigned char size[8];
    for (int b = 0; b < 8; b++) size[b] = (uint8_t)((uint64_t)header.size >> 8 * b);
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, size, sizeof size));
    TRY_OUT(file_sink_add(sink, header.data, header.size));
    for (int i = 0; i < n; i++) TRY_OUT(put_values(sink, &source[i], dtype, &buffer));
    st = file_sink_commit(sink);
    sink = NULL;
out:
    file_sink_abort(sink);
    str_free(&header);
    tensor_buffer_free(&buffer);
    return st;
}

// The end of the shard that begins at tensor `begin`.
static int shard_end(const TensorSource *source, int n, int begin, Dtype dtype, size_t limit) {
    size_t total = source_bytes(&source[begin], dtype);
    int end = begin + 1;
    for (; end < n; end++) {
        total += source_bytes(&source[end], dtype);
        if (total > limit) break;
    }
    return end;
}

Status safewrite_model(const char *folder, const TensorSource *source, int n, Dtype dtype,
                       size_t shard_bytes) {
    Arena *arena = arena_new(1 << 12);
    Status st = ST_OK;
    Str index = {0};
    int n_shards = 0;
    size_t total = 0;
    for (int i = 0; i < n; i++) total += source_bytes(&source[i], dtype);
    for (int i = 0; i < n; i = shard_end(source, n, i, dtype, shard_bytes)) n_shards++;
    if (n_shards <= 1) {
        st = safewrite_file(arena_printf(arena, "%s/model.safetensors", folder), source, n, dtype);
        goto out;
    }
    str_printf(&index, "{\n \"metadata\": {\"total_size\": %zu},\n \"weight_map\": {", total);
    for (int begin = 0, shard = 1; begin < n; shard++) {
        int end = shard_end(source, n, begin, dtype, shard_bytes);
        char *name = arena_printf(arena, "model-%05d-of-%05d.safetensors", shard, n_shards);
        TRY_OUT(safewrite_file(arena_printf(arena, "%s/%s", folder, name), source + begin,
                               end - begin, dtype));
        for (int i = begin; i < end; i++) {
            str_puts(&index, i ? ",\n  " : "\n  ");
            str_json(&index, source[i].name, strlen(source[i].name));
            str_printf(&index, ": \"%s\"", name);
        }
        begin = end;
    }
    str_puts(&index, "\n }\n}\n");
    st = file_write_atomic(arena_printf(arena, "%s/model.safetensors.index.json", folder),
                           index.data, index.size);
out:
    str_free(&index);
    arena_free(arena);
    return st;
}
