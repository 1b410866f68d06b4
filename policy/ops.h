// policy/ops.h -- the arithmetic a model is made of, as a table with one row per device.
//
// Floor 2 (policy). The models call only this table. policy/cpu/ fills it in plain C and is the
// truth; policy/cuda/ fills it fast and is tested against it, op by op, in tests/test_ops_parity.c.
//
// Rules of every op: row-major, last dimension fastest; all pointers live on the table's own device
// and never overlap unless the op says so; the call may return before the work is done (sync
// waits); ops allocate nothing. An op that a row does not have is NULL there, and the plan of a
// model that needs it is refused by name.
#ifndef POLICY_OPS_H
#define POLICY_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

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

typedef struct Ops {
    const char *name; // "cpu", "cuda"

    // ---- device
    // ----------------------------------------------------------------------------------------- One
    // allocation per plan: zeroed bytes, 256-byte aligned. ST_NOMEM names bytes and device.
    MUST_USE Status (*alloc)(void *dev, size_t bytes, void **out);
    void (*release)(void *dev, void *memory);
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
    //   (entropy, dentropy may be NULL).
    MUST_USE Status (*logprob_grad)(void *dev, View logits, const int32_t *token,
                                    float inv_temperature, const float *lse, const float *entropy,
                                    const float *dlogp, const float *dentropy);
} Ops;

#ifdef __cplusplus
}
#endif
#endif
