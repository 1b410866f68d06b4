// policy/files/gguf/gguf_write.h -- writes a GGUF file, version 3, alignment 32.
//
// Layer 2 (policy/files). Keys are added one by one; tensors come as TensorSource lists under their
// GGUF names. The file appears whole or not at all. ST_IO; ST_FORMAT: a value that does not fit the
// type, or a row that is no whole number of its blocks.
#ifndef POLICY_FILES_GGUF_WRITE_H
#define POLICY_FILES_GGUF_WRITE_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/tensor_source.h"

#ifdef __cplusplus
extern "C" {
#endif

// The metadata so far; zeroed = empty. str_free(&keys.bytes) gives it back.
typedef struct GgufKeys {
    Str bytes;
    uint64_t n;
} GgufKeys;

void gguf_put_int(GgufKeys *keys, const char *key, int64_t value); // as U32; negative: I32
void gguf_put_num(GgufKeys *keys, const char *key, double value);  // as F32
void gguf_put_bool(GgufKeys *keys, const char *key, bool value);
void gguf_put_text(GgufKeys *keys, const char *key, const char *text, size_t size);
// Begins an array of `count` elements; the caller adds exactly those.
void gguf_put_array(GgufKeys *keys, const char *key, GgufKind element, uint64_t count);
void gguf_add_text(GgufKeys *keys, const char *text, size_t size);
void gguf_add_i32(GgufKeys *keys, int32_t value);

// type[i] is that of source[i]: F32, F16, BF16 or Q8_0.
MUST_USE Status gguf_write(const char *path, const GgufKeys *keys, const TensorSource *source,
                           const GgufType *const *type, int n);

#ifdef __cplusplus
}
#endif
#endif
