// policy/files/safewrite.h -- writes tensors as safetensors, one file or shards with an index.
//
// Layer 2 (policy/files). The header is padded with spaces to 8 bytes and carries __metadata__
// {"format": "pt"}, as transformers wants it. Files appear whole or not at all (base/file). ST_IO;
// ST_FORMAT: a value is too large for F16.
#ifndef POLICY_FILES_SAFEWRITE_H
#define POLICY_FILES_SAFEWRITE_H

#include <stddef.h>

#include "base/status.h"
#include "policy/files/dtype.h"
#include "policy/files/tensor_source.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SAFEWRITE_SHARD_GIB = 5 };
#define SAFEWRITE_SHARD_BYTES ((size_t)SAFEWRITE_SHARD_GIB << 30)

// dtype: DTYPE_F32 (exact), DTYPE_BF16 or DTYPE_F16 (rounded to nearest even); raw and exact
// sources keep theirs. Tensors are in the file in the order given.
MUST_USE Status safewrite_file(const char *path, const TensorSource *source, int n, Dtype dtype);
// model.safetensors in the folder; where that would be over shard_bytes of data,
// model-00001-of-0000N.safetensors and model.safetensors.index.json (a tensor is never cut).
MUST_USE Status safewrite_model(const char *folder, const TensorSource *source, int n, Dtype dtype,
                                size_t shard_bytes);

// A buffer of at least `values` fp32 values through which a writer takes rows.
typedef struct TensorBuffer {
    float *value;
    unsigned char *bytes;
    size_t cap; // values
} TensorBuffer;
int64_t tensor_buffer_rows(TensorBuffer *buffer, int64_t cols); // rows at a time; grows it
void tensor_buffer_free(TensorBuffer *buffer);
#define TENSOR_F16_MOST 65519.99f // what is below 65520 rounds to a finite F16
// ST_FORMAT where a value is not finite or its magnitude is over `most`, naming tensor and place.
MUST_USE Status tensor_check_values(const TensorSource *source, int64_t row, const float *value,
                                    size_t n, float most, const char *format);

#ifdef __cplusplus
}
#endif
#endif
