// policy/cpu/gemm.c -- packs weights, prepares activations, and cuts products into panels.
#include "policy/cpu/gemm.h"

#include <string.h>

#include "policy/cpu/gemm_row.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/vec.h"

enum {
    LINE = 64,
    BLOCK_FLOATS = 96 * 1024, // rows of A handled at a time: about this many values, L2's third
    ROW_STEP = 48,            // a multiple of every row's tile
};

static int up(int x, int to) {
    return (x + to - 1) / to * to;
}
static int least(int a, int b) {
    return a < b ? a : b;
}
static size_t lines(size_t bytes) {
    return (bytes + LINE - 1) / LINE * LINE;
}
static void *aligned(void *p) {
    return (void *)(((uintptr_t)p + LINE - 1) & ~(uintptr_t)(LINE - 1));
}

static const GemmKernel *kernel(void) {
    switch (gemm_row()) {
#if defined(__x86_64__)
    case GEMM_AMX:
    case GEMM_AVX512: return &gemm_avx512;
    case GEMM_AVX2: return &gemm_avx2;
#endif
    default: return &gemm_portable;
    }
}

// ---- packing

// data: panels [ceil(N/32)][kpad][32], then for fp8 the scales [ceil(N/128)][ceil(K/128)] and the
// same spread over columns, [ceil(N/32)][ceil(K/128)][32], as the kernel wants them.
static size_t panels_bytes(int n, int k) {
    return (size_t)up(n, GEMM_PANEL) * (size_t)up(k, K_BLOCK) * sizeof(float);
}
static size_t scales_bytes(int n, int k) {
    return lines((size_t)(up(n, SCALE_BLOCK) / SCALE_BLOCK) *
                 (size_t)(up(k, SCALE_BLOCK) / SCALE_BLOCK) * sizeof(float));
}

