// rollout/drawweight.c -- exp in double, eight lanes; one source, three instruction sets.
#include "rollout/drawweight.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { LANES = 8 };
typedef float F8 __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t I8 __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef double D8 __attribute__((vector_size(LANES * sizeof(double))));
typedef uint64_t L8 __attribute__((vector_size(LANES * sizeof(uint64_t))));

#pragma GCC diagnostic ignored "-Wpsabi" // vectors never cross a call: all of this is inlined
#define INLINE static inline __attribute__((always_inline))

INLINE F8 load(const float *p, int n) { // n < LANES: the others are -inf
    F8 x = {0};
    if (n < LANES) {
        for (int i = 0; i < LANES; i++) x[i] = i < n ? p[i] : -INFINITY;
        return x;
    }
    memcpy(&x, p, sizeof x);
    return x;
}

INLINE L8 weight_of(D8 x) {
    const D8 zero = {0}, magic = zero + 0x1.8p52, whole = zero + 0x1p52, one = zero + 1;
    const D8 t = x * 1.4426950408889634, m = t + magic, n = m - magic;
    const D8 y = (t - n) * 0.6931471805599453, y2 = y * y, y4 = y2 * y2;
    const D8 low = (1 + y) + y2 * (1.0 / 2 + y * (1.0 / 6));
    const D8 high = (1.0 / 24 + y * (1.0 / 120)) + y2 * (1.0 / 720 + y * (1.0 / 5040));
    const D8 e = (low + y4 * high) + y4 * y4 * (1.0 / 40320);
    const L8 power = (L8)m - (L8)magic; // of two, as an integer
    const D8 scaled = e * (D8)((power + (WEIGHT_BITS + 1023)) << 52) + 0.5;
    D8 floor = (scaled + whole) - whole;
    floor -= (D8)((L8)(floor > scaled) & (L8)one);
    return ((L8)(floor + whole) - (L8)whole) & (L8)(x > (double)WEIGHT_FLOOR);
}

// Each lane keeps its largest and where that stood first; the first of the largest wins.
INLINE int32_t best_body(const float *logits, int n) {
    F8 top = load(logits, n);
    I8 odd = top != top, at = {0};
    for (int i = LANES; i < n; i += LANES) {
        const F8 x = load(logits + i, n - i);
        const I8 more = x > top;
        odd |= x != x;
        top = (F8)((more & (I8)x) | (~more & (I8)top));
        at = (more & i) | (~more & at);
    }
    int best = 0;
    bool nan = false;
    for (int i = 0; i < LANES; i++) {
        nan |= odd[i] != 0;
        if (top[i] > top[best] || (top[i] == top[best] && at[i] + i < at[best] + best)) best = i;
    }
    return nan ? -1 : at[best] + best;
}

INLINE uint64_t fill_body(const float *logits, int n, float scale, float top, uint64_t *weight) {
    L8 sum = {0};
    for (int i = 0; i < n; i += LANES) {
        const F8 z = load(logits + i, n - i) * scale;
        const L8 w = weight_of(__builtin_convertvector(z, D8) - (double)top);
        sum += w;
        if (n - i < LANES) // apart: a copy of any length is a slow instruction
            memcpy(weight + i, &w, sizeof *weight * (size_t)(n - i));
        else
            memcpy(weight + i, &w, sizeof w);
    }
    uint64_t total = 0;
    for (int i = 0; i < LANES; i++) total += sum[i];
    return total;
}

INLINE int32_t walk_body(const uint64_t *weight, int n, uint64_t target) {
    enum { BLOCK = 8 * LANES };
    int i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        L8 sum = {0};
        for (int j = 0; j < BLOCK; j += LANES) {
            L8 w;
            memcpy(&w, weight + i + j, sizeof w);
            sum += w;
        }
        uint64_t all = 0;
        for (int j = 0; j < LANES; j++) all += sum[j];
        if (target < all) break;
        target -= all;
    }
    for (; i < n; i++) {
        if (target < weight[i]) return i;
        target -= weight[i];
    }
    return -1;
}

#if defined(__x86_64__)
#define CLONES(type, name, params, args)                                                           \
    __attribute__((target("avx512f,avx512dq"), noinline)) static type name##_512 params {          \
        return name##_body args;                                                                   \
    }                                                                                              \
    __attribute__((target("avx2"), noinline)) static type name##_256 params {                      \
        return name##_body args;                                                                   \
    }                                                                                              \
    type drawweight_##name params {                                                                \
        if (__builtin_cpu_supports("avx512dq")) return name##_512 args;                            \
        if (__builtin_cpu_supports("avx2")) return name##_256 args;                                \
        return name##_body args;                                                                   \
    }
#else
#define CLONES(type, name, params, args)                                                           \
    type drawweight_##name params {                                                                \
        return name##_body args;                                                                   \
    }
#endif

CLONES(int32_t, best, (const float *logits, int n), (logits, n))
CLONES(uint64_t, fill, (const float *logits, int n, float scale, float top, uint64_t *weight),
       (logits, n, scale, top, weight))
CLONES(int32_t, walk, (const uint64_t *weight, int n, uint64_t target), (weight, n, target))
