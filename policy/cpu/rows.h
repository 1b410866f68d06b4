// policy/cpu/rows.h -- the CPU row of the ops table, function by function.
//
// Private to policy/. What each op computes is said in policy/ops.h; here stand the device of the
// CPU row and the names. `dev` is a CpuDev: the pool an op may use inside and scratch for it.
#ifndef POLICY_CPU_ROWS_H
#define POLICY_CPU_ROWS_H

#include "base/pool.h"
#include "policy/cpu/gemm.h"
#include "policy/ops.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CpuDev {
    Pool *pool; // NULL: this thread alone
    void *work; // scratch of the products and of attention
} CpuDev;

void cpu_rmsnorm(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain, int rows,
                 int cols, float eps);
void cpu_rmsnorm_grad(void *dev, float *dx, int lddx, float *dgain, const float *dy, int lddy,
                      const float *x, int ldx, const float *gain, int rows, int cols, float eps,
                      bool add);
void cpu_swiglu(void *dev, float *act, const float *gate, const float *up, size_t n);
void cpu_swiglu_grad(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                     const float *up, size_t n);
void cpu_round_bf16(void *dev, float *x, size_t n);
void cpu_axpy_rows(void *dev, float *y, int ldy, const int32_t *to, const float *x, int ldx,
                   const int32_t *from, const float *weight, const int32_t *entry, int rows,
                   int cols);
void cpu_gather_rows(void *dev, float *y, const float *x, int ldx, const int32_t *from, int rows,
                     int cols);
void cpu_scale_rows(void *dev, float *x, const float *weight, const int32_t *entry, int rows,
                    int cols);
void cpu_dot_rows(void *dev, float *out, const int32_t *entry, const float *a, const float *b,
                  int rows, int cols);
void cpu_rope(void *dev, float *x, int ldx, int heads, int step, const float *table,
              const int32_t *pos, int rows, int dim, bool inverse);
void cpu_rope_halves(void *dev, float *x, int ldx, int heads, int step, const float *table,
                     const int32_t *pos, int rows, int dim, bool inverse);
void cpu_router(void *dev, const RouterShape *shape, float *score, int16_t *route, float *weight,
                const float *logit, const float *bias, const int16_t *replay, int replay_step,
                int rows);
void cpu_router_grad(void *dev, const RouterShape *shape, float *dlogit, const float *dscore,
                     const float *dweight, const float *score, const int16_t *route, int rows);
void cpu_router_balance(void *dev, const RouterShape *shape, float *dscore, const float *score,
                        float alpha, int rows);
void cpu_attention(void *dev, const AttentionShape *shape, float *o, int ldo, float *lse, int ldl,
                   const float *q, int ldq);
void cpu_attention_grad(void *dev, const AttentionShape *shape, const AttentionGrad *to,
                        const float *dout, const float *o, int ldo, const float *lse, int ldl,
                        const float *q, int ldq);
size_t cpu_attention_bytes(int tokens, int heads, int qk_dim, int v_dim, bool grad);

MUST_USE Status cpu_logprob(void *dev, View logits, const int32_t *token, float inv_temperature,
                            float *logp, float *entropy, float *lse);
MUST_USE Status cpu_logprob_grad(void *dev, View logits, const int32_t *token,
                                 float inv_temperature, const float *lse, const float *entropy,
                                 const float *dlogp, const float *dentropy);
MUST_USE Status cpu_rmsnorm_quant(void *dev, View y, float *rstd, View x, const float *gain,
                                  float eps);
MUST_USE Status cpu_quant_both(void *dev, View by_row, View by_col, View x);
void cpu_adamw(void *dev, float *w, float *m, float *v, const float *g, size_t n,
               const AdamWStep *step, int *moved);

// shared.c: the same, cut by rows over dev's pool; of a weight gradient the scratch of one thread.
void shared_rmsnorm(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain,
                    int rows, int cols, float eps);
void shared_swiglu(void *dev, float *act, const float *gate, const float *up, size_t n);
void shared_swiglu_grad(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                        const float *up, size_t n);
void shared_rope_halves(void *dev, float *x, int ldx, int heads, int step, const float *table,
                        const int32_t *pos, int rows, int dim, bool inverse);
MUST_USE Status shared_logprob(void *dev, View logits, const int32_t *token, float inv_temperature,
                               float *logp, float *entropy, float *lse);
MUST_USE Status shared_logprob_grad(void *dev, View logits, const int32_t *token,
                                    float inv_temperature, const float *lse, const float *entropy,
                                    const float *dlogp, const float *dentropy);
size_t shared_gemm_grad_bytes(int t, int n, int k);
void shared_gemm_grad(void *dev, float *c, int ldc, const float *g, int ldg, const float *x,
                      int ldx, const int32_t *gather, int t, int n, int k, Precision precision);

// One row of logits: see policy_logprob_row.
void cpu_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                     float *logp, float *lse, float *entropy);

extern const Ops ops_cpu;

#ifdef __cplusplus
}
#endif
#endif