size_t gemm_packed_bytes(int n, int k, Precision precision) {
    size_t bytes = panels_bytes(n, k);
    if (precision == PRECISION_FP8)
        bytes += scales_bytes(n, k) + (size_t)up(n, GEMM_PANEL) *
                                          (size_t)(up(k, SCALE_BLOCK) / SCALE_BLOCK) *
                                          sizeof(float);
    return lines(bytes);
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

// The largest magnitude of the 128 x 128 block at (n0, k0) of W.
static float block_amax(const Source *s, int n0, int k0) {
    const int nn = least(SCALE_BLOCK, s->n - n0), kk = least(SCALE_BLOCK, s->k - k0);
    const int rows = s->transposed ? kk : nn, cols = s->transposed ? nn : kk;
    const float *from = s->w + (s->transposed ? k0 * s->ld + n0 : n0 * s->ld + k0);
    float amax = 0;
    for (int r = 0; r < rows; r++) {
        const float row = vec_amax(from + r * s->ld, cols);
        if (row > amax) amax = row;
    }
    return amax;
}

void gemm_pack(Packed *out, void *data, const float *w, int ld, int n, int k, bool transposed,
               Precision precision) {
    const Source source = {w, ld, n, k, transposed};
    const int kq = up(k, SCALE_BLOCK) / SCALE_BLOCK;
    float *panel = data, *scale = NULL, *spread = NULL;
    if (precision == PRECISION_FP8) {
        scale = (float *)((char *)data + panels_bytes(n, k));
        spread = (float *)((char *)scale + scales_bytes(n, k));
        for (int n0 = 0; n0 < n; n0 += SCALE_BLOCK)
            for (int q = 0; q < kq; q++)
                scale[n0 / SCALE_BLOCK * kq + q] =
                    quant_scale(block_amax(&source, n0, q * SCALE_BLOCK));
    }
    for (int n0 = 0; n0 < n; n0 += GEMM_PANEL) {
        for (int k0 = 0; k0 < k; k0 += K_BLOCK, panel += K_BLOCK * GEMM_PANEL) {
            float block[K_BLOCK][GEMM_PANEL];
            fetch(block, &source, n0, k0);
            if (precision == PRECISION_BF16) bf16_round_n(block[0], block[0], sizeof block / 4);
            if (scale)
                e4m3_round_n(block[0], block[0], scale[n0 / SCALE_BLOCK * kq + k0 / SCALE_BLOCK],
                             sizeof block / 4);
            for (int i = 0; i < K_BLOCK; i++)
                memcpy(panel + gemm_order(i) * GEMM_PANEL, block[i], sizeof block[i]);
        }
        if (!scale) continue;
        for (int q = 0; q < kq; q++)
            for (int j = 0; j < GEMM_PANEL; j++) *spread++ = scale[n0 / SCALE_BLOCK * kq + q];
    }
    *out = (Packed){.data = data, .scale = scale, .n = n, .k = k, .precision = precision};
}

// ---- C = A W^T

// Rows of A prepared at a time.
static int block_rows(int m, int k) {
    int rows = BLOCK_FLOATS / up(k, K_BLOCK) / ROW_STEP * ROW_STEP;
    if (rows < ROW_STEP) rows = ROW_STEP;
    return least(rows, up(m, ROW_STEP));
}

size_t gemm_work_bytes(int m, int k) {
    const size_t rows = (size_t)block_rows(m, k);
    return LINE + lines(rows * (size_t)up(k, K_BLOCK) * sizeof(float)) +
           lines(rows * (size_t)(up(k, SCALE_BLOCK) / SCALE_BLOCK) * sizeof(float));
}

typedef struct Product {
    float *c;
    const float *a;
    ptrdiff_t ldc, lda;
    const Packed *w;
    const int32_t *gather;
    bool accumulate;
} Product;

// Rounds or quantises rows [m0, m0+m) into `to` [m][k] and their scales [m][ceil(k/128)].
static void prepare(float *to, float *scale, const Product *p, int m0, int m) {
    const int k = p->w->k;
    for (int i = 0; i < m; i++, to += k) {
        const float *row = p->a + (p->gather ? p->gather[m0 + i] : m0 + i) * p->lda;
        if (p->w->precision == PRECISION_BF16) {
            bf16_round_n(to, row, k);
            continue;
        }
        for (int at = 0; at < k; at += SCALE_BLOCK) {
            const int len = least(SCALE_BLOCK, k - at);
            *scale = quant_scale(vec_amax(row + at, len));
            e4m3_round_n(to + at, row + at, *scale++, len);
        }
    }
}

// Rows [m0, m1) and panels [p0, p1) of the product.
static void multiply(const Product *p, int m0, int m1, int p0, int p1, void *work) {
    const GemmKernel *row = kernel();
    const int n = p->w->n, k = p->w->k, kpad = up(k, K_BLOCK),
              kq = up(k, SCALE_BLOCK) / SCALE_BLOCK;
    const int rows = block_rows(m1 - m0, k);
    float *prepared = aligned(work);
    float *scale = (float *)((char *)prepared + lines((size_t)rows * (size_t)kpad * sizeof(float)));
    const float *spread = NULL;
    if (p->w->precision == PRECISION_FP8)
        spread = (const float *)((const char *)p->w->scale + scales_bytes(n, k));

    for (int m = m0; m < m1; m += rows) {
        GemmJob job = {.a = p->a + (p->gather ? 0 : m * p->lda),
                       .a_row = p->lda,
                       .a_step = 1,
                       .gather = p->gather ? p->gather + m : NULL,
                       .m = least(rows, m1 - m),
                       .k = k,
                       .c_row = p->ldc,
                       .accumulate = p->accumulate};
        if (p->w->precision != PRECISION_FP32) {
            prepare(prepared, scale, p, m, job.m);
            job.a = prepared;
            job.a_row = k;
            job.gather = NULL;
        }
        job.a_tile = job.a_row * row->tile_m;
        for (int i = p0; i < p1; i++) {
            job.b = (const float *)p->w->data + (size_t)i * GEMM_PANEL * (size_t)kpad;
            job.n = least(GEMM_PANEL, n - i * GEMM_PANEL);
            job.c = p->c + m * p->ldc + i * GEMM_PANEL;
            if (spread) {
                job.sa = scale;
                job.sa_row = kq;
                job.sw = spread + (size_t)i * (size_t)kq * GEMM_PANEL;
                job.sw_step = GEMM_PANEL;
            }
            row->panel(&job);
        }
    }
}

void gemm(float *c, int ldc, const float *a, int lda, int m, const Packed *w, const GemmOpts *opts,
          void *work) {
    const Product p = {c, a, ldc, lda, w, opts ? opts->gather : NULL, opts && opts->accumulate};
    multiply(&p, 0, m, 0, up(w->n, GEMM_PANEL) / GEMM_PANEL, work);
}

typedef struct Shared {
    Product p;
    int m, rows, n_rows, panels, n_panels; // rows of an item and how many; the same for panels
    char *work;
    size_t work_bytes;
} Shared;

static void multiply_item(void *ctx, int i, int worker) {
    const Shared *s = ctx;
    const int m = i % s->n_rows * s->rows, p = i / s->n_rows * s->panels;
    multiply(&s->p, m, least(s->m, m + s->rows), p, least(s->n_panels, p + s->panels),
             s->work + (size_t)worker * s->work_bytes);
}

void gemm_pool(Pool *pool, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
               const GemmOpts *opts, void *work) {
    const int threads = pool_threads(pool);
    Shared s = {.p = {c, a, ldc, lda, w, opts ? opts->gather : NULL, opts && opts->accumulate},
                .m = m,
                .work = work,
                .work_bytes = gemm_work_bytes(m, w->k),
                .n_panels = up(w->n, GEMM_PANEL) / GEMM_PANEL};
    s.rows = up(m, ROW_STEP);
    s.panels = s.n_panels;
    if (threads > 1) { // about four items a thread, cut along M where it is long enough
        s.rows = up((m + 4 * threads - 1) / (4 * threads), ROW_STEP);
        const int wanted = 2 * threads * s.rows / (m > 0 ? m : 1);
        if (wanted > 1) s.panels = (s.n_panels + wanted - 1) / wanted;
    }
    s.n_rows = (m + s.rows - 1) / (s.rows > 0 ? s.rows : 1);
    if (s.panels < 1 || s.n_rows < 1) return;
    pool_for(pool, s.n_rows * ((s.n_panels + s.panels - 1) / s.panels), multiply_item, &s);
}

void gemm_panel(float *c, int ldc, const float *a, int lda, int m, const float *b, int n, int k,
                bool accumulate) {
    const GemmKernel *row = kernel();
    GemmJob job = {.a = a,
                   .a_tile = (ptrdiff_t)lda * row->tile_m,
                   .a_row = lda,
                   .a_step = 1,
                   .m = m,
                   .k = k,
                   .c_row = ldc,
                   .accumulate = accumulate};
    for (int p = 0; p < n; p += GEMM_PANEL, b += (size_t)up(k, K_BLOCK) * GEMM_PANEL) {
        job.b = b;
        job.n = least(GEMM_PANEL, n - p);
        job.c = c + p;
        row->panel(&job);
    }
}

// ---- C = G^T X, T is summed

enum { T_BLOCK = 256 };

typedef struct GradWork {
    float *g;       // [N/tile][T_BLOCK][tile], 8 floats of slack
    float *x;       // one panel of [T_BLOCK][32]
    float *partial; // [N][kpad], where T is longer than a block
    float *gs, *xs; // fp8 scales: [N][T_BLOCK/128], [T_BLOCK/128][32]
} GradWork;

static size_t grad_floats(int t, int n, int k, size_t at[4]) {
    const size_t tall = (size_t)up(n, ROW_STEP), blocks = T_BLOCK / SCALE_BLOCK;
    at[0] = tall * T_BLOCK;
    at[1] = at[0] + T_BLOCK * GEMM_PANEL;
    at[2] = at[1] + (t > T_BLOCK ? (size_t)n * (size_t)up(k, GEMM_PANEL) : 0);
    at[3] = at[2] + tall * blocks;
    return at[3] + blocks * GEMM_PANEL;
}

static GradWork grad_work(void *work, int t, int n, int k) {
    size_t at[4];
    grad_floats(t, n, k, at);
    float *w = aligned(work);
    return (GradWork){
        .g = w, .x = w + at[0], .partial = w + at[1], .gs = w + at[2], .xs = w + at[3]};
}

size_t gemm_grad_work_bytes(int t, int n, int k) {
    size_t at[4];
    return lines(grad_floats(t, n, k, at) * sizeof(float)) + LINE;
}

// cols (<= 32) columns of `rows` (<= 128) rows at x become [row][32] values of the precision,
// zeros beyond; scale[32] for fp8.
static void strip(float to[SCALE_BLOCK][GEMM_PANEL], float *scale, const float *x, ptrdiff_t ld,
                  const int32_t *gather, int rows, int cols, Precision precision) {
    for (int i = 0; i < rows; i++) {
        memcpy(to[i], x + (gather ? gather[i] : i) * ld, sizeof(float) * (size_t)cols);
        for (int j = cols; j < GEMM_PANEL; j++) to[i][j] = 0;
    }
    if (precision == PRECISION_BF16) bf16_round_n(to[0], to[0], rows * GEMM_PANEL);
    if (precision != PRECISION_FP8) return;
    float amax[GEMM_PANEL] = {0};
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < GEMM_PANEL; j++) {
            const float abs = float_of(float_bits(to[i][j]) & 0x7fffffffu);
            if (abs > amax[j]) amax[j] = abs;
        }
    for (int j = 0; j < GEMM_PANEL; j++) scale[j] = quant_scale(amax[j]);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < GEMM_PANEL; j++) to[i][j] = e4m3_round(to[i][j] / scale[j]);
}

