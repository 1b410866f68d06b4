// policy/cuda/e4m3.cuh -- tiles of 128 values to E4M3 codes and one scale. Private to policy/cuda.
#pragma once
#include <cuda_fp8.h>

#include "policy/cuda/cuda.cuh"

// Nearest even, saturating at 448.
__device__ __forceinline__ unsigned e4m3_code(float x) {
    return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3);
}

__device__ __forceinline__ float e4m3_scale(float amax) {
    return __fdiv_rn(fmaxf(amax, AMAX_FLOOR), E4M3_MAX);
}

// Four neighbours as one word, the first in the lowest byte.
__device__ __forceinline__ unsigned e4m3_pack(const float v[4], float scale) {
    unsigned word = 0;
    for (int i = 0; i < 4; i++) word |= e4m3_code(__fdiv_rn(v[i], scale)) << (8 * i);
    return word;
}

// Writes the codes that exist (`left` of 4; may be <= 0); one 32-bit store where whole and aligned.
__device__ __forceinline__ void e4m3_store(unsigned char *out, unsigned word, int left,
                                           bool aligned) {
    if (aligned && left >= 4) {
        *reinterpret_cast<unsigned *>(out) = word;
        return;
    }
    for (int i = 0; i < 4 && i < left; i++) out[i] = (unsigned char)(word >> (8 * i));
}

static inline bool e4m3_aligned(KernelView v) {
    return (reinterpret_cast<size_t>(v.data) | (size_t)v.stride) % 4 == 0;
}
