// policy/cpu/gemm_row.h -- what an instruction set gives to gemm.c: a row of its table.
//
// Private to policy/cpu. gemm.h says what is computed; here is how the work is cut. A packed weight
// is cut in panels of GEMM_PANEL columns; one call of `panel` multiplies all rows of a job with one
// panel. bf16 and fp8 operands reach the portable and AVX rows as fp32 values that have been
// rounded already (their products are exact), so one kernel serves the three precisions.
#ifndef POLICY_CPU_GEMM_ROW_H
#define POLICY_CPU_GEMM_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cpu/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { K_BLOCK = 32, SCALE_BLOCK = 128 };

// C[m,n] = (from[m,n] or +0) + sum over K. Element (m, k) of A is at
//   a[(m / tile_m) * a_tile + (m % tile_m) * a_row + k * a_step], tile_m of the row's kernel;
// with gather, a[gather[m] * a_row + k * a_step].
typedef struct GemmJob {
    const float *a;
    ptrdiff_t a_tile, a_row, a_step;
    const int32_t *gather;
    const float *b;    // one panel: K rounded up to 32 rows of GEMM_PANEL, in gemm_order
    int m, n, k;       // n <= GEMM_PANEL
    const float *from; // partial sums of the K before this job, or NULL
    ptrdiff_t from_row;
    float *c;
    ptrdiff_t c_row;
    bool accumulate; // c += result, else c = result
    // fp8: after each 128 of K the partial is scaled by sa[m * sa_row + kq] * sw[kq * sw_step + n]
    const float *sa, *sw;
    ptrdiff_t sa_row, sw_step;
} GemmJob;

typedef struct GemmKernel {
    int tile_m;
    void (*panel)(const GemmJob *job);
} GemmKernel;

// The last two exist on x86-64 only.
extern const GemmKernel gemm_portable, gemm_avx2, gemm_avx512;

#ifdef __cplusplus
}
#endif
#endif
