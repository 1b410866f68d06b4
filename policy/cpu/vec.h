// policy/cpu/vec.h -- vector primitives: the largest magnitude, and one AdamW step.
//
// Private to policy/ (layer 2). Runs on the instruction set that gemm_select chose, and gives the
// same bits on all of them: IEEE add, mul, div and sqrt only, no fma, no libm. Rounding to bf16 and
// E4M3 goes by the same table (quant.h); other ops have their loops in lanes.h. n may be 0. No
// alignment is needed.
#ifndef POLICY_CPU_VEC_H
#define POLICY_CPU_VEC_H

#ifdef __cplusplus
extern "C" {
#endif

float vec_amax(const float *x, int n); // largest |x|, 0 if n is 0; a NaN may be skipped

void vec_amax_columns(float *amax, const float *x, int n); // amax[i] = max(amax[i], |x[i]|)

// One AdamW step on n weights, moments in place:
//   m = b1 m + (1 - b1) g', v = b2 v + (1 - b2) g'^2 with g' = clip g,
//   w = w - (rate decay) w - rate (m c1) / (sqrt(v c2) + eps), c1 = 1 / (1 - b1^t), c2 likewise.
typedef struct VecAdamW {
    float rate, decay, b1, b2, eps, c1, c2, clip;
} VecAdamW;
void vec_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n);

#ifdef __cplusplus
}
#endif
#endif
