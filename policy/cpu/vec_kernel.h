// policy/cpu/vec_kernel.h -- the vector primitives, written once for vectors of VEC_BYTES.
//
// Included by vec_portable.c, vec_avx2.c and vec_avx512.c (inside their target), each of which
// names VEC_BYTES, VEC_ROW and vec_sqrt(v). Only IEEE operations on GCC vectors, so that the bits
// are the same.
#ifdef VEC_ROW

#include <string.h>

#include "policy/cpu/vec_row.h"

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
INLINE F two_to(I n) {
    return (F)((U)(n + 127) << 23);
}

// Coefficients: minimax on [-ln2/2, ln2/2] (Cephes, S. Moshier); x = n ln2 + r, ln2 in two parts
// of which the first has so few bits that n times it is exact.
INLINE F exp_of(F x) {
    const F low = all(-87.33654f), high = all(88.72284f);
    const I under = x<low, over = x> high;
    F z = pick(under, low, pick(over, high, x));
    const F t = z * 1.44269504f + 12582912.0f;
    const F whole = t - 12582912.0f;
    const I n = (I)t - 0x4b400000;
    F r = z - whole * 0.693359375f;
    r = r - whole * -2.12194440e-4f;
    F p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    const I half = n >> 1;
    p = p * two_to(half) * two_to(n - half);
    return pick(under, all(0.0f), pick(over, all(__builtin_inff()), p));
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)); coefficients as above.
INLINE F log_of(F x) {
    const I bits = (I)x;
    I e = (bits >> 23) - 126;
    F m = (F)((bits & 0x007fffff) | 0x3f000000);
    const I low = m < 0.707106781186547524f;
    e = e + low;
    m = m + pick(low, m, all(0.0f)) - 1.0f;
    const F z = m * m;
    F p = m * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    p = p * m * z;
    const F k = __builtin_convertvector(e, F);
    p = p + k * -2.12194440e-4f;
    p = p - z * 0.5f;
    p = m + p + k * 0.693359375f;
    p = pick((bits & 0x7fffffff) < 0x00800000, all(-__builtin_inff()), p);
    p = pick((bits < 0) & ((bits & 0x7fffffff) >= 0x00800000), all(__builtin_nanf("")), p);
    return pick(bits >= 0x7f800000, x, p); // inf and NaN
}

INLINE F sigmoid_of(F x) {
    return 1.0f / (1.0f + exp_of(-x));
}

// A function over arrays: the body sees a, b, c (vectors of the inputs named) and ends in `y`.
#define EACH(loads, tails, ...)                                                                    \
    int i = 0;                                                                                     \
    for (; i + LANES <= n; i += LANES) {                                                           \
        loads;                                                                                     \
        store(y + i, __VA_ARGS__);                                                                 \
    }                                                                                              \
    if (i < n) {                                                                                   \
        tails;                                                                                     \
        store_n(y + i, __VA_ARGS__, n - i);                                                        \
    }
#define EACH_X(...) EACH(F a = load(x + i), F a = load_n(x + i, n - i), __VA_ARGS__)
#define EACH_YX(...)                                                                               \
    EACH(F a = load(x + i); F o = load(y + i), F a = load_n(x + i, n - i);                         \
         F o = load_n(y + i, n - i), __VA_ARGS__)
#define EACH_PQ(...)                                                                               \
    EACH(F a = load(p + i); F b = load(q + i), F a = load_n(p + i, n - i);                         \
         F b = load_n(q + i, n - i), __VA_ARGS__)
#define EACH_YPQ(...)                                                                              \
    EACH(F a = load(p + i); F b = load(q + i); F o = load(y + i), F a = load_n(p + i, n - i);      \
         F b = load_n(q + i, n - i); F o = load_n(y + i, n - i), __VA_ARGS__)

static void row_exp(float *y, const float *x, int n) {
    EACH_X(exp_of(a))
}
static void row_log(float *y, const float *x, int n) {
    EACH_X(log_of(a))
}
static void row_sigmoid(float *y, const float *x, int n) {
    EACH_X(sigmoid_of(a))
}
static void row_scale(float *y, const float *x, float s, int n) {
    EACH_X(a * s)
}
static void row_affine(float *y, float s, const float *x, float t, int n) {
    EACH_X(a * s + t)
}
static void row_axpy(float *y, float s, const float *x, int n) {
    EACH_YX(o + a * s)
}
static void row_add(float *y, const float *p, const float *q, int n) {
    EACH_PQ(a + b)
}
static void row_mul(float *y, const float *p, const float *q, int n) {
    EACH_PQ(a * b)
}
static void row_mul_add(float *y, const float *p, const float *q, int n) {
    EACH_YPQ(o + a * b)
}
static void row_scale_mul(float *y, float s, const float *p, const float *q, int n) {
    EACH_PQ((a * s) * b)
}
static void row_scale_mul_add(float *y, float s, const float *p, const float *q, int n) {
    EACH_YPQ(o + (a * s) * b)
}
static void row_silu_mul(float *y, const float *p, const float *q, int n) {
    EACH_PQ((a * sigmoid_of(a)) * b)
}

