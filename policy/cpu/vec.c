// policy/cpu/vec.c -- sends the vector primitives to the row that gemm_select chose.
#include "policy/cpu/vec.h"

#include "policy/cpu/gemm.h"
#include "policy/cpu/vec_row.h"

const VecRow *vec_row(void) {
    switch (gemm_row()) {
#if defined(__x86_64__)
    case GEMM_AMX:
    case GEMM_AVX512BF16:
    case GEMM_AVX512: return &vec_avx512;
    case GEMM_AVX2: return &vec_avx2;
#endif
    default: return &vec_portable;
    }
}

float vec_amax(const float *x, int n) {
    return vec_row()->amax(x, n);
}
void vec_amax_columns(float *amax, const float *x, int n) {
    vec_row()->amax_columns(amax, x, n);
}
void vec_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n) {
    vec_row()->adamw(w, m, v, g, step, n);
}
