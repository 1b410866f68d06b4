// policy/cpu/lanes.h -- 16 virtual lanes, the same bits on every instruction set.
//
// Private to policy/cpu. A V16 is sixteen floats; the compiler makes one, two or four registers of
// it. No fma and no libm here: only additions, multiplications and comparisons, which IEEE fixes,
// so the instruction set changes the speed alone. LANES_FN compiles a body three times and chooses
// by gemm_set().
#ifndef POLICY_CPU_LANES_H
#define POLICY_CPU_LANES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "policy/cpu/gemm.h"

#pragma GCC diagnostic ignored "-Wpsabi" // vectors never cross a call: all of this is inlined

#define LANE_INLINE static inline __attribute__((always_inline))

typedef float V16 __attribute__((vector_size(64)));
typedef int32_t I16 __attribute__((vector_size(64)));
typedef float V8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));
typedef float V16Loose __attribute__((vector_size(64), aligned(4), may_alias));

enum { LANES = 16 };

LANE_INLINE V16 v16_load(const float *p) {
    return *(const V16Loose *)p;
}
LANE_INLINE void v16_store(float *p, V16 x) {
    *(V16Loose *)p = x;
}
LANE_INLINE V16 v16_set(float x) {
    return (V16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
// The first n < 16 values, the rest `pad`.
LANE_INLINE V16 v16_load_n(const float *p, int n, float pad) {
    V16 x = v16_set(pad);
    memcpy(&x, p, (size_t)n * sizeof(float));
    return x;
}
LANE_INLINE void v16_store_n(float *p, V16 x, int n) {
    memcpy(p, &x, (size_t)n * sizeof(float));
}
LANE_INLINE V16 v16_pick(I16 mask, V16 yes, V16 no) {
    return (V16)((mask & (I16)yes) | (~mask & (I16)no));
}
// a < b, lane by lane: -1 or 0. By halves, because gcc compares 64 bytes one float at a time.
LANE_INLINE I16 v16_less(V16 a, V16 b) {
    const V8 a0 = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7),
             a1 = __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15),
             b0 = __builtin_shufflevector(b, b, 0, 1, 2, 3, 4, 5, 6, 7),
             b1 = __builtin_shufflevector(b, b, 8, 9, 10, 11, 12, 13, 14, 15);
    const I8 low = a0 < b0, high = a1 < b1;
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
// The same of small integers: their difference must not overflow.
LANE_INLINE I16 i16_less(I16 a, I16 b) {
    // cppcheck-suppress shiftTooManyBitsSigned
    return (a - b) >> 31;
}
LANE_INLINE I16 i16_set(int32_t x) {
    return (I16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
LANE_INLINE V16 v16_max(V16 a, V16 b) {
    return v16_pick(v16_less(b, a), a, b);
}
// The fixed fold: lane j with j + 8, then j + 4, j + 2, j + 1.
LANE_INLINE float v16_sum(V16 x) {
    x = x + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    x = x + __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    x = x + __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    x = x + __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    return x[0];
}
LANE_INLINE float v16_top(V16 x) {
    x = v16_max(
        x, __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    x = v16_max(
        x, __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
    x = v16_max(
        x, __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
    x = v16_max(
        x, __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
    return x[0];
}

// e^x, 0 below -87, x cut at 88; relative error below 2e-7. Cody-Waite reduction, the polynomial of
// the Cephes library.
LANE_INLINE V16 v16_exp(V16 x) {
    I16 small = v16_less(x, v16_set(-87.0f));
    x = v16_pick(v16_less(v16_set(88.0f), x), v16_set(88.0f), x);
    x = v16_pick(small, v16_set(-87.0f), x);
    V16 t = x * v16_set(1.44269504088896341f) + v16_set(12582912.0f); // 1.5 * 2^23: rounds
    V16 n = t - v16_set(12582912.0f);
    V16 r = x - n * v16_set(0.693359375f);
    r = r - n * v16_set(-2.12194440e-4f);
    V16 p = v16_set(1.9875691500e-4f);
    p = p * r + v16_set(1.3981999507e-3f);
    p = p * r + v16_set(8.3334519073e-3f);
    p = p * r + v16_set(4.1665795894e-2f);
    p = p * r + v16_set(1.6666665459e-1f);
    p = p * r + v16_set(5.0000001201e-1f);
    p = p * (r * r) + r + v16_set(1.0f);
    I16 e = (I16)t << 23; // the low bits of t are n
    return (V16)((I16)((V16)((I16)p + e)) & ~small);
}

// ln x for a normal x > 0; the polynomial of the Cephes library.
LANE_INLINE float lane_log(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    int32_t e = ((bits >> 23) & 255) - 126;
    bits = (bits & 0x7fffff) | 0x3f000000; // [0.5, 1)
    float m;
    memcpy(&m, &bits, 4);
    if (m < 0.707106781186547524f) {
        m = m + m;
        e--;
    }
    m = m - 1.0f;
    float z = m * m, fe = (float)e;
    float y = 7.0376836292e-2f;
    y = y * m - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    y = y * m * z;
    y = y + fe * -2.12194440e-4f;
    y = y - 0.5f * z;
    return m + y + fe * 0.693359375f;
}

#if defined(__x86_64__)
#define LANES_TARGET(set) __attribute__((target(set)))
#define LANES_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define LANES_AVX2 "avx2,fma"
#define LANES_FN(name, params, args)                                                               \
    LANES_TARGET(LANES_AVX512) static __attribute__((noinline)) void name##_avx512 params {        \
        name##_body args;                                                                          \
    }                                                                                              \
    LANES_TARGET(LANES_AVX2) static __attribute__((noinline)) void name##_avx2 params {            \
        name##_body args;                                                                          \
    }                                                                                              \
    static __attribute__((noinline)) void name##_portable params {                                 \
        name##_body args;                                                                          \
    }                                                                                              \
    void name params {                                                                             \
        switch (gemm_set()) {                                                                      \
        case GEMM_AMX:                                                                             \
        case GEMM_AVX512BF16:                                                                      \
        case GEMM_AVX512: name##_avx512 args; return;                                              \
        case GEMM_AVX2: name##_avx2 args; return;                                                  \
        case GEMM_PORTABLE:                                                                        \
        case GEMM_SETS: name##_portable args; return;                                              \
        }                                                                                          \
    }
#else
#define LANES_FN(name, params, args)                                                               \
    void name params {                                                                             \
        name##_body args;                                                                          \
    }
#endif

#endif
