// policy/cpu/vec_avx512.c -- the vector primitives in AVX-512.
#include <stdbool.h>
#include <stdint.h>

#include "policy/cpu/isa.h"
#include "policy/cpu/vec_set.h"

#if defined(__x86_64__)
#include <immintrin.h>

ISA_TARGET(ISA_AVX512)

#define vec_sqrt(v) ((F)_mm512_sqrt_ps((__m512)(v)))
#define VEC_BYTES 64
#define VEC_ROW vec_avx512
#include "policy/cpu/vec_kernel.h"

ISA_END
#endif
