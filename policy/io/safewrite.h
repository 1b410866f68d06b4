// policy/io/safewrite.h -- writes fp32 tensors as safetensors, one file or shards with an index.
//
// Floor 2 (policy/io). The header is padded with spaces to 8 bytes and carries __metadata__
// {"format": "pt"}, as transformers wants it. Files appear whole or not at all (base/file). ST_IO.
#ifndef POLICY_IO_SAFEWRITE_H
#define POLICY_IO_SAFEWRITE_H

#include <stddef.h>

#include "base/status.h"
#include "policy/io/safetensors.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SafeSource {
    const char *name;
    int rows, cols; // cols 0: a vector of rows
    const float *value;
} SafeSource;

// dtype: DTYPE_F32 (exact) or DTYPE_BF16 (rounded to nearest even). Tensors stand in the file in
// the order given.
MUST_USE Status safewrite_file(const char *path, const SafeSource *source, int n, Dtype dtype);
// model.safetensors in the folder; where that would be over shard_bytes of data,
// model-00001-of-0000N.safetensors and model.safetensors.index.json (a tensor is never cut).
MUST_USE Status safewrite_model(const char *folder, const SafeSource *source, int n, Dtype dtype,
                                size_t shard_bytes);

#ifdef __cplusplus
}
#endif
#endif
