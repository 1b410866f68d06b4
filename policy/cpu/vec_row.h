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
    float (*amax)(const float *x, int n);
    void (*adamw)(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n);
    void (*bf16_round)(float *y, const float *x, int n);
    void (*e4m3_round)(float *y, const float *x, float scale, int n);
    void (*amax_columns)(float *amax, const float *x, int n);
    void (*e4m3_columns)(float *y, const float *x, const float *scale, int n);
} VecRow;

// The last two exist on x86-64 only.
extern const VecRow vec_portable, vec_avx2, vec_avx512;
const VecRow *vec_row(void); // of gemm_row()

#ifdef __cplusplus
}
#endif
#endif
