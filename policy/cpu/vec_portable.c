// policy/cpu/vec_portable.c -- the vector primitives on any machine (SSE2 on x86-64).
#include <stdbool.h>
#include <stdint.h>

#include "policy/cpu/isa.h"
#include "policy/cpu/vec_set.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#define vec_sqrt(v) ((F)_mm_sqrt_ps((__m128)(v)))
#else
#define vec_sqrt(v)                                                                                \
    ((F){__builtin_sqrtf((v)[0]), __builtin_sqrtf((v)[1]), __builtin_sqrtf((v)[2]),                \
         __builtin_sqrtf((v)[3])})
#endif

#define VEC_BYTES 16
#define VEC_ROW vec_portable
#include "policy/cpu/vec_kernel.h"
