// policy/cpu/gemm_set.h -- what an instruction set gives to gemm.c: one kernel set.
//
// Private to policy/cpu. gemm.h says what is computed; here is how the work is cut. A packed matrix
// is a list of panels of GEMM_PANEL columns. bf16 and fp8 operands reach the portable and AVX sets
// as fp32 values that have been rounded already (their products are exact), so one kernel serves
// the three precisions; AMX and AVX512-BF16 take them as bf16 and leave fp32 to the AVX-512 kernel.
#ifndef POLICY_CPU_GEMM_SET_H
#define POLICY_CPU_GEMM_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cpu/gemm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { K_BLOCK = 32, SCALE_BLOCK = 128, ROW_STEP = 48 }; // ROW_STEP: a multiple of every tile_m

// C[m,n] = (from[m,n] or +0) + sum over K.
typedef struct GemmJob {
    int m, n, k;
    // vector sets: element (m, k) of A is a[(m / tile_m) * a_tile + (m % tile_m) * a_row +
    // k * a_step], with gather a[gather[m] * a_row + k * a_step]; B's panels are [kpad][32] in
    // gemm_order, kpad = K rounded up to 32, rows at and after K not read
    const float *a, *b;
    ptrdiff_t a_tile, a_row, a_step;
    const int32_t *gather;
    // tile sets: A is [m][a16_row] with zeros from K to kpad, B's panels are as pack16 makes them
    const uint16_t *a16, *b16;
    ptrdiff_t a16_row;

    const float *from;  // partial sums of the K before this job, or NULL; [m][from_row], readable
    ptrdiff_t from_row; // up to N rounded to 32
    float *c;
    ptrdiff_t c_row;
    bool accumulate; // c += result, else c = result
    bool stream;     // few rows and a B that no cache holds: ask for its next panel meanwhile
    int fetch;       // then lines of it that a tile asks for in a block of K; the kernel's own
    // fp8: after each 128 of K the partial is scaled by
    // sa[m * sa_row + kq] * sw[n / 32 * sw_panel + kq * 32 + n % 32]
    const float *sa, *sw;
    ptrdiff_t sa_row, sw_panel;
} GemmJob;

typedef struct GemmKernel {
    int tile_m;
    void (*multiply)(const GemmJob *job);
    // Tile sets only. to[0 .. n rounded up to 32) = bf16 codes of x, zeros at the end.
    void (*round16)(uint16_t *to, const float *x, int n);
    // The first cols <= 32 values of 32 rows of K become 1024 codes of a panel, zeros beyond ..
    void (*pack16)(uint16_t *to, const float *const row[K_BLOCK], int cols);
    // .. and columns [0, cols) become rows of 32: to[n * to_row + k]. Both round as round16.
    void (*transpose16)(uint16_t *to, ptrdiff_t to_row, const float *const row[K_BLOCK], int cols);
} GemmKernel;

// All but the first exist on x86-64 only.
extern const GemmKernel gemm_portable, gemm_avx2, gemm_avx512, gemm_avx512bf16, gemm_amx;
const GemmKernel *gemm_kernel(Precision precision); // of gemm_set()
static inline bool gemm_tiled(const GemmKernel *kernel) {
    return kernel->pack16 != NULL;
}

// For tests on machines without AMX: the AMX set is supported from now on (where AVX-512 is) and
// its tiles are this kernel's; NULL takes it back.
void gemm_emulate(const GemmKernel *tiles);

// ---- arithmetic of sizes

enum { GEMM_LINE = 64 };
static inline int up(int x, int to) {
    return (x + to - 1) / to * to;
}
static inline int least(int a, int b) {
    return a < b ? a : b;
}
static inline size_t lines(size_t bytes) {
    return (bytes + GEMM_LINE - 1) / GEMM_LINE * GEMM_LINE;
}
static inline char *aligned(void *p) {
    return (char *)(((uintptr_t)p + GEMM_LINE - 1) & ~(uintptr_t)(GEMM_LINE - 1));
}
static inline int panels(int n) {
    return up(n, GEMM_PANEL) / GEMM_PANEL;
}
static inline int scale_blocks(int k) {
    return up(k, SCALE_BLOCK) / SCALE_BLOCK;
}

// Where a packed fp8 matrix keeps its scales spread over columns: [panels][ceil(K/128)][32].
const float *gemm_spread(const Packed *w);

// Does a tile set give the bits of the AVX-512 set, without faulting? Runs in a child process.
bool gemm_prove(const GemmKernel *tiles);

#ifdef __cplusplus
}
#endif
#endif
