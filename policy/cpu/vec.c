// policy/cpu/vec.c -- sends the vector primitives to the kernel set that gemm_select chose.
#include "policy/cpu/vec.h"

#include "policy/cpu/gemm.h"
#include "policy/cpu/vec_set.h"

const VecSet *vec_set(void) {
    switch (gemm_set()) {
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
    return vec_set()->amax(x, n);
}
void vec_amax_columns(float *amax, const float *x, int n) {
    vec_set()->amax_columns(amax, x, n);
}
void vec_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n) {
    vec_set()->adamw(w, m, v, g, step, n);
}
