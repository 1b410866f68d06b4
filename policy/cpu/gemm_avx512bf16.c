// policy/cpu/gemm_avx512bf16.c -- the AVX512-BF16 row: a step of a chain is two, by VDPBF16PS.
//
// VDPBF16PS adds the product of the high halves, then that of the low ones, each with its own
// rounding (gemm_prove tries it before it is trusted): two steps of one chain, where both halves
// come from the same chain. So the units of a block of 32 are, by turns, of the even and of the odd
// chain: (2, 0) (3, 1) (6, 4) (7, 5) .. in rows of A, all even ones and then all odd ones in B.
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "policy/cpu/isa.h"

ISA_TARGET(ISA_AVX512BF16)

#define UNITS (K_BLOCK / 2)
#define ROWS_A_TILE 4
// The broadcast of integers is a load and no more; that of floats would also take a pipe (Zen 4: a
// quarter of the rate).
typedef int32_t NetUnit __attribute__((may_alias));
#define vec_unit(p) _mm512_castsi512_ps(_mm512_set1_epi32(*(const NetUnit *)(p)))
#define vec_chain(a, b, c) _mm512_dpbf16_ps(c, (__m512bh)(a), (__m512bh)(b))
#undef UNROLL_STEPS
#define UNROLL_STEPS UNROLL // four rows have few addresses to spill
#include "policy/cpu/gemm_tiles512.h"

#define HIGH_OF(u) ((u) / 2 * 4 + (u) % 2)
#define LOW_OF(u) (HIGH_OF(u) + 2)
// As bf16_round of quant.h: the instruction rounds to nearest even, keeps a NaN and takes a
// denormal for zero, whatever the thread's control register says.
INLINE __m512i pairs_of(__m512 low, __m512 high) {
    static const uint16_t order[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                       21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                       11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_loadu_si512(order),
                                    (__m512i)_mm512_cvtne2ps_pbh(high, low));
}
#include "policy/cpu/gemm_codes.h"

static void multiply(const GemmJob *job) {
    GemmJob units = *job;
    units.k = up(job->k, K_BLOCK) / 2; // zeros beyond K
    units.a = (const float *)(const void *)job->a16;
    units.a_row = job->a16_row / 2;
    units.a_tile = units.a_row * TILE_M;
    units.a_step = 1;
    units.b = (const float *)(const void *)job->b16;
    run_tiles(&units);
}

static void round16(uint16_t *to, const float *x, int n) {
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(4, 5, 0, 1, 6, 7, 2, 3, 12, 13, 8, 9, 14, 15, 10, 11));
    for (int i = 0; i < n; i += K_BLOCK, to += K_BLOCK) {
        const __m512 low = _mm512_maskz_loadu_ps(first(n - i), x + i);
        const __m512 high = _mm512_maskz_loadu_ps(first(n - i - 16), x + i + 16);
        const __m512i codes = (__m512i)_mm512_cvtne2ps_pbh(high, low);
        _mm512_storeu_si512(to, _mm512_shuffle_epi8(codes, order));
    }
}

static void pack16(uint16_t *to, const float *const row[K_BLOCK], int cols) {
    for (int odd = 0; odd < 2; odd++)
        for (int u = odd; u < UNITS; u += 2)
            for (int n = 0; n < GEMM_PANEL; n += VEC_LANES, to += 2 * VEC_LANES)
                _mm512_storeu_si512(to, pairs_of(vec_load_n(row[LOW_OF(u)] + n, cols - n),
                                                 vec_load_n(row[HIGH_OF(u)] + n, cols - n)));
}

ISA_END

const GemmKernel gemm_avx512bf16 = {.tile_m = TILE_M,
                                    .multiply = multiply,
                                    .round16 = round16,
                                    .pack16 = pack16,
                                    .transpose16 = transpose16};
#endif
