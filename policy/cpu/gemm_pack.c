// policy/cpu/gemm_pack.c -- packs a weight for the selected row.
//
// data: panels [ceil(N/32)][kpad][32] (fp32 values, or 1024 bf16 codes a block of 32), then for fp8
// the scales [ceil(N/128)][ceil(K/128)] and the same spread over columns as the kernels want them.
#include <string.h>

#include "policy/cpu/gemm_set.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/vec.h"

static size_t panels_bytes(int n, int k, Precision precision) {
    const size_t size = gemm_tiled(gemm_kernel(precision)) ? sizeof(uint16_t) : sizeof(float);
    return lines((size_t)up(n, GEMM_PANEL) * (size_t)up(k, K_BLOCK) * size);
}
static size_t scales_bytes(int n, int k) {
    return lines((size_t)scale_blocks(n) * (size_t)scale_blocks(k) * sizeof(float));
}

size_t gemm_packed_bytes(int n, int k, Precision precision) {
    size_t bytes = panels_bytes(n, k, precision);
    if (precision == PRECISION_FP8)
        bytes += scales_bytes(n, k) +
                 (size_t)up(n, GEMM_PANEL) * (size_t)scale_blocks(k) * sizeof(float);
    return lines(bytes);
}

const float *gemm_spread(const Packed *w) {
    return (const float *)((const char *)w->scale + scales_bytes(w->n, w->k));
}

Packed gemm_packed(void *data, int n, int k, Precision precision) {
    Packed out = {.data = data, .n = n, .k = k, .precision = precision};
    if (precision == PRECISION_FP8)
        out.scale = (const float *)((const char *)data + panels_bytes(n, k, precision));
    return out;
}

typedef struct Source {
    const float *w;
    ptrdiff_t ld;
    int n, k;
    bool transposed;
} Source;

// The 32 x 32 block of W at (n0, k0) as [k][n], zeros outside.
static void fetch(float to[K_BLOCK][GEMM_PANEL], const Source *s, int n0, int k0) {
    const int nn = least(GEMM_PANEL, s->n - n0), kk = least(K_BLOCK, s->k - k0);
    if (nn < GEMM_PANEL || kk < K_BLOCK) memset(to, 0, sizeof(float) * K_BLOCK * GEMM_PANEL);
    if (s->transposed) {
        for (int k = 0; k < kk; k++)
            memcpy(to[k], s->w + (k0 + k) * s->ld + n0, sizeof(float) * (size_t)nn);
        return;
    }
    for (int n = 0; n < nn; n++) {
        const float *row = s->w + (n0 + n) * s->ld + k0;
        for (int k = 0; k < kk; k++) to[k][n] = row[k];
    }
}

// The scale of the 128 x 128 block at (n0, k0) of W.
static float block_scale(const Source *s, int n0, int k0) {
    const int nn = least(SCALE_BLOCK, s->n - n0), kk = least(SCALE_BLOCK, s->k - k0);
    const int rows = s->transposed ? kk : nn, cols = s->transposed ? nn : kk;
    const float *from = s->w + (s->transposed ? k0 * s->ld + n0 : n0 * s->ld + k0);
    float amax = 0;
    for (int r = 0; r < rows; r++) {
        const float row = vec_amax(from + r * s->ld, cols);
        if (row > amax) amax = row;
    }
    return quant_scale(amax);
}

// Codes of a W that is transposed: its rows are rows of K already, read in their order.
static void pack_rows(uint16_t *to, const Source *s, const GemmKernel *kernel) {
    static const float zeros[GEMM_PANEL];
    const size_t panel = (size_t)up(s->k, K_BLOCK) * GEMM_PANEL;
    for (int k0 = 0; k0 < s->k; k0 += K_BLOCK, to += K_BLOCK * GEMM_PANEL)
        for (int n0 = 0; n0 < s->n; n0 += GEMM_PANEL) {
            const float *row[K_BLOCK];
            for (int i = 0; i < K_BLOCK; i++)
                row[i] = k0 + i < s->k ? s->w + (k0 + i) * s->ld + n0 : zeros;
            kernel->pack16(to + (size_t)(n0 / GEMM_PANEL) * panel, row,
                           least(GEMM_PANEL, s->n - n0));
        }
}

void gemm_pack(Packed *out, void *data, const float *w, int ld, int n, int k, bool transposed,
               Precision precision) {
    const GemmKernel *kernel = gemm_kernel(precision);
    const Source source = {w, ld, n, k, transposed};
    const int kq = scale_blocks(k), size = K_BLOCK * GEMM_PANEL;
    float *scale = NULL, *spread = NULL;
    *out = gemm_packed(data, n, k, precision);
    if (precision == PRECISION_FP8) {
        scale = (float *)((char *)data + panels_bytes(n, k, precision));
        spread = (float *)((char *)scale + scales_bytes(n, k));
        for (int n0 = 0; n0 < n; n0 += SCALE_BLOCK)
            for (int q = 0; q < kq; q++)
                scale[n0 / SCALE_BLOCK * kq + q] = block_scale(&source, n0, q * SCALE_BLOCK);
    }
    if (transposed && precision == PRECISION_BF16 && gemm_tiled(kernel)) {
        pack_rows(data, &source, kernel);
        return;
    }
    size_t at = 0;
    for (int n0 = 0; n0 < n; n0 += GEMM_PANEL) {
        const float *of = scale ? scale + n0 / SCALE_BLOCK * kq : NULL;
        for (int k0 = 0; k0 < k; k0 += K_BLOCK, at += (size_t)size) {
            float block[K_BLOCK][GEMM_PANEL];
            fetch(block, &source, n0, k0);
            if (precision == PRECISION_BF16 && !gemm_tiled(kernel))
                bf16_round_n(block[0], block[0], size);
            if (scale) e4m3_round_n(block[0], block[0], of[k0 / SCALE_BLOCK], size);
            if (gemm_tiled(kernel)) {
                const float *row[K_BLOCK];
                for (int i = 0; i < K_BLOCK; i++) row[i] = block[i];
                kernel->pack16((uint16_t *)data + at, row, GEMM_PANEL);
                continue;
            }
            for (int i = 0; i < K_BLOCK; i++)
                memcpy((float *)data + at + gemm_order(i) * GEMM_PANEL, block[i], sizeof block[i]);
        }
        for (int i = 0; scale && i < kq * GEMM_PANEL; i++) *spread++ = of[i / GEMM_PANEL];
    }
}
