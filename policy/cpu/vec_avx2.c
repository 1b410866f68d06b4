// policy/cpu/vec_avx2.c -- the vector primitives in AVX2.
#include <stdbool.h>
#include <stdint.h>

#include "policy/cpu/isa.h"
#include "policy/cpu/vec_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

ISA_TARGET(ISA_AVX2)

#define vec_sqrt(v) ((F)_mm256_sqrt_ps((__m256)(v)))
#define VEC_BYTES 32
#define VEC_ROW vec_avx2
#include "policy/cpu/vec_kernel.h"

ISA_END
#endif
