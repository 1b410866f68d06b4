// policy/lowbits.h -- bf16 and E4M3: rounding and codes of one value, by integer arithmetic.
//
// Layer 2 (policy). The same bits on every machine, whatever MXCSR says.
//   bf16   round to nearest even; a denormal input gives zero of its sign; NaN stays NaN.
//   E4M3   ("fn": 4 exponent bits, bias 7, 3 mantissa bits, no infinity; OCP OFP8 1.0) round to
//          nearest even, saturates at +-448 (infinity too), NaN gives the NaN code 0x7f with sign.
#ifndef POLICY_LOWBITS_H
#define POLICY_LOWBITS_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
