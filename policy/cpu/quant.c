// policy/cpu/quant.c -- arrays of values, by the vector kernels.
#include "policy/cpu/quant.h"

#include "policy/cpu/vec_set.h"

enum { BLOCK = 128 };

void bf16_round_n(float *y, const float *x, int n) {
    vec_set()->bf16_round(y, x, n);
}
void e4m3_round_n(float *y, const float *x, float scale, int n) {
    vec_set()->e4m3_round(y, x, scale, n);
}
void e4m3_round_columns(float *y, const float *x, const float *scale, int n) {
    vec_set()->e4m3_columns(y, x, scale, n);
}

void quant_row(uint8_t *code, float *scale, const float *x, int n) {
    for (int at = 0; at < n; at += BLOCK) {
        const int len = n - at < BLOCK ? n - at : BLOCK;
        const float s = quant_scale(vec_amax(x + at, len));
        scale[at / BLOCK] = s;
        for (int i = 0; i < len; i++) code[at + i] = e4m3_encode(x[at + i] / s);
    }
}
