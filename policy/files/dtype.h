// policy/files/dtype.h -- number formats of model files: their names, sizes and conversions.
//
// Layer 2 (policy/files). To fp32 is exact. From fp32 rounds to nearest even and keeps denormals,
// as torch does on saving (policy/cpu/quant.h, the products' own rounding, flushes them); NaN stays
// NaN; F16 overflows to infinity. Values lie in files in little endian.
#ifndef POLICY_FILES_DTYPE_H
#define POLICY_FILES_DTYPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// OTHER: known to safetensors by name, carried but never computed with.
typedef enum Dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_F8_E4M3, DTYPE_OTHER } Dtype;

typedef struct DtypeInfo {
    const char *name;  // in safetensors: "BF16"
    const char *torch; // in config.json: "bfloat16"; NULL where a model cannot be saved so
    const char *flag;  // on the command line: "bf16"; NULL likewise
    size_t bytes;
    Dtype dtype;
} DtypeInfo;

const DtypeInfo *dtype_of(const char *name); // by safetensors' name; NULL if none
const DtypeInfo *dtype_info(Dtype dtype);    // of F32, BF16, F16, F8_E4M3
const DtypeInfo *
dtype_flag(const char *flag); // of those that a model can be saved in; NULL if none

float dtype_from_bf16(uint16_t bits);
float dtype_from_f16(uint16_t bits);
float dtype_from_e4m3(uint8_t bits);
uint16_t dtype_to_bf16(float value);
uint16_t dtype_to_f16(float value);

uint16_t dtype_load16(const unsigned char *p);
float dtype_load32(const unsigned char *p);

// n values of a file to fp32 and back; F32, BF16, F16, and F8_E4M3 to fp32 only.
void dtype_decode(Dtype dtype, const unsigned char *in, size_t n, float *out);
void dtype_encode(Dtype dtype, const float *in, size_t n, unsigned char *out);

#ifdef __cplusplus
}
#endif
#endif
