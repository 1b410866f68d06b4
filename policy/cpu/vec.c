// policy/cpu/vec.c -- sends the vector primitives to the row that gemm_select chose.
#include "policy/cpu/vec.h"

#include "policy/cpu/gemm.h"
#include "policy/cpu/vec_row.h"

const VecRow *vec_row(void) {
    switch (gemm_row()) {
#if defined(__x86_64__)
    case GEMM_AMX:
    case GEMM_AVX512BF16:
    case GEMM_AVX512: return &vec_avx512;
    case GEMM_AVX2: return &vec_avx2;
#endif
    default: return &vec_portable;
    }
}

void vec_exp(float *y, const float *x, int n) {
    vec_row()->exp(y, x, n);
}
void vec_log(float *y, const float *x, int n) {
    vec_row()->log(y, x, n);
}
void vec_sigmoid(float *y, const float *x, int n) {
    vec_row()->sigmoid(y, x, n);
}
void vec_add(float *y, const float *a, const float *b, int n) {
    vec_row()->add(y, a, b, n);
}
void vec_mul(float *y, const float *a, const float *b, int n) {
    vec_row()->mul(y, a, b, n);
}
void vec_scale(float *y, const float *x, float s, int n) {
    vec_row()->scale(y, x, s, n);
}
void vec_axpy(float *y, float s, const float *x, int n) {
    vec_row()->axpy(y, s, x, n);
}
void vec_mul_add(float *y, const float *a, const float *b, int n) {
    vec_row()->mul_add(y, a, b, n);
}
void vec_scale_mul(float *y, float s, const float *a, const float *b, int n) {
    vec_row()->scale_mul(y, s, a, b, n);
}
void vec_scale_mul_add(float *y, float s, const float *a, const float *b, int n) {
    vec_row()->scale_mul_add(y, s, a, b, n);
}
void vec_affine(float *y, float s, const float *x, float t, int n) {
    vec_row()->affine(y, s, x, t, n);
}
void vec_silu_mul(float *y, const float *gate, const float *up, int n) {
    vec_row()->silu_mul(y, gate, up, n);
}
void vec_silu_mul_grad(float *dgate, float *dup, const float *dy, const float *gate,
                       const float *up, int n) {
    vec_row()->silu_mul_grad(dgate, dup, dy, gate, up, n);
}
float vec_sum(const float *x, int n) {
    return vec_row()->sum(x, n);
}
float vec_dot(const float *a, const float *b, int n) {
    return vec_row()->dot(a, b, n);
}
float vec_dot3(const float *a, const float *b, const float *c, int n) {
    return vec_row()->dot3(a, b, c, n);
}
float vec_sumsq(const float *x, int n) {
    return vec_row()->sumsq(x, n);
}
float vec_max(const float *x, int n) {
    return vec_row()->max(x, n);
}
float vec_amax(const float *x, int n) {
    return vec_row()->amax(x, n);
}
float vec_exp_sum(float *y, const float *x, float shift, int n) {
    return vec_row()->exp_sum(y, x, shift, n);
}

float vec_softmax(float *y, const float *x, int n) {
    const VecRow *row = vec_row();
    const float max = row->max(x, n), sum = row->exp_sum(y, x, max, n);
    row->scale(y, y, 1.0f / sum, n);
    return max + vec_log1(sum);
}

float vec_exp1(float x) {
    vec_row()->exp(&x, &x, 1);
    return x;
}
float vec_log1(float x) {
    vec_row()->log(&x, &x, 1);
    return x;
}
float vec_sigmoid1(float x) {
    vec_row()->sigmoid(&x, &x, 1);
    return x;
}
float vec_sqrt1(float x) {
    return __builtin_sqrtf(x);
}

void vec_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n) {
    vec_row()->adamw(w, m, v, g, step, n);
}
