// policy/ops.h -- the arithmetic a model is made of, as a table with one row per device.
//
// Floor 2 (policy). The models call only this table. policy/cpu/ fills it in plain C and is the
// truth; policy/cuda/ fills it fast and is tested against it, op by op, in tests/test_ops_parity.c.
//
// Rules of every op: row-major, last dimension fastest; all pointers live on the table's own device
// and never overlap unless the op says so; the call may return before the work is done (sync
// waits); ops allocate nothing. An op that a row does not have is NULL there; policies
// run on the CPU's row, which has all.
#ifndef POLICY_OPS_H
#define POLICY_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum DType { DTYPE_F32, DTYPE_BF16, DTYPE_E4M3 } DType;

// A matrix on the device. `scale` only for DTYPE_E4M3: value = code * scale, scale f32 of shape
// [rows, ceil(cols/128)] for activations (1x128) or [ceil(rows/128), ceil(cols/128)] for weights
// (128x128).
typedef struct View {
    void *data;
    float *scale;
    int rows, cols, stride; // stride in elements
    DType dtype;
} View;

enum { ROUTER_MAX_EXPERTS = 1024 };

typedef struct RouterShape {
    int experts, k, groups, topk_group;
    RouterScore scoring;
    RouterTopk topk;
    bool norm;
    float scale; // routed_scaling_factor
} RouterShape;

// Causal attention of one sequence's new tokens for one set of heads that share their keys. Query
// row i = t * heads + h stands at position pos0 + t and sees keys 0 .. pos0 + t. A key is `k_dim`
// values at k + j * ldk, then `k2_dim` at k2 + j * ldk2; its value v_dim values at v + j * ldv.
// With `page`, row j stands at row j % page_rows of page[j / page_rows] (page_step floats apart).
// With `turned` (only with pages of 16 rows, without k2) the keys of a page stand as columns: value
// i of key j at k + page[j / 16] * page_step + order(i) * 16 + j % 16, order as in
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
    bool turned;
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

typedef struct AdamWStep {
    float beta1, beta2, eps, rate, decay; // w loses rate * decay of itself
    float scale;                          // of the gradient (clipping)
    float correct1, correct2;             // 1 / (1 - beta^t)
} AdamWStep;

struct Packed;
struct GemmOpts;

// What a product does to C: writes, adds, or goes on with the sums that C holds of the K before (of
// a multiple of 128): the bits of one product over all K.
enum { GEMM_SET, GEMM_ADD, GEMM_GO_ON };

