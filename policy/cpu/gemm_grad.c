// policy/cpu/gemm_grad.c -- C = G^T X: the weight gradient, summed over tokens in blocks of T.
#include <string.h>

#include "policy/cpu/gemm_set.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/vec.h"

enum {
    T_BLOCK = 256,
    T_SCALES = T_BLOCK / SCALE_BLOCK,
    SLACK = 8, // pack_g copies 8 values at a time
    STRIP = ROW_STEP + SLACK,
};

typedef struct GradWork {
    // Vector sets: [N/tile][T_BLOCK][tile] and 8 of slack each. Tile sets: [N][T_BLOCK] codes.
    float *g;
    float *x;       // one panel of [T_BLOCK][32]
    float *partial; // [N][kpad], where T is longer than a block
    float *gs, *xs; // fp8 scales: [N][T_SCALES], [T_SCALES][32]
} GradWork;

// Floats before x, partial, gs, xs; returns all.
static size_t grad_floats(int t, int n, int k, size_t at[4]) {
    const size_t tall = (size_t)up(n, ROW_STEP);
    at[0] = tall * (T_BLOCK + SLACK);
    at[1] = at[0] + T_BLOCK * GEMM_PANEL;
    at[2] = at[1] + (t > T_BLOCK ? (size_t)n * (size_t)up(k, GEMM_PANEL) : 0);
    at[3] = at[2] + tall * T_SCALES;
    return at[3] + T_SCALES * GEMM_PANEL;
}

static GradWork grad_work(void *work, int t, int n, int k) {
    size_t at[4];
    grad_floats(t, n, k, at);
    float *w = (float *)(void *)aligned(work);
    return (GradWork){w, w + at[0], w + at[1], w + at[2], w + at[3]};
}

size_t gemm_grad_work_bytes(int t, int n, int k) {
    size_t at[4];
    return lines(grad_floats(t, n, k, at) * sizeof(float)) + GEMM_LINE;
}

// A matrix whose rows are tokens.
typedef struct TokenRows {
    const float *x;
    ptrdiff_t ld;
    const int32_t *gather;
} TokenRows;

static const float *token_row(const TokenRows *from, int t) {
    return from->x + (from->gather ? from->gather[t] : t) * from->ld;
}

// Columns [c0, c0 + cols) of tokens [t0, t0 + rows) as values of the precision in rows of `width`,
// zeros beyond; scale[j] of each column for fp8. rows <= 128.
static void strip(float *to, int width, float *scale, const TokenRows *from, int t0, int rows,
                  int c0, int cols, Precision precision) {
    for (int i = 0; i < rows; i++) {
        float *row = to + i * width;
        memcpy(row, token_row(from, t0 + i) + c0, sizeof(float) * (size_t)cols);
        memset(row + cols, 0, sizeof(float) * (size_t)(width - cols));
    }
    if (precision == PRECISION_BF16) bf16_round_n(to, to, rows * width);
    if (precision != PRECISION_FP8) return;
    float amax[STRIP] = {0};
    for (int i = 0; i < rows; i++) vec_amax_columns(amax, to + i * width, cols);
    for (int j = 0; j < cols; j++) scale[j] = quant_scale_gradient(amax[j]);
    for (int i = 0; i < rows; i++) e4m3_round_columns(to + i * width, to + i * width, scale, cols);
}

// 32 rows for pack16 and transpose16, which round them: columns from c0 on of `rows` tokens, zeros
// after.
static void rows_of(const float *row[K_BLOCK], const TokenRows *from, int t0, int rows, int c0) {
    static const float zeros[STRIP];
    for (int i = 0; i < K_BLOCK; i++) row[i] = i < rows ? token_row(from, t0 + i) + c0 : zeros;
}

static ptrdiff_t g_tile(const GemmKernel *kernel) { // floats from one tile of G to the next
    return T_BLOCK * kernel->tile_m + SLACK;
}

// Cuts `cols` columns of x into tiles: to[j / tile * to_tile + i * tile + j % tile]. Copies SLACK
// values at a time, the next row overwrites what is too much.
static void place(float *to, ptrdiff_t to_tile, int tile, const float *x, ptrdiff_t ld, int rows,
                  int cols) {
    for (int j = 0; j < cols; j += tile, to += to_tile)
        for (int i = 0; i < rows; i++) memcpy(to + i * tile, x + i * ld + j, SLACK * sizeof(float));
}

