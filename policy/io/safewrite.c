// policy/io/safewrite.c -- header first, then the values in pieces through one buffer.
#include "policy/io/safewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/str.h"

enum { PIECE = 1 << 16 }; // values converted at a time

static size_t source_values(const SafeSource *s) {
    return (size_t)s->rows * (size_t)(s->cols ? s->cols : 1);
}

static size_t source_bytes(const SafeSource *s, Dtype dtype) {
    return source_values(s) * (dtype == DTYPE_F32 ? 4 : 2);
}

static void put_header(const SafeSource *source, int n, Dtype dtype, Str *out) {
    size_t at = 0;
    str_puts(out, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < n; i++) {
        const SafeSource *s = &source[i];
        size_t bytes = source_bytes(s, dtype);
        str_puts(out, ",");
        str_json(out, s->name, strlen(s->name));
        str_printf(out, ":{\"dtype\":\"%s\",\"shape\":[%d", dtype == DTYPE_F32 ? "F32" : "BF16",
                   s->rows);
        if (s->cols) str_printf(out, ",%d", s->cols);
        str_printf(out, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    str_putc(out, '}');
    while (out->size % 8) str_putc(out, ' ');
}

static Status put_values(FileSink *sink, const SafeSource *s, Dtype dtype, unsigned char *buffer) {
    size_t n = source_values(s);
    for (size_t at = 0; at < n; at += PIECE) {
        size_t m = n - at < PIECE ? n - at : PIECE;
        for (size_t i = 0; i < m; i++) {
            if (dtype == DTYPE_F32) {
                uint32_t bits;
                memcpy(&bits, &s->value[at + i], 4);
                for (int b = 0; b < 4; b++) buffer[4 * i + (size_t)b] = (uint8_t)(bits >> 8 * b);
            } else {
                uint16_t bits = dtype_to_bf16(s->value[at + i]);
                buffer[2 * i] = (uint8_t)bits;
                buffer[2 * i + 1] = (uint8_t)(bits >> 8);
            }
        }
        TRY(file_sink_add(sink, buffer, m * (dtype == DTYPE_F32 ? 4 : 2)));
    }
    return ST_OK;
}

Status safewrite_file(const char *path, const SafeSource *source, int n, Dtype dtype) {
    CHECK(dtype == DTYPE_F32 || dtype == DTYPE_BF16);
    Status st;
    Str header = {0};
    FileSink *sink = NULL;
    unsigned char *buffer = (unsigned char *)malloc(4 * PIECE);
    CHECK(buffer != NULL);
    put_header(source, n, dtype, &header);
    unsigned char size[8];
    for (int b = 0; b < 8; b++) size[b] = (uint8_t)((uint64_t)header.size >> 8 * b);
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, size, sizeof size));
    TRY_OUT(file_sink_add(sink, header.data, header.size));
    for (int i = 0; i < n; i++) TRY_OUT(put_values(sink, &source[i], dtype, buffer));
    st = file_sink_commit(sink);
    sink = NULL;
out:
    file_sink_abort(sink);
    str_free(&header);
    free(buffer);
    return st;
}

// The end of the shard that begins at tensor `begin`.
static int shard_end(const SafeSource *source, int n, int begin, Dtype dtype, size_t limit) {
    size_t total = source_bytes(&source[begin], dtype);
    int end = begin + 1;
    for (; end < n; end++) {
        total += source_bytes(&source[end], dtype);
        if (total > limit) break;
    }
    return end;
}

Status safewrite_model(const char *folder, const SafeSource *source, int n, Dtype dtype,
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
