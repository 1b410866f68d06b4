// policy/files/tensor_source.h -- a tensor that a writer asks for row by row.
//
// Layer 2 (policy/files). The writers of safetensors and GGUF take a list of these, so that a model
// is converted with one buffer of rows in memory, wherever its values lie: in fp32 (`value`), in a
// file, decoded and put in order by `rows`, or byte for byte as they are in a safetensors file
// (`raw`; safetensors only). The last dimension is a row, the others count rows.
#ifndef POLICY_FILES_TENSOR_SOURCE_H
#define POLICY_FILES_TENSOR_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"
#include "policy/files/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TensorSource TensorSource;
struct TensorSource {
    const char *name;
    int n_dims;
    int64_t dim[SAFETENSORS_DIMS_MAX];
    bool exact; // stays F32 whatever the others are written as
    const float *value;
    Status (*rows)(const TensorSource *source, int64_t row, int64_t n, float *out);
    const SafeTensor *raw;
    const void *file, *tensor; // for `rows`, as are these
    void *work;
    int64_t from;
    int heads;
};

// fp32 values, rows x cols; cols 0: a vector of rows.
static inline TensorSource tensor_source(const char *name, int rows, int cols, const float *value) {
    TensorSource s;
    memset(&s, 0, sizeof s);
    s.name = name;
    s.n_dims = cols ? 2 : 1;
    s.dim[0] = rows;
    s.dim[1] = cols;
    s.value = value;
    return s;
}

static inline int64_t tensor_source_cols(const TensorSource *s) {
    return s->n_dims ? s->dim[s->n_dims - 1] : 1;
}
static inline int64_t tensor_source_rows(const TensorSource *s) {
    int64_t rows = 1;
    for (int i = 0; i < s->n_dims - 1; i++) rows *= s->dim[i];
    return rows;
}

// Rows [row, row + n) of a source that is not raw, as fp32.
static inline Status tensor_source_read(const TensorSource *s, int64_t row, int64_t n, float *out) {
    if (s->rows) return s->rows(s, row, n, out);
    const int64_t cols = tensor_source_cols(s);
    memcpy(out, s->value + row * cols, (size_t)(n * cols) * sizeof *out);
    return ST_OK;
}

#ifdef __cplusplus
}
#endif
#endif
