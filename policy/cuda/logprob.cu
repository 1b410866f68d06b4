// policy/cuda/logprob.cu -- log-probability of one token a row, its entropy, and the gradient.
//
// Place: the entries logprob and logprob_grad of kernels_cuda (policy/kernels.h has the
// formulas). A chunk of trained tokens goes through head, logprob, loss, logprob_grad; the logits
// of that chunk are the only ones there are: no [B,T,V] tensor.
//
// Shape of the work: one block per row. logprob reads the row once: every thread keeps a running
// maximum m, s = sum e^(z-m) and t = sum e^(z-m) (z-m); the 512 triples are merged by shuffles.
// Then lse = m + ln s, and the entropy is ln s - t/s, without cancellation of large numbers. Bound
// by memory: 4 bytes a logit forward, 8 backward.
#include "policy/cuda/cuda.cuh"

namespace {

constexpr int WARPS = 16;

struct BlockFold {
    float max, sum, moment; // sum of e^(z-max), and of e^(z-max) (z-max)
};

__device__ __forceinline__ BlockFold merge(BlockFold a, BlockFold b) {
    if (b.max == -INFINITY) return a; // nothing in it; also keeps inf - inf away
    if (a.max == -INFINITY) return b;
    const float top = fmaxf(a.max, b.max);
    const float da = a.max - top, db = b.max - top, ea = expf(da), eb = expf(db);
    return BlockFold{top, a.sum * ea + b.sum * eb,
                     (a.moment + a.sum * da) * ea + (b.moment + b.sum * db) * eb};
}

__device__ __forceinline__ BlockFold warp_merge(BlockFold f) {
    for (int bit = 16; bit > 0; bit >>= 1) {
        const BlockFold other{__shfl_xor_sync(0xffffffffu, f.max, bit),
                              __shfl_xor_sync(0xffffffffu, f.sum, bit),
                              __shfl_xor_sync(0xffffffffu, f.moment, bit)};
        f = merge(f, other);
    }
    return f;
}

// grid: rows   block: 32 * WARPS   shared: WARPS Folds
__global__ void __launch_bounds__(32 * WARPS)
    logprob_kernel(const float *logits, int stride, int vocab, const int32_t *token,
                   float inv_temperature, float *logp, float *entropy, float *lse) {
    SMEM(BlockFold, share, WARPS);
    const int row = (int)blockIdx.x, warp = (int)threadIdx.x >> 5, lane = (int)threadIdx.x & 31;
    logits += (size_t)row * stride;

    BlockFold f{-INFINITY, 0, 0};
    for (int j = (int)threadIdx.x; j < vocab; j += 32 * WARPS) {
        const float z = logits[j] * inv_temperature;
        if (z > f.max) f = merge(BlockFold{z, 0, 0}, f); // rare after the first values
        const float d = z - f.max, e = expf(d);
        f.sum += e;
        f.moment += e * d;
    }
    f = warp_merge(f);
    if (lane == 0) share[warp] = f;
    __syncthreads();
    f = warp_merge(lane < WARPS ? share[lane] : BlockFold{-INFINITY, 0, 0});
    if (threadIdx.x) return;
    const float ln_sum = logf(f.sum);
    logp[row] = logits[token[row]] * inv_temperature - f.max - ln_sum;
    if (lse) lse[row] = f.max + ln_sum;
    if (entropy) entropy[row] = ln_sum - f.moment / f.sum;
}

// grid: rows   block: 32 * WARPS   shared: none. A thread rewrites only what it has read itself.
__global__ void __launch_bounds__(32 * WARPS)
    logprob_grad_kernel(float *logits, int stride, int vocab, const int32_t *token,
                        float inv_temperature, const float *lse, const float *entropy,
                        const float *dlogp, const float *dentropy) {
    const int row = (int)blockIdx.x;
    logits += (size_t)row * stride;
    const float row_lse = lse[row], g = dlogp[row];
    const float h = entropy ? entropy[row] : 0, dh = dentropy ? dentropy[row] : 0;
    const int t = token[row];
    for (int j = (int)threadIdx.x; j < vocab; j += 32 * WARPS) {
        const float ln_p = logits[j] * inv_temperature - row_lse, p = expf(ln_p);
        float d = g * ((j == t ? 1.0f : 0.0f) - p);
        if (dh != 0 && p > 0) d -= dh * p * (ln_p + h); // p = 0: the limit is 0
        logits[j] = d * inv_temperature;
    }
}

} // namespace

Status cuda_logprob(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                    float *logp, float *entropy, float *lse) {
    CHECK(logits.dtype == DTYPE_F32 && logits.cols > 0);
    if (logits.rows == 0) return ST_OK;
    LAUNCH(logprob_kernel, logits.rows, 32 * WARPS, 0, cuda_device(dev)->stream,
           static_cast<const float *>(logits.data), logits.stride, logits.cols, token,
           inv_temperature, logp, entropy, lse);
    CUDA_TRY(cudaGetLastError());
    return ST_OK;
}

Status cuda_logprob_grad(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                         const float *lse, const float *entropy, const float *dlogp,
                         const float *dentropy) {
    CHECK(logits.dtype == DTYPE_F32 && logits.cols > 0 && (!dentropy || entropy));
    if (logits.rows == 0) return ST_OK;
    LAUNCH(logprob_grad_kernel, logits.rows, 32 * WARPS, 0, cuda_device(dev)->stream,
           static_cast<float *>(logits.data), logits.stride, logits.cols, token, inv_temperature,
           lse, entropy, dlogp, dentropy);
    CUDA_TRY(cudaGetLastError());
    return ST_OK;
}
