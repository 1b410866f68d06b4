// policy/cpu/vec_row.h -- the table behind vec.h and quant.h: one row an instruction set.
//
// Private to policy/cpu.
#ifndef POLICY_CPU_VEC_ROW_H
#define POLICY_CPU_VEC_ROW_H

#include "policy/cpu/vec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VecRow {
    void (*exp)(float *y, const float *x, int n);
    void (*log)(float *y, const float *x, int n);
    void (*sigmoid)(float *y, const float *x, int n);
    void (*add)(float *y, const float *a, const float *b, int n);
    void (*mul)(float *y, const float *a, const float *b, int n);
    void (*scale)(float *y, const float *x, float s, int n);
    void (*axpy)(float *y, float s, const float *x, int n);
    void (*mul_add)(float *y, const float *a, const float *b, int n);
    void (*scale_mul)(float *y, float s, const float *a, const float *b, int n);
    void (*scale_mul_add)(float *y, float s, const float *a, const float *b, int n);
    void (*affine)(float *y, float s, const float *x, float t, int n);
    void (*silu_mul)(float *y, const float *gate, const float *up, int n);
    void (*silu_mul_grad)(float *dgate, float *dup, const float *dy, const float *gate,
                          const float *up, int n);
    float (*sum)(const float *x, int n);
    float (*dot)(const float *a, const float *b, int n);
    float (*dot3)(const float *a, const float *b, const float *c, int n);
    float (*sumsq)(const float *x, int n);
    float (*max)(const float *x, int n);
    float (*amax)(const float *x, int n);
    float (*exp_sum)(float *y, const float *x, float shift, int n);
    void (*adamw)(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n);
    void (*bf16_round)(float *y, const float *x, int n);
    void (*e4m3_round)(float *y, const float *x, float scale, int n);
} VecRow;

// The last two exist on x86-64 only.
extern const VecRow vec_portable, vec_avx2, vec_avx512;
const VecRow *vec_row(void); // of gemm_row()

#ifdef __cplusplus
}
#endif
#endif
