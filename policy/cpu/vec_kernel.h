// policy/cpu/vec_kernel.h -- the vector primitives, written once for vectors of VEC_BYTES.
//
// Included by vec_portable.c, vec_avx2.c and vec_avx512.c (inside their target), each of which
// names VEC_BYTES, VEC_ROW and vec_sqrt(v). Only IEEE operations on GCC vectors, so that the bits
// are the same.
#ifdef VEC_ROW

#include <string.h>

#include "policy/cpu/vec_set.h"

typedef float F __attribute__((vector_size(VEC_BYTES)));
typedef int32_t I __attribute__((vector_size(VEC_BYTES)));
typedef uint32_t U __attribute__((vector_size(VEC_BYTES)));

enum { LANES = VEC_BYTES / 4, FOLD = 16, PARTS = FOLD / LANES };

INLINE F load(const float *p) {
    F v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, F v) {
    memcpy(p, &v, sizeof v);
}
INLINE F load_n(const float *p, int n) { // the first n < LANES; the rest is +0
    float t[LANES] = {0};
    for (int i = 0; i < n; i++) t[i] = p[i];
    return load(t);
}
INLINE void store_n(float *p, F v, int n) {
    float t[LANES];
    store(t, v);
    for (int i = 0; i < n; i++) p[i] = t[i];
}
INLINE F all(float x) {
    return x - (F){0};
} // x - 0 is x, also for -0
INLINE F pick(I mask, F yes, F no) {
    return (F)((mask & (I)yes) | (~mask & (I)no));
}
// a > b for integers of one sign, by subtraction: gcc compares 64 bytes one lane at a time.
INLINE I above(I a, I b) {
    // cppcheck-suppress shiftTooManyBitsSigned
    return (I)((U)b - (U)a) >> 31;
}
INLINE I all_bits(int32_t x) {
    return (I){0} + x;
}
static void row_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *s, int n) {
    const float shrink = s->rate * s->decay, keep1 = 1.0f - s->b1, keep2 = 1.0f - s->b2;
    for (int i = 0; i < n; i += LANES) {
        const int left = n - i;
        const bool full = left >= LANES;
        const F d = (full ? load(g + i) : load_n(g + i, left)) * s->clip;
        const F m1 = (full ? load(m + i) : load_n(m + i, left)) * s->b1 + d * keep1;
        const F v1 = (full ? load(v + i) : load_n(v + i, left)) * s->b2 + (d * d) * keep2;
        const F w0 = full ? load(w + i) : load_n(w + i, left);
        const F w1 = w0 - w0 * shrink - (m1 * s->c1) * s->rate / (vec_sqrt(v1 * s->c2) + s->eps);
        if (full) {
            store(w + i, w1), store(m + i, m1), store(v + i, v1);
        } else {
            store_n(w + i, w1, left), store_n(m + i, m1, left), store_n(v + i, v1, left);
        }
    }
}

// ---- reductions over 16 virtual lanes

#define FOLD_LANES(op)                                                                             \
    float t[FOLD];                                                                                 \
    for (int j = 0; j < PARTS; j++) store(t + j * LANES, s[j]);                                    \
    for (int half = FOLD / 2; half > 0; half /= 2)                                                 \
        for (int j = 0; j < half; j++) t[j] = op(t[j], t[j + half]);                               \
    return t[0];
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

INLINE F abs_of(F x) {
    return (F)((I)x & 0x7fffffff);
}
// Of magnitudes, whose bits are in their order; a NaN in a is passed over.
INLINE F larger(F a, F b) {
    return pick(above((I)a, (I)b) & ~above((I)a, all_bits(0x7f800000)), a, b);
}
static float row_amax(const float *x, int n) {
    F s[PARTS];
    for (int j = 0; j < PARTS; j++) s[j] = all(0.0f);
    int i = 0;
    for (; i + FOLD <= n; i += FOLD)
        for (int j = 0; j < PARTS; j++) s[j] = larger(abs_of(load(x + i + j * LANES)), s[j]);
    for (; i < n; i++) s[0] = larger(abs_of(all(x[i])), s[0]);
    FOLD_LANES(LARGER)
}

// ---- rounding (quant.h says what; the scalar functions there are the same arithmetic)

INLINE F bf16_of(F x) {
    const U u = (U)x, a = u & 0x7fffffffu;
    const F near = (F)((u + 0x7fffu + ((u >> 16) & 1u)) & 0xffff0000u);
    const F nan = (F)((u | 0x00400000u) & 0xffff0000u);
    return pick(above((I)a, all_bits(0x7f800000)), nan,
                pick(above(all_bits(0x00800000), (I)a), (F)(u & 0x80000000u), near));
}
INLINE F e4m3_of(F x) {
    const U u = (U)x, a = u & 0x7fffffffu, sign = u & 0x80000000u;
    const F small = ((F)a + 16384.0f) - 16384.0f;
    const F near = (F)((a + 0x7ffffu + ((a >> 20) & 1u)) & 0xfff00000u);
    const F kept = pick(above((I)near, all_bits(0x43e00000)), all(448.0f), near);
    const F r = pick(above(all_bits(0x3c800000), (I)a), small, kept);
    return pick(above((I)a, all_bits(0x7f800000)), (F)(u | 0x00400000u), (F)((U)r | sign));
}
#define EACH_X(...)                                                                                \
    int i = 0;                                                                                     \
    for (; i + LANES <= n; i += LANES) {                                                           \
        const F a = load(x + i);                                                                   \
        store(y + i, __VA_ARGS__);                                                                 \
    }                                                                                              \
    if (i < n) {                                                                                   \
        const F a = load_n(x + i, n - i);                                                          \
        store_n(y + i, __VA_ARGS__, n - i);                                                        \
    }
static void row_bf16_round(float *y, const float *x, int n) {
    EACH_X(bf16_of(a))
}
static void row_e4m3_round(float *y, const float *x, float scale, int n) {
    EACH_X(e4m3_of(a / scale))
}

// ---- a row of a matrix whose columns have a scale each

static void row_amax_columns(float *y, const float *x, int n) {
    EACH_X(larger(abs_of(a), i + LANES <= n ? load(y + i) : load_n(y + i, n - i)))
}
static void row_e4m3_columns(float *y, const float *x, const float *scale, int n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) store(y + i, e4m3_of(load(x + i) / load(scale + i)));
    for (; i < n; i++) store_n(y + i, e4m3_of(all(x[i]) / all(scale[i])), 1);
}

const VecSet VEC_ROW = {row_amax,       row_adamw,        row_bf16_round,
                        row_e4m3_round, row_amax_columns, row_e4m3_columns};
#endif
