// policy/cuda/cuda.cuh -- what every kernel file of this folder shares. Private to it.
#pragma once
#include <cuda_runtime.h>

#include "base/status.h"
#include "policy/kernels.h"

// Launches go through one macro and shared memory through another, so that tests/cuemu can run the
// same files on a CPU; it defines both first.
#ifndef LAUNCH
#define LAUNCH(kernel, grid, block, smem, stream, ...)                                             \
    kernel<<<(grid), (block), (smem), (stream)>>>(__VA_ARGS__)
#define SMEM(type, name, count) __shared__ type name[count]
#define DYN_SMEM(type, name)                                                                       \
    extern __shared__ __align__(16) unsigned char dyn_smem_[];                                     \
    type *name = reinterpret_cast<type *>(dyn_smem_)
#endif

// Turns a CUDA error into a Status. After a launch: CUDA_TRY(cudaGetLastError()).
#define CUDA_TRY(call)                                                                             \
    do {                                                                                           \
        cudaError_t e_ = (call);                                                                   \
        if (e_ != cudaSuccess)                                                                     \
            return FAIL(e_ == cudaErrorMemoryAllocation ? ST_NOMEM : ST_CUDA, "%s: %s", #call,     \
                        cudaGetErrorString(e_));                                                   \
    } while (0)

// What `void *dev` of policy/kernels.h is on this device.
struct CudaDevice {
    int ordinal;
    cudaStream_t stream; // every launch of the table goes here, in order
};

static inline const CudaDevice *cuda_device(const void *dev) {
    return static_cast<const CudaDevice *>(dev);
}

constexpr int TILE = 128;           // values that share one scale
constexpr float E4M3_MAX = 448.0f;  // largest finite E4M3
constexpr float AMAX_FLOOR = 1e-4f; // an all-zero tile still has a scale (V3's reference code)

__device__ __forceinline__ float warp_sum(float v) {
    for (int bit = 16; bit > 0; bit >>= 1) v += __shfl_xor_sync(0xffffffffu, v, bit);
    return v;
}

__device__ __forceinline__ float warp_max(float v) {
    for (int bit = 16; bit > 0; bit >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, bit));
    return v;
}

// Sum over a block of WARPS warps, the same value in every thread. `share` [WARPS] is shared
// memory that nobody else uses until the block's next barrier.
template <int WARPS> __device__ __forceinline__ float block_sum(float v, float *share) {
    const int warp = (int)threadIdx.x >> 5, lane = (int)threadIdx.x & 31;
    v = warp_sum(v);
    if (lane == 0) share[warp] = v;
    __syncthreads();
    return warp_sum(lane < WARPS ? share[lane] : 0.0f);
}

// The table's functions, one kernel file a family; table.cu puts them in order.
Status cuda_rmsnorm_quant(void *dev, KernelView y, float *rstd, KernelView x, const float *gain,
                          float eps);
Status cuda_quant_both(void *dev, KernelView by_row, KernelView by_col, KernelView x);
Status cuda_logprob(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                    float *logp, float *entropy, float *lse);
Status cuda_logprob_grad(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                         const float *lse, const float *entropy, const float *dlogp,
                         const float *dentropy);
