// policy/cpu/gemm_portable.c -- the contract of gemm.h in plain C: the oracle of the other rows.
#include <math.h>

#include "policy/cpu/gemm_set.h"

// The chains of one 32-block for all columns of the panel; fmaf is exact by C's own definition.
static void block(float *partial, const float *a, ptrdiff_t step, const float *b, int kk) {
    float chain[2][GEMM_PANEL] = {{0}};
    for (int k = 0; k < kk; k++) {
        const float x = a[k * step], *w = b + gemm_order(k) * GEMM_PANEL;
        float *sum = chain[k & 1];
        for (int n = 0; n < GEMM_PANEL; n++) sum[n] = fmaf(x, w[n], sum[n]);
    }
    for (int n = 0; n < GEMM_PANEL; n++) partial[n] += chain[0][n] + chain[1][n];
}

static void panel(const GemmJob *job, int n0, const float *b, const float *sw) {
    const int cols = least(GEMM_PANEL, job->n - n0);
    for (int m = 0; m < job->m; m++) {
        const float *a =
            job->gather ? job->a + job->gather[m] * job->a_row : job->a + m * job->a_tile;
        float sum[GEMM_PANEL] = {0}, partial[GEMM_PANEL] = {0};
        float *to = job->sa ? partial : sum;
        if (job->from)
            for (int n = 0; n < cols; n++) sum[n] = job->from[m * job->from_row + n0 + n];
        for (int k = 0; k < job->k; k += K_BLOCK) {
            const int kk = least(K_BLOCK, job->k - k);
            block(to, a + k * job->a_step, job->a_step, b + k * GEMM_PANEL, kk);
            if (!job->sa || (k + kk < job->k && (k + kk) % SCALE_BLOCK != 0)) continue;
            const int kq = k / SCALE_BLOCK;
            const float sa = job->sa[m * job->sa_row + kq];
            for (int n = 0; n < cols; n++) {
                // sw is there whenever job->sa is.
                // NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
                sum[n] = fmaf(partial[n], sa * sw[kq * GEMM_PANEL + n], sum[n]);
                partial[n] = 0;
            }
        }
        float *c = job->c + m * job->c_row + n0;
        for (int n = 0; n < cols; n++) c[n] = job->accumulate ? c[n] + sum[n] : sum[n];
    }
}

static void multiply(const GemmJob *job) {
    for (int i = 0; i < panels(job->n); i++)
        panel(job, i * GEMM_PANEL, job->b + (ptrdiff_t)i * up(job->k, K_BLOCK) * GEMM_PANEL,
              job->sw ? job->sw + i * job->sw_panel : NULL);
}

const GemmKernel gemm_portable = {.tile_m = 1, .multiply = multiply};
