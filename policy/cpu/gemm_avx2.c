// policy/cpu/gemm_avx2.c -- the AVX2 set: tiles of 3 rows by 2 vectors of 8.
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "policy/cpu/isa.h"

ISA_TARGET(ISA_AVX2)

#define VEC __m256
enum { VEC_LANES = 8, UNITS = K_BLOCK, TILE_M = 3, WIDE_M = 3, TILE_V = 2 };

INLINE VEC vec_zero(void) {
    return _mm256_setzero_ps();
}
INLINE VEC vec_load(const float *p) {
    return _mm256_loadu_ps(p);
}
INLINE void vec_store(float *p, VEC v) {
    _mm256_storeu_ps(p, v);
}
INLINE VEC vec_splat(const float *p) {
    return _mm256_broadcast_ss(p);
}
INLINE VEC vec_fma(VEC a, VEC b, VEC c) {
    return _mm256_fmadd_ps(a, b, c);
}
INLINE VEC vec_add(VEC a, VEC b) {
    return _mm256_add_ps(a, b);
}
INLINE VEC vec_mul(VEC a, VEC b) {
    return _mm256_mul_ps(a, b);
}
INLINE __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE VEC vec_load_n(const float *p, int n) {
    return _mm256_maskload_ps(p, first(n));
}
INLINE void vec_store_n(float *p, VEC v, int n) {
    _mm256_maskstore_ps(p, first(n), v);
}

#define vec_unit(p) vec_splat(p)
#define vec_chain(a, b, c) vec_fma(a, b, c)
#include "policy/cpu/gemm_kernel.h"

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)

static void multiply(const GemmJob *job) {
    static TileFns fn = {{TILE_FN(1, 1), TILE_FN(1, 2)},
                         {TILE_FN(2, 1), TILE_FN(2, 2)},
                         {TILE_FN(3, 1), TILE_FN(3, 2)}};
    run_panels(job, fn);
}

ISA_END

const GemmKernel gemm_avx2 = {.tile_m = TILE_M, .multiply = multiply};
#endif
