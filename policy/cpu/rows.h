// policy/cpu/rows.h -- the CPU's kernels: functions over rows of matrices, which its operations
// call.
//
// Private to policy/cpu. Rows are `ld` floats apart. Gradients ADD to parameters' gradients, and
// write activations' unless `add`. `dev` is a CpuDev: the threads a kernel may use and its scratch;
// those of one thread take NULL.
#ifndef POLICY_CPU_ROWS_H
#define POLICY_CPU_ROWS_H

#include "base/pool.h"
#include "policy/cpu/gemm.h"
#include "policy/kernels.h"
#include "policy/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CpuDev {
    Pool *pool; // NULL: this thread alone
    void *work; // scratch of the products and of attention
} CpuDev;

// Causal attention of one sequence's new tokens for one set of heads that share their keys. Query
// row i = t * heads + h is at position pos0 + t and sees keys 0 .. pos0 + t. A key is `k_dim`
// values at k + j * ldk, then `k2_dim` at k2 + j * ldk2; its value v_dim values at v + j * ldv.
// With `page`, row j is at row j % page_rows of page[j / page_rows] (page_step floats apart).
// With `transposed` (only with pages of 16 rows, without k2) the keys of a page lie as columns:
// value i of key j at k + page[j / 16] * page_step + order(i) * 16 + j % 16, order as in
// policy/cpu/gemm.h's panels. Keys that other sequences share stand apart: key j < shared at row j,
// the others at row j + gap (no pages). With `k16` instead of k and v (only with pages of 16 rows,
// without k2) a page holds bf16 codes as policy/cpu/kvpage.h has them, page_step codes apart;
// next16 with its next_pages pages is what this thread reads after it: asked for ahead, not read (0
// pages: nothing).
typedef struct AttentionShape {
    int tokens, heads, pos0;
    const float *k, *k2, *v;
    int k_dim, k2_dim, v_dim, ldk, ldk2, ldv;
    const int32_t *page;
    size_t page_step;
    int page_rows;
    bool transposed;
    int shared, gap;
    float scale;
    const uint16_t *k16, *next16;
    const int32_t *next_page;
    int next_pages;
} AttentionShape;

// Where the gradients of attention go: dq is written; those of keys [k_dim + k2_dim] and values
// [v_dim] are ADDED to rows of dk and dv, of key j < shared to row j of shared_dk and shared_dv, of
// the others to row j - shared of dk and dv. With dv NULL the values are the first v_dim of the
// keys and go into their rows.
typedef struct AttentionGrad {
    float *dq, *dk, *dv, *shared_dk, *shared_dv;
    int lddq, lddk, lddv;
} AttentionGrad;

// What a product does to C: writes, adds, or goes on with the sums that C holds of the K before (of
// a multiple of 128): the bits of one product over all K.
enum { GEMM_SET, GEMM_ADD, GEMM_GO_ON };

// y = x * rstd * gain.
void cpu_rmsnorm(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain, int rows,
                 int cols, float eps);
void cpu_rmsnorm_grad(void *dev, float *dx, int lddx, float *dgain, const float *dy, int lddy,
                      const float *x, int ldx, const float *gain, int rows, int cols, float eps,
                      bool add);
// act = silu(gate) * up; dgate may be gate's own place.
void cpu_swiglu(void *dev, float *act, const float *gate, const float *up, size_t n);
void cpu_swiglu_grad(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                     const float *up, size_t n);
// x[i] becomes the nearest bf16 value.
void cpu_round_bf16(void *dev, float *x, size_t n);
// y[to[i]] += weight[entry[i]] * x[from[i]]; to, from NULL: i; weight NULL: 1. Rows in order.
void cpu_axpy_rows(void *dev, float *y, int ldy, const int32_t *to, const float *x, int ldx,
                   const int32_t *from, const float *weight, const int32_t *entry, int rows,
                   int cols);
// y[i] = x[from[i]], contiguous.   x[i] *= weight[entry[i]].   out[entry[i]] = a[i] . b[i].
void cpu_gather_rows(void *dev, float *y, const float *x, int ldx, const int32_t *from, int rows,
                     int cols);
void cpu_scale_rows(void *dev, float *x, const float *weight, const int32_t *entry, int rows,
                    int cols);
void cpu_dot_rows(void *dev, float *out, const int32_t *entry, const float *a, const float *b,
                  int rows, int cols);
