// tests/cuemu/include/cuda_runtime.h -- replaces CUDA's header: kernels compile for the CPU.
//
// With -DCUEMU and this folder first in the include path, g++ compiles the same .cu files that nvcc
// compiles. Types, enums and the bf16 and fp8 conversions come from the real CUDA headers; what is
// replaced is how a kernel runs: every thread of a block is a fiber (tests/cuemu/scheduler.cc),
// blocks run one after the other on one OS thread. Shared memory and device memory start as 0xFF,
// which is NaN in f32, bf16 and e4m3, and have guards behind them.
//
// Modelled: block and warp barriers, shuffles and votes with their masks, poisoned and guarded
// memory, launch limits. Not modelled: memory order, bank conflicts, registers, spinning between
// blocks.
#pragma once
#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>

// host_defines.h gives these a meaning (or an empty one) for the host compiler.
#undef __constant__
#undef __device__
#undef __forceinline__
#undef __global__
#undef __host__
#undef __launch_bounds__
#undef __shared__
#define __constant__ static
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __global__
#define __host__
#define __launch_bounds__(...)
#define __shared__ static_assert(false, "use the SMEM macro of policy/cuda/cuda.cuh");

namespace cuemu {

struct Thread {
    dim3 thread, block, block_dim, grid_dim;
    int linear, lane;
    size_t smem_used; // how much of the block's shared memory this thread has passed in SMEM
};

extern Thread *self; // the running fiber

void barrier(int line);           // __syncthreads; reports threads that wait at different lines
void warp_barrier(unsigned mask); // __syncwarp; reports lanes that call with different masks
void *warp_slot(int lane);        // 16 bytes of lane for the collective in progress
void *shared(size_t bytes);       // the next piece of shared memory, the same for all threads
void launch(dim3 grid, dim3 block, size_t smem, cudaStream_t stream, const char *name,
            const std::function<void()> &body);

// Every lane of mask shows `value` and then reads what lane `from` showed.
template <class T> inline T exchange(unsigned mask, T value, int from) {
    static_assert(sizeof(T) <= 16, "slot");
    memcpy(warp_slot(self->lane), &value, sizeof value);
    void *theirs = warp_slot(from); // taken before the barrier turns the double buffer
    warp_barrier(mask);
    T got;
    memcpy(&got, theirs, sizeof got);
    return got;
}

} // namespace cuemu

#define threadIdx (cuemu::self->thread)
#define blockIdx (cuemu::self->block)
#define blockDim (cuemu::self->block_dim)
#define gridDim (cuemu::self->grid_dim)

#define LAUNCH(kernel, grid, block, smem, stream, ...)                                             \
    cuemu::launch(dim3(grid), dim3(block), (smem), (stream), #kernel, [=] { kernel(__VA_ARGS__); })
#define SMEM(type, name, count)                                                                    \
    type *name = static_cast<type *>(cuemu::shared(sizeof(type) * (count)))
#define DYN_SMEM(type, name) type *name = static_cast<type *>(cuemu::shared(0))

#define __syncthreads() cuemu::barrier(__LINE__)
static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    cuemu::warp_barrier(mask);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int bits) {
    return cuemu::exchange(mask, value, cuemu::self->lane ^ bits);
}
template <class T> static inline T __shfl_sync(unsigned mask, T value, int from) {
    return cuemu::exchange(mask, value, from & 31);
}

static inline float __fdiv_rn(float a, float b) {
    return a / b;
}
static inline float __fmul_rn(float a, float b) {
    return a * b;
}
static inline float __fadd_rn(float a, float b) {
    return a + b;
}
static inline float __fsqrt_rn(float x) {
    return sqrtf(x);
}
