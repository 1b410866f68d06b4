// policy/files/gguf/gguf_type.h -- GGUF's number formats: block sizes, decoding, Q8_0 encoding.
//
// Layer 2 (policy/files). Values lie in blocks along the innermost dimension; a row is whole
// blocks. Layouts and formulas: ggml's ggml-common.h and ggml-quants.c (dequantize_row_*), which
// the `gguf` package states again in numpy; decoding here gives the same bits (one fp32
// multiplication and one subtraction or addition a value, never fused).
#ifndef POLICY_FILES_GGUF_TYPE_H
#define POLICY_FILES_GGUF_TYPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Numbers of the format (ggml_type); those that are written by us.
enum { GGUF_F32 = 0, GGUF_F16 = 1, GGUF_Q8_0 = 8, GGUF_BF16 = 30 };
enum { GGUF_BLOCK_MAX = 256 };

typedef struct GgufType {
    const char *name; // "Q4_K"
    uint32_t number;
    int block, bytes;                                       // values and bytes of a block
    void (*decode)(const unsigned char *block, float *out); // NULL: not read here
} GgufType;

const GgufType *gguf_type(uint32_t number);        // NULL if not known
const GgufType *gguf_type_named(const char *name); // NULL if not known
// The types that can be read, as a list for sentences: "F32, F16, ...".
const char *gguf_types_read(void);

// n values, whole blocks.
void gguf_decode(const GgufType *type, const unsigned char *in, size_t n, float *out);
// F32, F16, BF16 (nearest even) and Q8_0 (ggml's quantize_row_q8_0_ref: d = amax / 127 as F16,
// q = round(x / d), halves away from zero).
void gguf_encode(const GgufType *type, const float *in, size_t n, unsigned char *out);

#ifdef __cplusplus
}
#endif
#endif