// Rotates adjacent pairs of x[row, head] (head `step` floats apart) by the angle of pos[row]; table
// [positions, dim/2] holds cos, sin. cpu_rope_halves: the pairs (i, i + dim / 2) of a head; table
// [positions, dim] holds the cosines, then the sines.
void cpu_rope(void *dev, float *x, int ldx, int heads, int step, const float *table,
              const int32_t *pos, int rows, int dim, bool inverse);
void cpu_rope_halves(void *dev, float *x, int ldx, int heads, int step, const float *table,
                     const int32_t *pos, int rows, int dim, bool inverse);
// score [rows,experts] = sigmoid or softmax of the logits; route [rows,k] ascending experts chosen
// by score + bias (bias may be NULL) or copied from replay (replay_step apart); weight [rows,k].
void cpu_router(void *dev, const RouterShape *shape, float *score, int16_t *route, float *weight,
                const float *logit, const float *bias, const int16_t *replay, int replay_step,
                int rows);
// dlogit from dLoss/dweight and dscore (dLoss/dscore from elsewhere, may be NULL).
void cpu_router_grad(void *dev, const RouterShape *shape, float *dlogit, const float *dscore,
                     const float *dweight, const float *score, const int16_t *route, int rows);
// dscore = gradient of alpha * sum_i f_i P_i over one sequence (V3, section 2.1.2).
void cpu_router_balance(void *dev, const RouterShape *shape, float *dscore, const float *score,
                        float alpha, int rows);
// o[row] = softmax(scale q k) v, lse[row * ldl] the log-sum-exp of the scaled scores.
// cpu_attention_grad has no pages; o and lse as attention wrote them.
void cpu_attention(void *dev, const AttentionShape *shape, float *o, int ldo, float *lse, int ldl,
                   const float *q, int ldq);
void cpu_attention_grad(void *dev, const AttentionShape *shape, const AttentionGrad *to,
                        const float *dout, const float *o, int ldo, const float *lse, int ldl,
                        const float *q, int ldq);
size_t cpu_attention_bytes(int tokens, int heads, int qk_dim, int v_dim, bool grad);

MUST_USE Status cpu_logprob(void *dev, KernelView logits, const int32_t *token,
                            float inv_temperature, float *logp, float *entropy, float *lse);
MUST_USE Status cpu_logprob_grad(void *dev, KernelView logits, const int32_t *token,
                                 float inv_temperature, const float *lse, const float *entropy,
                                 const float *dlogp, const float *dentropy);
MUST_USE Status cpu_rmsnorm_quant(void *dev, KernelView y, float *rstd, KernelView x,
                                  const float *gain, float eps);
MUST_USE Status cpu_quant_both(void *dev, KernelView by_row, KernelView by_col, KernelView x);
// One AdamW step (policy/ops.h) over n values. *moved: 1 if any weight changed.
void cpu_adamw(float *w, float *m, float *v, const float *g, size_t n, const AdamW *step,
               bool decay, int *moved);

// shared.c: the same, cut by rows over dev's pool; of a weight gradient the scratch of one thread.
void shared_rmsnorm(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain,
                    int rows, int cols, float eps);
void shared_swiglu(void *dev, float *act, const float *gate, const float *up, size_t n);
void shared_swiglu_grad(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                        const float *up, size_t n);
void shared_rope_halves(void *dev, float *x, int ldx, int heads, int step, const float *table,
                        const int32_t *pos, int rows, int dim, bool inverse);
MUST_USE Status shared_logprob(void *dev, KernelView logits, const int32_t *token,
                               float inv_temperature, float *logp, float *entropy, float *lse);
MUST_USE Status shared_logprob_grad(void *dev, KernelView logits, const int32_t *token,
                                    float inv_temperature, const float *lse, const float *entropy,
                                    const float *dlogp, const float *dentropy);
size_t shared_gemm_grad_bytes(int t, int n, int k);
void shared_gemm_grad(void *dev, float *c, int ldc, const float *g, int ldg, const float *x,
                      int ldx, const int32_t *gather, int t, int n, int k, Precision precision);

// One row of logits: see policy_logprob_row.
void cpu_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                     float *logp, float *lse, float *entropy);

// C[m,n] = or += A W^T as `into` says, over dev's threads.
void cpu_gemm(void *dev, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
              int into, const int32_t *gather);
extern const Kernels kernels_cpu; // the kernels that are compared with CUDA's

#ifdef __cplusplus
}
#endif
#endif
