// policy/cpu/quant.h -- block scales of E4M3, and rounding of arrays (one value: policy/lowbits.h).
//
// Private to policy/ (layer 2). The same bits in every kernel set, whatever MXCSR says.
//   scale  = max(amax, 1e-4) / 448 of a block, code = E4M3(x / scale) as in policy/kernels.h. amax
//          skips NaN; where amax is infinite every code of the block is zero or NaN. Operands that
//          hold gradients know no floor (quant_scale_gradient): theirs may be far below 1e-4.
#ifndef POLICY_CPU_QUANT_H
#define POLICY_CPU_QUANT_H

#include <float.h>
#include <stdint.h>

#include "policy/lowbits.h"

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
