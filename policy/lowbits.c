// policy/lowbits.c -- E4M3 by integer arithmetic.
#include "policy/lowbits.h"

float e4m3_round(float x) {
    const uint32_t u = float_bits(x), sign = u & 0x80000000u, abs = u & 0x7fffffffu;
    if (abs > 0x7f800000u) return float_of(u | 0x00400000u);
    if (abs < 0x3c800000u) { // below 2^-6: multiples of 2^-9, rounded by adding 2^14
        const float r = (float_of(abs) + 16384.0f) - 16384.0f;
        return float_of(sign | float_bits(r));
    }
    const uint32_t r = (abs + 0x7ffffu + (abs >> 20 & 1u)) & 0xfff00000u;
    return float_of(sign | (r > 0x43e00000u ? 0x43e00000u : r)); // 448
}

uint8_t e4m3_encode(float x) {
    const uint32_t u = float_bits(e4m3_round(x)), sign = u >> 24 & 0x80u, abs = u & 0x7fffffffu;
    if (abs > 0x7f800000u) return (uint8_t)(sign | 0x7fu);
    if (abs < 0x3c800000u) return (uint8_t)(sign | (uint32_t)(float_of(abs) * 512.0f));
    return (uint8_t)(sign | ((abs >> 20) - (120u << 3)));
}

float e4m3_decode(uint8_t code) {
    const uint32_t sign = (uint32_t)(code & 0x80u) << 24, abs = code & 0x7fu;
    if (abs == 0x7fu) return float_of(sign | 0x7fc00000u);
    if (abs < 8) return float_of(sign | float_bits((float)abs / 512.0f));
    return float_of(sign | (abs + (120u << 3)) << 20);
}
