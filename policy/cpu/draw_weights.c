// policy/cpu/draw_weights.c -- integer weights of a row: exp in double, eight values at a time.
#include "policy/cpu/draw_weights.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "policy/cpu/lanes.h"

enum { WIDTH = 8 };
typedef float F8 __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int32_t I8 __attribute__((vector_size(WIDTH * sizeof(int32_t))));
typedef double D8 __attribute__((vector_size(WIDTH * sizeof(double))));
typedef uint64_t L8 __attribute__((vector_size(WIDTH * sizeof(uint64_t))));

#pragma GCC diagnostic ignored "-Wpsabi" // vectors never cross a call: all of this is inlined

LANE_INLINE F8 load(const float *p, int n) { // n < WIDTH: the others are -inf
    F8 x = {0};
    if (n < WIDTH) {
        for (int i = 0; i < WIDTH; i++) x[i] = i < n ? p[i] : -INFINITY;
        return x;
    }
    memcpy(&x, p, sizeof x);
    return x;
}

LANE_INLINE L8 weight_of(D8 x) {
    const D8 zero = {0}, magic = zero + 0x1.8p52, whole = zero + 0x1p52, one = zero + 1;
    const D8 t = x * 1.4426950408889634, m = t + magic, n = m - magic;
    const D8 y = (t - n) * 0.6931471805599453, y2 = y * y, y4 = y2 * y2;
    const D8 low = (1 + y) + y2 * (1.0 / 2 + y * (1.0 / 6));
    const D8 high = (1.0 / 24 + y * (1.0 / 120)) + y2 * (1.0 / 720 + y * (1.0 / 5040));
    const D8 e = (low + y4 * high) + y4 * y4 * (1.0 / 40320);
    const L8 power = (L8)m - (L8)magic; // of two, as an integer
    const D8 scaled = e * (D8)((power + (DRAW_BITS + 1023)) << 52) + 0.5;
    D8 floor = (scaled + whole) - whole;
    floor -= (D8)((L8)(floor > scaled) & (L8)one);
    return ((L8)(floor + whole) - (L8)whole) & (L8)(x > (double)DRAW_LOWEST);
}

// Each lane keeps its largest and the first place of that; the first of the largest wins.
LANE_INLINE void draw_best_body(const float *logits, int n, int32_t *first) {
    F8 top = load(logits, n);
    I8 odd = top != top, at = {0};
    for (int i = WIDTH; i < n; i += WIDTH) {
        const F8 x = load(logits + i, n - i);
        const I8 more = x > top;
        odd |= x != x;
        top = (F8)((more & (I8)x) | (~more & (I8)top));
        at = (more & i) | (~more & at);
    }
    int best = 0;
    bool nan = false;
    for (int i = 0; i < WIDTH; i++) {
        nan |= odd[i] != 0;
        if (top[i] > top[best] || (top[i] == top[best] && at[i] + i < at[best] + best)) best = i;
    }
    *first = nan ? -1 : at[best] + best;
}

LANE_INLINE void draw_weights_body(const float *logits, int n, float scale, float top,
                                   uint64_t *weight, uint64_t *total) {
    L8 sum = {0};
    for (int i = 0; i < n; i += WIDTH) {
        const F8 z = load(logits + i, n - i) * scale;
        const L8 w = weight_of(__builtin_convertvector(z, D8) - (double)top);
        sum += w;
        if (n - i < WIDTH) // apart: a copy of any length is a slow instruction
            memcpy(weight + i, &w, sizeof *weight * (size_t)(n - i));
        else
            memcpy(weight + i, &w, sizeof w);
    }
    *total = 0;
    for (int i = 0; i < WIDTH; i++) *total += sum[i];
}

LANE_INLINE void draw_walk_body(const uint64_t *weight, int n, uint64_t target, int32_t *drawn) {
    enum { BLOCK = 8 * WIDTH };
    int i = 0;
    for (; i + BLOCK <= n; i += BLOCK) {
        L8 sum = {0};
        for (int j = 0; j < BLOCK; j += WIDTH) {
            L8 w;
            memcpy(&w, weight + i + j, sizeof w);
            sum += w;
        }
        uint64_t all = 0;
        for (int j = 0; j < WIDTH; j++) all += sum[j];
        if (target < all) break;
        target -= all;
    }
    while (i < n && target >= weight[i]) target -= weight[i++];
    *drawn = i < n ? i : -1;
}

LANES_FN(draw_best, (const float *logits, int n, int32_t *best), (logits, n, best))
LANES_FN(draw_weights,
         (const float *logits, int n, float scale, float top, uint64_t *weight, uint64_t *sum),
         (logits, n, scale, top, weight, sum))
LANES_FN(draw_walk, (const uint64_t *weight, int n, uint64_t target, int32_t *drawn),
         (weight, n, target, drawn))