static void pack_g(const GradWork *w, const float *g, int ldg, int t, int n, int tile,
                   Precision precision) {
    for (int n0 = 0; n0 < n; n0 += GEMM_PANEL) {
        const int cols = least(GEMM_PANEL, n - n0);
        for (int t0 = 0; t0 < t; t0 += SCALE_BLOCK) {
            const int rows = least(SCALE_BLOCK, t - t0);
            float block[SCALE_BLOCK][GEMM_PANEL], scale[GEMM_PANEL];
            strip(block, scale, g + (ptrdiff_t)t0 * ldg + n0, ldg, NULL, rows, cols, precision);
            for (int j = 0; j < cols; j++) {
                float *to = w->g + (size_t)((n0 + j) / tile) * T_BLOCK * (size_t)tile +
                            (n0 + j) % tile + (size_t)t0 * (size_t)tile;
                for (int i = 0; i < rows; i++) to[(size_t)i * (size_t)tile] = block[i][j];
                if (precision == PRECISION_FP8)
                    w->gs[(n0 + j) * (T_BLOCK / SCALE_BLOCK) + t0 / SCALE_BLOCK] = scale[j];
            }
        }
    }
}

static void pack_x(const GradWork *w, const float *x, ptrdiff_t ldx, const int32_t *gather, int t,
                   int cols, Precision precision) {
    for (int t0 = 0; t0 < t; t0 += SCALE_BLOCK) {
        const int rows = least(SCALE_BLOCK, t - t0);
        float block[SCALE_BLOCK][GEMM_PANEL];
        strip(block, w->xs + t0 / SCALE_BLOCK * GEMM_PANEL, gather ? x : x + t0 * ldx, ldx,
              gather ? gather + t0 : NULL, rows, cols, precision);
        for (int i = 0; i < rows; i++)
            memcpy(w->x + (size_t)gemm_order(t0 + i) * GEMM_PANEL, block[i], sizeof block[i]);
    }
}

