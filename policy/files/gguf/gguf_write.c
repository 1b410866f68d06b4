// policy/files/gguf/gguf_write.c -- the header in memory, then the tensors through one buffer.
#include "policy/files/gguf/gguf_write.h"

#include <string.h>

#include "base/file.h"
#include "policy/files/safewrite.h"

static void put(Str *out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) str_putc(out, (char)(value >> 8 * i));
}

static void put_text(Str *out, const char *text, size_t size) {
    put(out, size, 8);
    str_add(out, text, size);
}

static void begin(GgufKeys *keys, const char *key, GgufKind kind) {
    put_text(&keys->bytes, key, strlen(key));
    put(&keys->bytes, (uint64_t)kind, 4);
    keys->n++;
}

void gguf_put_int(GgufKeys *keys, const char *key, int64_t value) {
    CHECK(value >= INT32_MIN && value <= (int64_t)UINT32_MAX);
    begin(keys, key, value < 0 ? GGUF_I32_VALUE : GGUF_U32_VALUE);
    put(&keys->bytes, (uint32_t)value, 4);
}

void gguf_put_num(GgufKeys *keys, const char *key, double value) {
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    begin(keys, key, GGUF_F32_VALUE);
    put(&keys->bytes, bits, 4);
}

void gguf_put_bool(GgufKeys *keys, const char *key, bool value) {
    begin(keys, key, GGUF_BOOL_VALUE);
    put(&keys->bytes, value, 1);
}

void gguf_put_text(GgufKeys *keys, const char *key, const char *text, size_t size) {
    begin(keys, key, GGUF_TEXT_VALUE);
    put_text(&keys->bytes, text, size);
}

void gguf_put_array(GgufKeys *keys, const char *key, GgufKind element, uint64_t count) {
    begin(keys, key, GGUF_ARRAY_VALUE);
    put(&keys->bytes, (uint64_t)element, 4);
    put(&keys->bytes, count, 8);
}

void gguf_add_text(GgufKeys *keys, const char *text, size_t size) {
    put_text(&keys->bytes, text, size);
}

void gguf_add_i32(GgufKeys *keys, int32_t value) {
    put(&keys->bytes, (uint32_t)value, 4);
}

// ---- the file --------------------------------------------------------------------------------
static size_t aligned(size_t size) {
    return (size + GGUF_ALIGNMENT - 1) / GGUF_ALIGNMENT * GGUF_ALIGNMENT;
}

static size_t source_bytes(const TensorSource *s, const GgufType *type) {
    return (size_t)(tensor_source_rows(s) * tensor_source_cols(s)) / (size_t)type->block *
           (size_t)type->bytes;
}

static void put_header(const GgufKeys *keys, const TensorSource *source,
                       const GgufType *const *type, int n, Str *out) {
    size_t offset = 0;
    str_puts(out, "GGUF");
    put(out, 3, 4);
    put(out, (uint64_t)n, 8);
    put(out, keys->n, 8);
    str_add(out, keys->bytes.data, keys->bytes.size);
    for (int i = 0; i < n; i++) {
        const TensorSource *s = &source[i];
        put_text(out, s->name, strlen(s->name));
        put(out, (uint64_t)s->n_dims, 4);
        for (int d = s->n_dims - 1; d >= 0; d--) put(out, (uint64_t)s->dim[d], 8);
        put(out, type[i]->number, 4);
        put(out, offset, 8);
        offset += aligned(source_bytes(s, type[i]));
    }
    while (out->size % GGUF_ALIGNMENT) str_putc(out, 0);
}

// The largest magnitude that stays finite: a Q8_0 block's scale is an F16.
static float most_of(const GgufType *type) {
    return type->number == GGUF_F16 ? TENSOR_F16_MOST : TENSOR_F16_MOST * 127;
}

static Status put_tensor(FileSink *sink, const TensorSource *s, const GgufType *type,
                         TensorBuffer *buffer) {
    static const char zeros[GGUF_ALIGNMENT];
    const int64_t rows = tensor_source_rows(s), cols = tensor_source_cols(s);
    const int64_t step = tensor_buffer_rows(buffer, cols);
    const size_t row_bytes = (size_t)(cols / type->block) * (size_t)type->bytes;
    for (int64_t row = 0; row < rows; row += step) {
        int64_t m = rows - row < step ? rows - row : step;
        size_t count = (size_t)(m * cols);
        TRY(tensor_source_read(s, row, m, buffer->value));
        if (type->number == GGUF_F16 || type->number == GGUF_Q8_0)
            TRY(tensor_check_values(s, row, buffer->value, count, most_of(type), type->name));
        gguf_encode(type, buffer->value, count, buffer->bytes);
        TRY(file_sink_add(sink, buffer->bytes, (size_t)m * row_bytes));
    }
    size_t bytes = source_bytes(s, type);
    return file_sink_add(sink, zeros, aligned(bytes) - bytes);
}

Status gguf_write(const char *path, const GgufKeys *keys, const TensorSource *source,
                  const GgufType *const *type, int n) {
    Status st;
    Str header = {0};
    FileSink *sink = NULL;
    TensorBuffer buffer = {0};
    for (int i = 0; i < n; i++)
        if (tensor_source_cols(&source[i]) % type[i]->block || source[i].n_dims > GGUF_DIMS_MAX)
            return FAIL(ST_FORMAT, "tensor '%s': rows of %lld values are not whole %s blocks",
                        source[i].name, (long long)tensor_source_cols(&source[i]), type[i]->name);
    put_header(keys, source, type, n, &header);
    TRY_OUT(file_sink_open(path, &sink));
    TRY_OUT(file_sink_add(sink, header.data, header.size));
    for (int i = 0; i < n; i++) TRY_OUT(put_tensor(sink, &source[i], type[i], &buffer));
    st = file_sink_commit(sink);
    sink = NULL;
out:
    file_sink_abort(sink);
    tensor_buffer_free(&buffer);
    str_free(&header);
    return st;
}
