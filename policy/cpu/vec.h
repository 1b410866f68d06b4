// policy/cpu/vec.h -- vector primitives: the loops of every op that is not a matrix product.
//
// Private to policy/ (floor 2). Runs on the instruction set that gemm_select chose, and gives the
// same bits on all of them: IEEE add, mul, div and sqrt only, no fma, no libm.
//   sums     16 virtual lanes: lane i adds x[i], x[i+16], .. in order (a ragged end adds +0 to the
//            other lanes), then lanes fold 8+8, 4+4, 2+2, 1+1. The order depends on n alone.
//   exp      below -87.33 gives +0, above 88.72 +inf; at most 1.5 ulp off elsewhere
//   log      0 and denormals give -inf, negative gives NaN; at most 1.5 ulp off elsewhere
// NaN in gives NaN out (except vec_max and vec_amax, which may skip it). n may be 0. y may be x
// (the same pointer), but arrays never overlap otherwise. No alignment is needed.
#ifndef POLICY_CPU_VEC_H
#define POLICY_CPU_VEC_H

#ifdef __cplusplus
extern "C" {
#endif

// ---- element by element
void vec_exp(float *y, const float *x, int n);
void vec_log(float *y, const float *x, int n);
void vec_sigmoid(float *y, const float *x, int n); // 1 / (1 + exp(-x))
void vec_add(float *y, const float *a, const float *b, int n);
void vec_mul(float *y, const float *a, const float *b, int n);
void vec_scale(float *y, const float *x, float s, int n);                         // y = s x
void vec_axpy(float *y, float s, const float *x, int n);                          // y += s x
void vec_mul_add(float *y, const float *a, const float *b, int n);                // y += a b
void vec_scale_mul(float *y, float s, const float *a, const float *b, int n);     // y = (s a) b
void vec_scale_mul_add(float *y, float s, const float *a, const float *b, int n); // y += (s a) b
void vec_affine(float *y, float s, const float *x, float t, int n);               // y = s x + t

// y = silu(gate) * up, silu(x) = x * sigmoid(x).
void vec_silu_mul(float *y, const float *gate, const float *up, int n);
// dgate = dy up (s + g s (1 - s)), dup = dy g s, s = sigmoid(g). dgate may be gate, dup may be up.
void vec_silu_mul_grad(float *dgate, float *dup, const float *dy, const float *gate,
                       const float *up, int n);

// ---- to one number
float vec_sum(const float *x, int n);
float vec_dot(const float *a, const float *b, int n);
float vec_dot3(const float *a, const float *b, const float *c, int n); // sum (a b) c
float vec_sumsq(const float *x, int n);
float vec_max(const float *x, int n);  // -inf if n is 0
float vec_amax(const float *x, int n); // largest |x|, 0 if n is 0

// ---- softmax
// y = exp(x - shift), returns its sum. y may be NULL: the sum only.
float vec_exp_sum(float *y, const float *x, float shift, int n);
// y = exp(x - max) * (1 / sum), returns ln sum exp(x). n >= 1.
float vec_softmax(float *y, const float *x, int n);

// ---- one value, the same bits as the arrays
float vec_exp1(float x);
float vec_log1(float x);
float vec_sigmoid1(float x);
float vec_sqrt1(float x); // correctly rounded

// ---- one AdamW step on n weights, moments in place:
//   m = b1 m + (1 - b1) g', v = b2 v + (1 - b2) g'^2 with g' = clip g,
//   w = w - (rate decay) w - rate (m c1) / (sqrt(v c2) + eps), c1 = 1 / (1 - b1^t), c2 likewise.
typedef struct VecAdamW {
    float rate, decay, b1, b2, eps, c1, c2, clip;
} VecAdamW;
void vec_adamw(float *w, float *m, float *v, const float *g, const VecAdamW *step, int n);

#ifdef __cplusplus
}
#endif
#endif
