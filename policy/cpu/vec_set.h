// policy/cpu/vec_set.h -- the table behind vec.h and quant.h: one kernel set per instruction set.
//
// Private to policy/cpu.
#ifndef POLICY_CPU_VEC_SET_H
#define POLICY_CPU_VEC_SET_H

#include "policy/cpu/vec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct VecSet {
    float (*amax)(const float *x, int n);
    void (*adamw)(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n);
    void (*bf16_round)(float *y, const float *x, int n);
    void (*e4m3_round)(float *y, const float *x, float scale, int n);
    void (*amax_columns)(float *amax, const float *x, int n);
    void (*e4m3_columns)(float *y, const float *x, const float *scale, int n);
} VecSet;

// The last two exist on x86-64 only.
extern const VecSet vec_portable, vec_avx2, vec_avx512;
const VecSet *vec_set(void); // of gemm_set()

#ifdef __cplusplus
}
#endif
#endif
