// policy/kernels.h -- single kernels that the CPU and CUDA both have, for the tests that compare
// them.
//
// Layer 2 (policy). The models call policy/ops.h, whose operations take a whole unit; these are
// parts that a CUDA backend is built of, compared one by one with the CPU's in
// tests/test_ops_parity.c.
//
// Rules of every kernel: row-major, last dimension fastest; all pointers are on the table's own
// device and never overlap unless it is said; the call may return before the work is done (sync
// waits); nothing is allocated.
#ifndef POLICY_KERNELS_H
#define POLICY_KERNELS_H

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
typedef struct KernelView {
    void *data;
    float *scale;
    int rows, cols, stride; // stride in elements
    DType dtype;
} KernelView;

typedef struct Kernels {
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
    MUST_USE Status (*rmsnorm_quant)(void *dev, KernelView y, float *rstd, KernelView x,
                                     const float *gain, float eps);

    // Reads x [R,C] f32 or bf16 once and writes both quantised copies that training needs: by_row
    // with 1x128 tiles along C, and by_col, the transpose [C,R] with 1x128 tiles along R (for the
    // weight gradient). Either data may be NULL.
    MUST_USE Status (*quant_both)(void *dev, KernelView by_row, KernelView by_col, KernelView x);

    // ---- log-probability of logits / temperature, and its gradient, for a chunk of rows
    // ------------------ logits f32 [R,V]; token [R]. logp[r], entropy[r] (may be NULL), lse[r] (of
    // scaled logits) are written.
    MUST_USE Status (*logprob)(void *dev, KernelView logits, const int32_t *token,
                               float inv_temperature, float *logp, float *entropy, float *lse);
    // In place: logits[r,j] becomes dLoss/dlogits = inv_temperature * (dlogp[r] * (1[j == token] -
    // p_j)
    //   - dentropy[r] * p_j * (ln p_j + H_r)), p = softmax. lse and entropy as logprob wrote them
    //   (entropy, dentropy may be NULL). A part of the columns will do; a token outside has none.
    MUST_USE Status (*logprob_grad)(void *dev, KernelView logits, const int32_t *token,
                                    float inv_temperature, const float *lse, const float *entropy,
                                    const float *dlogp, const float *dentropy);
} Kernels;

// The truth, in plain C; `dev` is unused and may be NULL for alloc .. logprob_grad.
extern const Kernels kernels_cpu;

#ifdef __cplusplus
}
#endif
#endif