typedef struct Ops {
    const char *name; // "cpu", "cuda"

    // ---- device
    // ----------------------------------------------------------------------------------------- One
    // allocation per plan: zeroed bytes, 256-byte aligned. ST_NOMEM names bytes and device.
    MUST_USE Status (*alloc)(void *dev, size_t bytes, void **out);
    void (*release)(void *dev, void *memory);
    // A part of such an allocation becomes as it was: zeroed.
    void (*clear)(void *dev, void *memory, size_t bytes);
    MUST_USE Status (*upload)(void *dev, void *to, const void *from, size_t bytes);
    MUST_USE Status (*download)(void *dev, void *to, const void *from, size_t bytes);
    MUST_USE Status (*sync)(void *dev);

    // ---- fused norm and quantisation
    // -------------------------------------------------------------------- y[r,c] = x[r,c] *
    // rstd[r] * gain[c], rstd[r] = 1 / sqrt(mean_c x[r,c]^2 + eps); then y in E4M3 by 1x128 tiles:
    // scale = max(amax, 1e-4) / 448 of the tile, code = round-to-nearest-even(y / scale).
    //   x f32 [R,C]   gain f32 [C]   rstd f32 [R] (may be NULL)   y E4M3 [R,C] with its scales; C
    //   may end ragged
    MUST_USE Status (*rmsnorm_quant)(void *dev, View y, float *rstd, View x, const float *gain,
                                     float eps);

    // Reads x [R,C] f32 or bf16 once and writes both quantised copies that training needs: by_row
    // with 1x128 tiles along C, and by_col, the transpose [C,R] with 1x128 tiles along R (for the
    // weight gradient). Either data may be NULL.
    MUST_USE Status (*quant_both)(void *dev, View by_row, View by_col, View x);

    // ---- log-probability of logits / temperature, and its gradient, for a chunk of rows
    // ------------------ logits f32 [R,V]; token [R]. logp[r], entropy[r] (may be NULL), lse[r] (of
    // scaled logits) are written.
    MUST_USE Status (*logprob)(void *dev, View logits, const int32_t *token, float inv_temperature,
                               float *logp, float *entropy, float *lse);
    // In place: logits[r,j] becomes dLoss/dlogits = inv_temperature * (dlogp[r] * (1[j == token] -
    // p_j)
    //   - dentropy[r] * p_j * (ln p_j + H_r)), p = softmax. lse and entropy as logprob wrote them
    //   (entropy, dentropy may be NULL). A part of the columns will do; a token outside has none.
    MUST_USE Status (*logprob_grad)(void *dev, View logits, const int32_t *token,
                                    float inv_temperature, const float *lse, const float *entropy,
                                    const float *dlogp, const float *dentropy);

    // ---- the model. These return nothing: a device's failure is sticky and reported by sync. Rows
    // are `ld` floats apart. Gradients ADD to parameters' gradients, and write activations' unless
    // `add`.
    // C[m,n] = or += A W^T as `into` says, and the weight gradient C[n,k] += sum_t G[t,n] X[t,k]:
    // policy/cpu/gemm.h.
    void (*gemm)(void *dev, float *c, int ldc, const float *a, int lda, int m,
                 const struct Packed *w, int into, const int32_t *gather);
    void (*gemm_grad)(void *dev, float *c, int ldc, const float *g, int ldg, const float *x,
                      int ldx, const int32_t *gather, int t, int n, int k, Precision precision);
    // y = x * rstd * gain.
    void (*rmsnorm)(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain,
                    int rows, int cols, float eps);
    void (*rmsnorm_grad)(void *dev, float *dx, int lddx, float *dgain, const float *dy, int lddy,
                         const float *x, int ldx, const float *gain, int rows, int cols, float eps,
                         bool add);
    // act = silu(gate) * up; dgate may be gate's own place.
    void (*swiglu)(void *dev, float *act, const float *gate, const float *up, size_t n);
    void (*swiglu_grad)(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                        const float *up, size_t n);
    // x[i] becomes the nearest bf16 value.
    void (*round_bf16)(void *dev, float *x, size_t n);
    // y[to[i]] += weight[entry[i]] * x[from[i]]; to, from NULL: i; weight NULL: 1. Rows in order.
    void (*axpy_rows)(void *dev, float *y, int ldy, const int32_t *to, const float *x, int ldx,
                      const int32_t *from, const float *weight, const int32_t *entry, int rows,
                      int cols);
    // y[i] = x[from[i]], contiguous.   x[i] *= weight[entry[i]].   out[entry[i]] = a[i] . b[i].
    void (*gather_rows)(void *dev, float *y, const float *x, int ldx, const int32_t *from, int rows,
                        int cols);
    void (*scale_rows)(void *dev, float *x, const float *weight, const int32_t *entry, int rows,
                       int cols);
    void (*dot_rows)(void *dev, float *out, const int32_t *entry, const float *a, const float *b,
                     int rows, int cols);
    // Rotates adjacent pairs of x[row, head] (head `step` floats apart) by the angle of pos[row];
    // table [positions, dim/2] holds cos, sin.
    void (*rope)(void *dev, float *x, int ldx, int heads, int step, const float *table,
                 const int32_t *pos, int rows, int dim, bool inverse);
    // The same over the pairs (i, i + dim / 2) of a head, as Llama and Qwen have it; table
    // [positions, dim] holds the cosines, then the sines.
    void (*rope_halves)(void *dev, float *x, int ldx, int heads, int step, const float *table,
                        const int32_t *pos, int rows, int dim, bool inverse);
    // score [rows,experts] = sigmoid or softmax of the logits; route [rows,k] ascending experts
    // chosen by score + bias (bias may be NULL) or copied from replay (replay_step apart); weight
    // [rows,k].
    void (*router)(void *dev, const RouterShape *shape, float *score, int16_t *route, float *weight,
                   const float *logit, const float *bias, const int16_t *replay, int replay_step,
                   int rows);
    // dlogit from dLoss/dweight and dscore (dLoss/dscore from elsewhere, may be NULL).
    void (*router_grad)(void *dev, const RouterShape *shape, float *dlogit, const float *dscore,
                        const float *dweight, const float *score, const int16_t *route, int rows);
    // dscore = gradient of alpha * sum_i f_i P_i over one sequence (V3, section 2.1.2).
    void (*router_balance)(void *dev, const RouterShape *shape, float *dscore, const float *score,
                           float alpha, int rows);
    // o[row] = softmax(scale q k) v, lse[row * ldl] the log-sum-exp of the scaled scores.
    void (*attention)(void *dev, const AttentionShape *shape, float *o, int ldo, float *lse,
                      int ldl, const float *q, int ldq);
    // No pages; o and lse as attention wrote them.
    void (*attention_grad)(void *dev, const AttentionShape *shape, const AttentionGrad *to,
                           const float *dout, const float *o, int ldo, const float *lse, int ldl,
                           const float *q, int ldq);
    // Decoupled weight decay (Loshchilov & Hutter 2019). *moved: 1 if any weight changed.
    void (*adamw)(void *dev, float *w, float *m, float *v, const float *g, size_t n,
                  const AdamWStep *step, int *moved);
} Ops;

// The truth, in plain C; `dev` is unused and may be NULL for alloc .. logprob_grad.
extern const Ops ops_cpu;

#ifdef __cplusplus
}
#endif
#endif
