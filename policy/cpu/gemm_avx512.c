// policy/cpu/gemm_avx512.c -- the AVX-512 set: a step of a chain is one fma.
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "policy/cpu/isa.h"

ISA_TARGET(ISA_AVX512)

#define UNITS K_BLOCK
#define ROWS_A_TILE 8
#define vec_unit(p) vec_splat(p)
#define vec_chain(a, b, c) vec_fma(a, b, c)
#include "policy/cpu/gemm_tiles512.h"

ISA_END

const GemmKernel gemm_avx512 = {.tile_m = TILE_M, .multiply = run_tiles};
#endif
