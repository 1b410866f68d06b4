// policy/cpu/gemm_tiles512.h -- the tiles of gemm_kernel.h for AVX-512: 8 rows by a vector of 16.
//
// Included by gemm_avx512.c and gemm_avx512bf16.c inside their ISA_TARGET, after they named UNITS,
// vec_unit and vec_chain (gemm_kernel.h).
#ifdef UNITS

#define VEC __m512
enum { VEC_LANES = 16, TILE_M = ROWS_A_TILE, WIDE_M = 4, TILE_V = 2 };

INLINE VEC vec_zero(void) {
    return _mm512_setzero_ps();
}
INLINE VEC vec_load(const float *p) {
    return _mm512_loadu_ps(p);
}
INLINE void vec_store(float *p, VEC v) {
    _mm512_storeu_ps(p, v);
}
INLINE VEC vec_splat(const float *p) {
    return _mm512_set1_ps(*p);
}
INLINE VEC vec_fma(VEC a, VEC b, VEC c) {
    return _mm512_fmadd_ps(a, b, c);
}
INLINE VEC vec_add(VEC a, VEC b) {
    return _mm512_add_ps(a, b);
}
INLINE VEC vec_mul(VEC a, VEC b) {
    return _mm512_mul_ps(a, b);
}
INLINE __mmask16 first(int n) {
    return n >= 16 ? (__mmask16)0xffff : n <= 0 ? (__mmask16)0 : (__mmask16)((1u << n) - 1);
}
INLINE VEC vec_load_n(const float *p, int n) {
    return _mm512_maskz_loadu_ps(first(n), p);
}
INLINE void vec_store_n(float *p, VEC v, int n) {
    _mm512_mask_storeu_ps(p, first(n), v);
}

#include "policy/cpu/gemm_kernel.h"

TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
#if ROWS_A_TILE > 4
TILE(5, 1)
TILE(6, 1)
TILE(7, 1)
TILE(8, 1)
#endif
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)

static void run_tiles(const GemmJob *job) {
    static TileFns fn = {
        {TILE_FN(1, 1), TILE_FN(1, 2)},
        {TILE_FN(2, 1), TILE_FN(2, 2)},
        {TILE_FN(3, 1), TILE_FN(3, 2)},
        {TILE_FN(4, 1), TILE_FN(4, 2)},
#if ROWS_A_TILE > 4
        {TILE_FN(5, 1)},
        {TILE_FN(6, 1)},
        {TILE_FN(7, 1)},
        {TILE_FN(8, 1)},
#endif
    };
    run_panels(job, fn);
}

#endif
