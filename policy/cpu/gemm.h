// policy/cpu/gemm.h -- one packed-weight matrix product, five instruction sets, one numerical
// contract.
//
// Private to policy/ (layer 2). C[m,n] = sum_k A[m,k] * W[n,k] for a linear layer's weight W [N,K].
//
// THE CONTRACT, for every row of the table, every M (1 included), every tile and thread count:
//   K is padded with zeros to a multiple of 32. For each block of 32: even = fma chain from +0 over
//   k = 0,2,..,30 ascending, odd = the same over k = 1,3,..,31; acc = acc + (even + odd), acc from
//   +0, blocks ascending. fp32: operands as they are. bf16: both operands rounded to nearest even
//   to bf16 first (products are then exact in fp32). fp8: operands are E4M3 codes; per 128 of K
//   (four blocks) partial as above from +0, then acc = fma(partial, scale_a[m][k/128] *
//   scale_w[n/128][k/128], acc). Denormals are zero in and out.
// SCALES OF FP8: max(amax, 1e-4) / 448 for weights and activations (policy/cpu/quant.h); amax /
// 448, with
//   1 where that is below FLT_MIN, where an operand may hold gradients: A where `takes_gradients`
//   is set, and both operands of gemm_grad (a caller may give the gradient as either). A gradient
//   of 1e-9 so keeps E4M3's full precision.
// This is what AMX's TDPBF16PS computes, so the AMX set gives the same bits as portable C.
// A row's bits depend on that row of A and on W only (the row rule, DESIGN section 5).
#ifndef POLICY_CPU_GEMM_H
#define POLICY_CPU_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum GemmSet {
    GEMM_PORTABLE,
    GEMM_AVX2,
    GEMM_AVX512,
    GEMM_AVX512BF16, // AVX-512 whose bf16 and fp8 products go by VDPBF16PS, at twice its rate
    GEMM_AMX,
    GEMM_SETS
} GemmSet;

// Chosen once by CPUID feature bits (and arch_prctl for AMX), never by model numbers;
// GRPO_CPU=portable|avx2|avx512|avx512bf16|amx forces a kernel set: ST_UNSUPPORTED names what is
// missing. Called by everything below on first use.
MUST_USE Status gemm_select(const char *name); // NULL or "auto" = best
GemmSet gemm_set(void);
const char *gemm_set_name(GemmSet row);
bool gemm_set_supported(GemmSet row);

// A packed matrix: opaque bytes in a layout of the current row.
typedef struct Packed {
    void *data;
    const float *scale; // fp8: [ceil(N/128), ceil(K/128)], inside data
    int n, k;
    Precision precision;
    bool takes_gradients; // A holds gradients (the product dX = dY W); set by the owner after
} Packed;                 // gemm_pack, which clears it

// In the layout of the row that is chosen now (codes take half of fp32); a multiple of 64.
size_t gemm_packed_bytes(int n, int k, Precision precision);
// From w[N,K] (row-major, stride ld) or, with transposed, from w[K,N]: the result always multiplies
// as W[N,K]. fp8 quantises in 128x128 blocks of the ORIGINAL matrix, so that W and its transpose
// hold the same codes and scales.
void gemm_pack(Packed *out, void *data, const float *w, int ld, int n, int k, bool transposed,
               Precision precision);

// What gemm_pack made at `data`.
Packed gemm_packed(void *data, int n, int k, Precision precision);

typedef struct GemmOpts {
    bool accumulate;       // C += result (one fp32 addition per element) instead of C = result
    const int32_t *gather; // row m of A is a[gather[m]]; NULL = a[m]
    bool go_on; // C holds the sums of the K before this one, GEMM_GO_ON of policy/cpu/rows.h;
                // readable up to N rounded to 32
} GemmOpts;

// C[M,N] (f32, stride ldc) from A[M,K] (f32, stride lda). fp8 quantises A's rows 1x128 on the way
// in. `work` is scratch of gemm_work_bytes(M, K) for one thread. Runs on the calling thread.
size_t gemm_work_bytes(int m, int k);
void gemm(float *c, int ldc, const float *a, int lda, int m, const Packed *w, const GemmOpts *opts,
          void *work);
// The same split over tiles of rows and columns. `work` holds pool_threads(pool) times
// gemm_work_bytes.
void gemm_pool(Pool *pool, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
               const GemmOpts *opts, void *work);

// The weight gradient: C[N,K] (+)= sum_t G[t,n] * X[t,k], the contract with T as the reduction
// dimension (fp8: both operands quantised in 128x1 tiles along T). gather: row t of X is
// x[gather[t]].
size_t gemm_grad_work_bytes(int t, int n, int k);
void gemm_grad(float *c, int ldc, const float *g, int ldg, const float *x, int ldx, int t, int n,
               int k, const GemmOpts *opts, Precision precision, void *work);

// Small fp32 products inside other kernels (attention): same contract, fp32, B packed by the caller
// in panels of GEMM_PANEL columns: panel p holds B[k][p*GEMM_PANEL + j] at b[(p*kpad + order(k)) *
// GEMM_PANEL + j] with kpad = K rounded up to 32 and order(k) = evens then odds inside each block
// of 32. Columns past N are zero.
enum { GEMM_PANEL = 32 };
static inline int gemm_order(int k) {
    return (k & ~31) + ((k & 31) >> 1) + ((k & 1) << 4);
}
// C[M,N] = A[M,K] * B; A f32 stride lda with K readable up to kpad (the padding is multiplied by
// zeros: must be finite).
void gemm_panel(float *c, int ldc, const float *a, int lda, int m, const float *b, int n, int k,
                bool accumulate);

#ifdef __cplusplus
}
#endif
#endif
