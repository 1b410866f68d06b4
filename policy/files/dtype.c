// policy/files/dtype.c -- bit patterns by integer arithmetic.
#include "policy/files/dtype.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "policy/lowbits.h"

static const DtypeInfo dtypes[] = {
    {"F32", "float32", "f32", 4, DTYPE_F32}, {"BF16", "bfloat16", "bf16", 2, DTYPE_BF16},
    {"F16", "float16", "f16", 2, DTYPE_F16}, {"F8_E4M3", NULL, NULL, 1, DTYPE_F8_E4M3},
    {"F8_E5M2", NULL, NULL, 1, DTYPE_OTHER}, {"F8_E8M0", NULL, NULL, 1, DTYPE_OTHER},
    {"F64", NULL, NULL, 8, DTYPE_OTHER},     {"I64", NULL, NULL, 8, DTYPE_OTHER},
    {"U64", NULL, NULL, 8, DTYPE_OTHER},     {"I32", NULL, NULL, 4, DTYPE_OTHER},
    {"U32", NULL, NULL, 4, DTYPE_OTHER},     {"I16", NULL, NULL, 2, DTYPE_OTHER},
    {"U16", NULL, NULL, 2, DTYPE_OTHER},     {"I8", NULL, NULL, 1, DTYPE_OTHER},
    {"U8", NULL, NULL, 1, DTYPE_OTHER},      {"BOOL", NULL, NULL, 1, DTYPE_OTHER},
};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

const DtypeInfo *dtype_of(const char *name) {
    for (int i = 0; i < N_DTYPES; i++)
        if (strcmp(dtypes[i].name, name) == 0) return &dtypes[i];
    return NULL;
}

const DtypeInfo *dtype_info(Dtype dtype) {
    CHECK(dtype < DTYPE_OTHER);
    return &dtypes[dtype];
}

const DtypeInfo *dtype_flag(const char *flag) {
    for (int i = 0; i < N_DTYPES; i++)
        if (dtypes[i].flag && strcmp(dtypes[i].flag, flag) == 0) return &dtypes[i];
    return NULL;
}

float dtype_from_bf16(uint16_t bits) {
    return bf16_decode(bits);
}

float dtype_from_e4m3(uint8_t bits) {
    return e4m3_decode(bits);
}

float dtype_from_f16(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits >> 15) << 31, exponent = (bits >> 10) & 31, low = bits & 1023;
    if (exponent == 31) return float_of(sign | 0x7F800000u | low << 13);
    // 1024 + low units of 2^-24, less the 1024: exact, and no denormal on the way
    if (exponent == 0) return float_of(sign | float_bits((float)low * 0x1p-24f));
    return float_of(sign | (exponent + 112) << 23 | low << 13);
}

uint16_t dtype_to_bf16(float value) {
    uint32_t bits = float_bits(value);
    if (value != value) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

uint16_t dtype_to_f16(float value) {
    uint32_t bits = float_bits(value), sign = bits >> 16 & 0x8000u, abs = bits & 0x7FFFFFFFu;
    if (abs > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (abs >= 0x47800000u) return (uint16_t)(sign | 0x7C00u); // 2^16 and more
    if (abs < 0x38800000u) {                                   // below 2^-14: multiples of 2^-24
        uint32_t low = (uint32_t)lrintf(float_of(abs) * 0x1p24f);
        return (uint16_t)(sign | low);
    }
    uint32_t round = abs + 0xFFFu + (abs >> 13 & 1u); // may carry into infinity
    return (uint16_t)(sign | ((round - (112u << 23)) >> 13));
}

uint16_t dtype_load16(const unsigned char *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

float dtype_load32(const unsigned char *p) {
    return float_of(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

void dtype_decode(Dtype dtype, const unsigned char *in, size_t n, float *out) {
    switch (dtype) {
    case DTYPE_F32:
        for (size_t i = 0; i < n; i++) out[i] = dtype_load32(in + 4 * i);
        return;
    case DTYPE_BF16:
        for (size_t i = 0; i < n; i++) out[i] = dtype_from_bf16(dtype_load16(in + 2 * i));
        return;
    case DTYPE_F16:
        for (size_t i = 0; i < n; i++) out[i] = dtype_from_f16(dtype_load16(in + 2 * i));
        return;
    case DTYPE_F8_E4M3:
        for (size_t i = 0; i < n; i++) out[i] = dtype_from_e4m3(in[i]);
        return;
    case DTYPE_OTHER: break;
    }
    CHECK(dtype < DTYPE_OTHER);
}

static void store16(unsigned char *p, uint16_t bits) {
    p[0] = (unsigned char)bits;
    p[1] = (unsigned char)(bits >> 8);
}

void dtype_encode(Dtype dtype, const float *in, size_t n, unsigned char *out) {
    switch (dtype) {
    case DTYPE_F32:
        for (size_t i = 0; i < n; i++) {
            uint32_t bits = float_bits(in[i]);
            store16(out + 4 * i, (uint16_t)bits);
            store16(out + 4 * i + 2, (uint16_t)(bits >> 16));
        }
        return;
    case DTYPE_BF16:
        for (size_t i = 0; i < n; i++) store16(out + 2 * i, dtype_to_bf16(in[i]));
        return;
    case DTYPE_F16:
        for (size_t i = 0; i < n; i++) store16(out + 2 * i, dtype_to_f16(in[i]));
        return;
    case DTYPE_F8_E4M3:
    case DTYPE_OTHER: break;
    }
    CHECK(dtype < DTYPE_F8_E4M3);
}