static void pack_g(const GradWork *w, const GemmKernel *kernel, const TokenRows *g, int t0, int t,
                   int n, Precision precision) {
    const int tile = kernel->tile_m;
    for (int n0 = 0; n0 < n; n0 += ROW_STEP) {
        const int cols = least(ROW_STEP, n - n0);
        if (precision == PRECISION_FP32 && n0 + STRIP <= n) { // nothing to round, space to read
            place(w->g + n0 / tile * g_tile(kernel), g_tile(kernel), tile, g->x + t0 * g->ld + n0,
                  g->ld, t, cols);
            continue;
        }
        uint16_t *codes = (uint16_t *)(void *)w->g + (ptrdiff_t)n0 * T_BLOCK;
        if (precision == PRECISION_BF16 && gemm_tiled(kernel)) {
            for (int at = 0; at < t; at += K_BLOCK) {
                const float *row[K_BLOCK];
                rows_of(row, g, t0 + at, t - at, n0);
                kernel->transpose16(codes + at, T_BLOCK, row, cols);
            }
            continue;
        }
        for (int at = 0; at < t; at += SCALE_BLOCK) {
            const int rows = least(SCALE_BLOCK, t - at);
            float block[SCALE_BLOCK][STRIP], scale[STRIP];
            const TokenRows made = {block[0], STRIP, NULL};
            strip(block[0], STRIP, scale, g, t0 + at, rows, n0, cols, precision);
            if (precision == PRECISION_FP8)
                for (int j = 0; j < cols; j++)
                    w->gs[(n0 + j) * T_SCALES + at / SCALE_BLOCK] = scale[j];
            if (gemm_tiled(kernel)) {
                for (int i = 0; i < rows; i += K_BLOCK) {
                    const float *row[K_BLOCK];
                    rows_of(row, &made, i, rows - i, 0);
                    kernel->transpose16(codes + at + i, T_BLOCK, row, cols);
                }
                continue;
            }
            place(w->g + n0 / tile * g_tile(kernel) + at * tile, g_tile(kernel), tile, block[0],
                  STRIP, rows, cols);
        }
    }
}

static void pack_x(const GradWork *w, const GemmKernel *kernel, const TokenRows *x, int t0, int t,
                   int k0, int cols, Precision precision) {
    if (precision == PRECISION_FP32 && cols == GEMM_PANEL) {
        for (int i = t0; i < t0 + t; i++)
            memcpy(w->x + gemm_order(i - t0) * GEMM_PANEL,
                   x->x + (x->gather ? x->gather[i] : i) * x->ld + k0, GEMM_PANEL * sizeof(float));
        return;
    }
    uint16_t *codes = (uint16_t *)(void *)w->x;
    const float *row[K_BLOCK];
    if (precision == PRECISION_BF16 && gemm_tiled(kernel)) {
        for (int at = 0; at < t; at += K_BLOCK) {
            rows_of(row, x, t0 + at, t - at, k0);
            kernel->pack16(codes + at * GEMM_PANEL, row, cols);
        }
        return;
    }
    for (int at = 0; at < t; at += SCALE_BLOCK) {
        const int rows = least(SCALE_BLOCK, t - at);
        float block[SCALE_BLOCK][GEMM_PANEL];
        const TokenRows made = {block[0], GEMM_PANEL, NULL};
        strip(block[0], GEMM_PANEL, w->xs + at / SCALE_BLOCK * GEMM_PANEL, x, t0 + at, rows, k0,
              cols, precision);
        if (gemm_tiled(kernel)) {
            for (int i = 0; i < rows; i += K_BLOCK) {
                rows_of(row, &made, i, rows - i, 0);
                kernel->pack16(codes + (at + i) * GEMM_PANEL, row, GEMM_PANEL);
            }
            continue;
        }
        for (int i = 0; i < rows; i++)
            memcpy(w->x + gemm_order(at + i) * GEMM_PANEL, block[i], sizeof block[i]);
    }
}

void gemm_grad(float *c, int ldc, const float *g, int ldg, const float *x, int ldx, int t, int n,
               int k, const GemmOpts *opts, Precision precision, void *work) {
    const GemmKernel *kernel = gemm_kernel(precision);
    const GradWork w = grad_work(work, t, n, k);
    const TokenRows gs = {g, ldg, NULL}, xs = {x, ldx, opts ? opts->gather : NULL};
    const int kpad = up(k, GEMM_PANEL);
    int t0 = 0;
    do { // once where T is 0: the sum is +0 then
        const int tt = least(T_BLOCK, t - t0);
        const bool last = t0 + tt >= t;
        pack_g(&w, kernel, &gs, t0, tt, n, precision);
        GemmJob job = {.m = n,
                       .k = tt,
                       .a = w.g,
                       .a_tile = g_tile(kernel),
                       .a_row = 1,
                       .a_step = kernel->tile_m,
                       .b = w.x,
                       .a16 = (const uint16_t *)(const void *)w.g,
                       .a16_row = T_BLOCK,
                       .b16 = (const uint16_t *)(const void *)w.x,
                       .from_row = kpad,
                       .c_row = last ? ldc : kpad,
                       .accumulate = last && opts && opts->accumulate};
        if (precision == PRECISION_FP8) {
            job.sa = w.gs;
            job.sa_row = T_SCALES;
            job.sw = w.xs;
        }
        for (int k0 = 0; k0 < k; k0 += GEMM_PANEL) {
            job.n = least(GEMM_PANEL, k - k0);
            pack_x(&w, kernel, &xs, t0, tt, k0, job.n, precision);
            job.from = t0 > 0 ? w.partial + k0 : NULL;
            job.c = last ? c + k0 : w.partial + k0;
            kernel->multiply(&job);
        }
        t0 += tt;
    } while (t0 < t);
}
