// policy/cpu/fused.c -- norm with quantisation, and quantisation both ways, composed from plain
// parts: the truth that the CUDA row's fused kernels are compared with.
#include <math.h>

#include "policy/cpu/quant.h"
#include "policy/cpu/rows.h"

enum { TILE = 128 };

static float value_at(const KernelView *x, int r, int c) {
    const size_t i = (size_t)r * (size_t)x->stride + (size_t)c;
    if (x->dtype == DTYPE_BF16) return bf16_decode(((const uint16_t *)x->data)[i]);
    return ((const float *)x->data)[i];
}

// One tile of n <= 128 values: codes `step` apart... contiguous in the view's row.
static void quant_tile(KernelView *y, int r, int tile, const float *value, int n) {
    const int tiles = (y->cols + TILE - 1) / TILE;
    uint8_t *code = (uint8_t *)y->data + (size_t)r * (size_t)y->stride + (size_t)tile * TILE;
    quant_row(code, y->scale + (size_t)r * (size_t)tiles + tile, value, n);
}

Status cpu_rmsnorm_quant(void *dev, KernelView y, float *rstd, KernelView x, const float *gain,
                         float eps) {
    (void)dev;
    float value[TILE];
    for (int r = 0; r < x.rows; r++) {
        const float *row = (const float *)x.data + (size_t)r * (size_t)x.stride;
        float lane[16] = {0};
        for (int c = 0; c < x.cols; c++) lane[c % 16] += row[c] * row[c];
        for (int w = 8; w > 0; w /= 2)
            for (int i = 0; i < w; i++) lane[i] += lane[i + w];
        const float scale = 1.0f / sqrtf(lane[0] / (float)x.cols + eps);
        if (rstd) rstd[r] = scale;
        for (int c = 0; c < x.cols; c += TILE) {
            const int n = x.cols - c < TILE ? x.cols - c : TILE;
            for (int i = 0; i < n; i++) value[i] = row[c + i] * scale * gain[c + i];
            quant_tile(&y, r, c / TILE, value, n);
        }
    }
    return ST_OK;
}

Status cpu_quant_both(void *dev, KernelView by_row, KernelView by_col, KernelView x) {
    (void)dev;
    float value[TILE];
    for (int r = 0; by_row.data && r < x.rows; r++)
        for (int c = 0; c < x.cols; c += TILE) {
            const int n = x.cols - c < TILE ? x.cols - c : TILE;
            for (int i = 0; i < n; i++) value[i] = value_at(&x, r, c + i);
            quant_tile(&by_row, r, c / TILE, value, n);
        }
    for (int c = 0; by_col.data && c < x.cols; c++)
        for (int r = 0; r < x.rows; r += TILE) {
            const int n = x.rows - r < TILE ? x.rows - r : TILE;
            for (int i = 0; i < n; i++) value[i] = value_at(&x, r + i, c);
            quant_tile(&by_col, c, r / TILE, value, n);
        }
    return ST_OK;
}