static void row_silu_mul_grad(float *dgate, float *dup, const float *dy, const float *gate,
                              const float *up, int n) {
    for (int i = 0; i < n; i += LANES) {
        const int left = n - i;
        const F d = left >= LANES ? load(dy + i) : load_n(dy + i, left);
        const F g = left >= LANES ? load(gate + i) : load_n(gate + i, left);
        const F u = left >= LANES ? load(up + i) : load_n(up + i, left);
        const F s = sigmoid_of(g), gs = g * s;
        const F dg = (d * u) * (s + gs * (1.0f - s)), du = d * gs;
        if (left >= LANES) {
            store(dgate + i, dg);
            store(dup + i, du);
        } else {
            store_n(dgate + i, dg, left);
            store_n(dup + i, du, left);
        }
    }
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
#define PLUS(a, b) ((a) + (b))
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

// `value` at (p, n left); n left < LANES may be 0 or negative, and then load_n gives zeros.
#define SUM_LANES(full, tail)                                                                      \
    F s[PARTS];                                                                                    \
    for (int j = 0; j < PARTS; j++) s[j] = all(0.0f);                                              \
    int i = 0;                                                                                     \
    for (; i + FOLD <= n; i += FOLD) {                                                             \
        for (int j = 0, at = i; j < PARTS; j++, at += LANES) s[j] = s[j] + (full);                 \
    }                                                                                              \
    if (i < n) {                                                                                   \
        for (int j = 0, at = i; j < PARTS; j++, at += LANES) {                                     \
            const int left = n - at > LANES ? LANES : n - at;                                      \
            s[j] = s[j] + (tail);                                                                  \
        }                                                                                          \
    }                                                                                              \
    FOLD_LANES(PLUS)

INLINE F square(F x) {
    return x * x;
}
static float row_sum(const float *x, int n) {
    SUM_LANES(load(x + at), load_n(x + at, left))
}
static float row_sumsq(const float *x, int n) {
    SUM_LANES(square(load(x + at)), square(load_n(x + at, left)))
}
static float row_dot(const float *a, const float *b, int n) {
    SUM_LANES(load(a + at) * load(b + at), load_n(a + at, left) * load_n(b + at, left))
}
static float row_dot3(const float *a, const float *b, const float *c, int n){
    SUM_LANES((load(a + at) * load(b + at)) * load(c + at),
              (load_n(a + at, left) * load_n(b + at, left)) * load_n(c + at, left))}

INLINE F exp_store(float *y, F x, int at) {
    const F e = exp_of(x);
    if (y) store(y + at, e);
    return e;
}
INLINE F exp_store_n(float *y, F x, int at, int left) {
    float t[LANES];
    store(t, exp_of(x));
    if (y) store_n(y + at, load(t), left);
    return load_n(t, left);
}
static float row_exp_sum(float *y, const float *x, float shift,
                         int n){SUM_LANES(exp_store(y, load(x + at) - shift, at),
                                          exp_store_n(y, load_n(x + at, left) - shift, at, left))}

INLINE F abs_of(F x) {
    return (F)((I)x & 0x7fffffff);
}
INLINE F larger(F a, F b) {
    return pick(a > b, a, b);
}
static float row_max(const float *x, int n) {
    F s[PARTS];
    for (int j = 0; j < PARTS; j++) s[j] = all(-__builtin_inff());
    int i = 0;
    for (; i + FOLD <= n; i += FOLD)
        for (int j = 0; j < PARTS; j++) s[j] = larger(load(x + i + j * LANES), s[j]);
    float rest = -__builtin_inff();
    for (; i < n; i++) rest = LARGER(x[i], rest);
    s[0] = larger(all(rest), s[0]);
    FOLD_LANES(LARGER)
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
    return pick((I)a > 0x7f800000, nan, pick((I)a < 0x00800000, (F)(u & 0x80000000u), near));
}
INLINE F e4m3_of(F x) {
    const U u = (U)x, a = u & 0x7fffffffu, sign = u & 0x80000000u;
    const F small = ((F)a + 16384.0f) - 16384.0f;
    const F near = (F)((a + 0x7ffffu + ((a >> 20) & 1u)) & 0xfff00000u);
    const F kept = pick((I)near > 0x43e00000, all(448.0f), near);
    const F r = pick((I)a < 0x3c800000, small, kept);
    return pick((I)a > 0x7f800000, (F)(u | 0x00400000u), (F)((U)r | sign));
}
static void row_bf16_round(float *y, const float *x, int n) {
    EACH_X(bf16_of(a))
}
static void row_e4m3_round(float *y, const float *x, float scale, int n) {
    EACH_X(e4m3_of(a / scale))
}

const VecRow VEC_ROW = {
    row_exp,           row_log,     row_sigmoid,   row_add,           row_mul,        row_scale,
    row_axpy,          row_mul_add, row_scale_mul, row_scale_mul_add, row_affine,     row_silu_mul,
    row_silu_mul_grad, row_sum,     row_dot,       row_dot3,          row_sumsq,      row_max,
    row_amax,          row_exp_sum, row_adamw,     row_bf16_round,    row_e4m3_round,
};
#endif
