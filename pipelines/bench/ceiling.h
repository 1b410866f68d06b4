// pipelines/bench/ceiling.h -- what this machine can do at most, measured, not looked up.
//
// Layer 5. Speeds are only worth something beside these.
#ifndef PIPELINES_CEILING_H
#define PIPELINES_CEILING_H

#include "base/pool.h"
#include "policy/cpu/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

// Floating-point operations a second out of registers, on all threads of the pool (NULL: one):
// fused multiply-adds of the row's vectors, or with `bf16` what its bf16 products go by (tiles on
// AMX, VDPBF16PS on AVX512-BF16). 0 for the portable row.
double ceiling_flops(GemmSet row, bool bf16, Pool *pool);
// Bytes a second that a copy of 64 MiB moves (read and written), on all threads of the pool.
double ceiling_bandwidth(Pool *pool);

#ifdef __cplusplus
}
#endif
#endif