void gemm_grad(float *c, int ldc, const float *g, int ldg, const float *x, int ldx, int t, int n,
               int k, const GemmOpts *opts, Precision precision, void *work) {
    const GemmKernel *row = kernel();
    const GradWork w = grad_work(work, t, n, k);
    const int32_t *gather = opts ? opts->gather : NULL;
    const int kpad = up(k, GEMM_PANEL);
    int t0 = 0;
    do { // also once where T is 0: the sum is then +0
        const int tt = least(T_BLOCK, t - t0);
        const bool last = t0 + tt >= t;
        pack_g(&w, g + (ptrdiff_t)t0 * ldg, ldg, tt, n, row->tile_m, precision);
        GemmJob job = {.a = w.g,
                       .a_tile = (ptrdiff_t)T_BLOCK * row->tile_m,
                       .a_row = 1,
                       .a_step = row->tile_m,
                       .b = w.x,
                       .m = n,
                       .k = tt,
                       .from_row = kpad,
                       .c_row = last ? ldc : kpad,
                       .accumulate = last && opts && opts->accumulate};
        if (precision == PRECISION_FP8) {
            job.sa = w.gs;
            job.sa_row = T_BLOCK / SCALE_BLOCK;
            job.sw = w.xs;
            job.sw_step = GEMM_PANEL;
        }
        for (int k0 = 0; k0 < k; k0 += GEMM_PANEL) {
            job.n = least(GEMM_PANEL, k - k0);
            pack_x(&w, gather ? x + k0 : x + (ptrdiff_t)t0 * ldx + k0, ldx,
                   gather ? gather + t0 : NULL, tt, job.n, precision);
            job.from = t0 > 0 ? w.partial + k0 : NULL;
            job.c = last ? c + k0 : w.partial + k0;
            row->panel(&job);
        }
        t0 += tt;
    } while (t0 < t);
}
