// policy/cpu/quant.h -- bf16 and E4M3: rounding, codes and block scales.
//
// Private to policy/ (floor 2). The same bits in every row of the GEMM table, whatever MXCSR says.
//   bf16   round to nearest even; a denormal input gives zero of its sign; NaN stays NaN.
//   E4M3   ("fn": 4 exponent bits, bias 7, 3 mantissa bits, no infinity; OCP OFP8 1.0) round to
//          nearest even, saturates at +-448 (infinity too), NaN gives the NaN code 0x7f with sign.
//   scale  = max(amax, 1e-4) / 448 of a block, code = E4M3(x / scale) as in policy/kernels.h. amax
//          skips NaN; where amax is infinite every code of the block is zero or NaN. Operands that
//          hold gradients know no floor (quant_scale_gradient): theirs may be far below 1e-4.
#ifndef POLICY_CPU_QUANT_H
#define POLICY_CPU_QUANT_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define E4M3_MAX 448.0f
#define E4M3_AMAX_FLOOR 1e-4f

static inline float quant_scale(float amax) {
    return (amax > E4M3_AMAX_FLOOR ? amax : E4M3_AMAX_FLOOR) / E4M3_MAX;
}
// amax / 448, and 1 where that is zero or a denormal.
static inline float quant_scale_gradient(float amax) {
    const float scale = amax / E4M3_MAX;
    return scale >= FLT_MIN ? scale : 1;
}

static inline uint32_t float_bits(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}
static inline float float_of(uint32_t u) {
    float x;
    memcpy(&x, &u, 4);
    return x;
}

// The nearest bf16 value, as fp32; its upper 16 bits are the code.
static inline float bf16_round(float x) {
    const uint32_t u = float_bits(x), abs = u & 0x7fffffffu;
    if (abs > 0x7f800000u) return float_of((u | 0x00400000u) & 0xffff0000u);
    if (abs < 0x00800000u) return float_of(u & 0x80000000u);
    return float_of((u + 0x7fffu + (u >> 16 & 1u)) & 0xffff0000u);
}
static inline uint16_t bf16_encode(float x) {
    return (uint16_t)(float_bits(bf16_round(x)) >> 16);
}
static inline float bf16_decode(uint16_t code) {
    return float_of((uint32_t)code << 16);
}

// The nearest E4M3 value, as fp32.
float e4m3_round(float x);
uint8_t e4m3_encode(float x);
float e4m3_decode(uint8_t code);

// ---- over arrays. y may be x.
void bf16_round_n(float *y, const float *x, int n);
// y = E4M3(x / scale) as fp32 values.
void e4m3_round_n(float *y, const float *x, float scale, int n);
// The same with a scale for each value.
void e4m3_round_columns(float *y, const float *x, const float *scale, int n);

// One row of n values in tiles of 1x128 (the last may be ragged): n codes, ceil(n/128) scales.
void quant_row(uint8_t *code, float *scale, const float *x, int n);

#ifdef __cplusplus
}
#endif
#endif
