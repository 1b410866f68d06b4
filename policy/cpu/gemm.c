// policy/cpu/gemm.c -- C = A W^T: prepares the rows of A and cuts the product into jobs.
#include "policy/cpu/gemm.h"

#include "policy/cpu/gemm_set.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/vec.h"

enum {
    BLOCK_FLOATS = 64 * 1024,  // rows of A handled at a time: what stays in L2 for all panels
    STREAM_ROWS = 64,          // up to so many rows, products wait for a weight ..
    STREAM_VALUES = 64 * 1024, // .. of so many values, which no near cache holds
    WIDE_ROWS = 512,           // up to so many rows, a weight of ..
    WIDE_VALUES = 4 << 20,     // .. so many values is cut along N alone, to be read once, ..
    SLICE_VALUES = 384 * 1024, // .. in slices that stay near for all rows
};

static int block_rows(int m, int k) {
    int rows = BLOCK_FLOATS / up(k, K_BLOCK) / ROW_STEP * ROW_STEP;
    if (rows < ROW_STEP) rows = ROW_STEP;
    return least(rows, up(m, ROW_STEP));
}

// Prepared rows [rows][kpad], their scales [rows][ceil(K/128)], one more row.
static size_t scales_at(int rows, int k) {
    return lines((size_t)rows * (size_t)up(k, K_BLOCK) * sizeof(float));
}
static size_t spare_at(int rows, int k) {
    return scales_at(rows, k) + lines((size_t)rows * (size_t)scale_blocks(k) * sizeof(float));
}

size_t gemm_work_bytes(int m, int k) {
    return GEMM_LINE + spare_at(block_rows(m, k), k) + lines((size_t)k * sizeof(float));
}

typedef struct GemmProduct {
    float *c;
    const float *a;
    ptrdiff_t ldc, lda;
    const Packed *w;
    const int32_t *gather;
    bool accumulate, go_on;
} GemmProduct;

static GemmProduct product_of(float *c, int ldc, const float *a, int lda, const Packed *w,
                              const GemmOpts *opts) {
    const GemmOpts none = {0}, *o = opts ? opts : &none;
    return (GemmProduct){c, a, ldc, lda, w, o->gather, o->accumulate, o->go_on};
}

static const float *row_of_a(const GemmProduct *p, int m) {
    return p->a + (p->gather ? p->gather[m] : m) * p->lda;
}

// E4M3 values of one row and their scales.
static void quantise(float *to, float *scale, const float *row, int k, bool gradient) {
    for (int at = 0; at < k; at += SCALE_BLOCK) {
        const int len = least(SCALE_BLOCK, k - at);
        const float amax = vec_amax(row + at, len);
        *scale = gradient ? quant_scale_gradient(amax) : quant_scale(amax);
        e4m3_round_n(to + at, row + at, *scale++, len);
    }
}

// Rounds the rows of a job that starts at row m0 into `work`.
static void prepare(GemmJob *job, const GemmKernel *kernel, const GemmProduct *p, int m0,
                    char *work) {
    const int k = job->k, kpad = up(k, K_BLOCK), kq = scale_blocks(k);
    const bool fp8 = p->w->precision == PRECISION_FP8;
    const int rows = block_rows(job->m, k);
    float *scale = (float *)(void *)(work + scales_at(rows, k));
    float *spare = (float *)(void *)(work + spare_at(rows, k));
    if (fp8) {
        job->sa = scale;
        job->sa_row = kq;
    }
    job->gather = NULL;
    if (gemm_tiled(kernel)) {
        uint16_t *to = (uint16_t *)(void *)work;
        job->a16 = to;
        job->a16_row = kpad;
        if (!fp8 && !p->gather && p->lda == k && k == kpad) {
            kernel->round16(to, row_of_a(p, m0), job->m * k);
            return;
        }
        for (int i = 0; i < job->m; i++, to += kpad, scale += kq) {
            const float *row = row_of_a(p, m0 + i);
            if (fp8) quantise(spare, scale, row, k, p->w->takes_gradients);
            kernel->round16(to, fp8 ? spare : row, k);
        }
        return;
    }
    float *to = (float *)(void *)work;
    job->a = to;
    job->a_row = k;
    if (!fp8 && !p->gather && p->lda == k) {
        bf16_round_n(to, row_of_a(p, m0), job->m * k);
        return;
    }
    for (int i = 0; i < job->m; i++, to += k, scale += kq) {
        if (fp8)
            quantise(to, scale, row_of_a(p, m0 + i), k, p->w->takes_gradients);
        else
            bf16_round_n(to, row_of_a(p, m0 + i), k);
    }
}

// Is the weight to be asked for ahead?
static bool streams(const Packed *w, int m) {
    return m <= STREAM_ROWS && (size_t)w->n * (size_t)w->k >= STREAM_VALUES;
}

// The product of `rows` rows from m on (at most a block), prepared in `work`; its panels are yet to
// be named. `all`: rows of A that meet these panels.
static GemmJob job_of(const GemmProduct *p, int m, int rows, int all, void *work) {
    const GemmKernel *kernel = gemm_kernel(p->w->precision);
    GemmJob job = {.m = rows,
                   .k = p->w->k,
                   .a = p->a + (p->gather ? 0 : m * p->lda),
                   .a_row = p->lda,
                   .a_step = 1,
                   .gather = p->gather ? p->gather + m : NULL,
                   .c = p->c + m * p->ldc,
                   .c_row = p->ldc,
                   .accumulate = p->accumulate,
                   .from_row = p->ldc,
                   .stream = streams(p->w, all)};
    if (p->w->precision != PRECISION_FP32) prepare(&job, kernel, p, m, aligned(work));
    job.a_tile = job.a_row * kernel->tile_m;
    return job;
}

// Panels [p0, p1) of it.
static void run_job(const GemmProduct *p, GemmJob job, int p0, int p1) {
    const GemmKernel *kernel = gemm_kernel(p->w->precision);
    const ptrdiff_t from = (ptrdiff_t)p0 * GEMM_PANEL * up(job.k, K_BLOCK);
    job.n = least(p->w->n, p1 * GEMM_PANEL) - p0 * GEMM_PANEL;
    job.c += p0 * GEMM_PANEL;
    if (p->go_on) job.from = job.c;
    if (p->w->precision == PRECISION_FP8) {
        job.sw_panel = (ptrdiff_t)scale_blocks(job.k) * GEMM_PANEL;
        job.sw = gemm_spread(p->w) + p0 * job.sw_panel;
    }
    if (gemm_tiled(kernel))
        job.b16 = (const uint16_t *)p->w->data + from;
    else
        job.b = (const float *)p->w->data + from;
    kernel->multiply(&job);
}

// Rows [m0, m1) and panels [p0, p1) of the product.
static void multiply(const GemmProduct *p, int m0, int m1, int p0, int p1, void *work) {
    const int rows = block_rows(m1 - m0, p->w->k);
    for (int m = m0; m < m1; m += rows)
        run_job(p, job_of(p, m, least(rows, m1 - m), m1 - m0, work), p0, p1);
}

void gemm(float *c, int ldc, const float *a, int lda, int m, const Packed *w, const GemmOpts *opts,
          void *work) {
    const GemmProduct p = product_of(c, ldc, a, lda, w, opts);
    multiply(&p, 0, m, 0, panels(w->n), work);
}

typedef struct SharedProduct {
    GemmProduct p;
    int m, rows, n_rows;  // rows of an item, and how many items that makes
    int n, cols, n_cols;  // the same in panels
    const GemmJob *ready; // or NULL: few rows, prepared once for all items
    char *work;
    size_t work_bytes;
} SharedProduct;

static void multiply_item(void *ctx, int i, int worker) {
    const SharedProduct *s = ctx;
    const int m = i % s->n_rows * s->rows, n = i / s->n_rows * s->cols;
    if (s->ready) {
        run_job(&s->p, *s->ready, n, least(s->n, n + s->cols));
        return;
    }
    multiply(&s->p, m, least(s->m, m + s->rows), n, least(s->n, n + s->cols),
             s->work + (size_t)worker * s->work_bytes);
}

void gemm_pool(Pool *pool, float *c, int ldc, const float *a, int lda, int m, const Packed *w,
               const GemmOpts *opts, void *work) {
    const int threads = pool_threads(pool);
    SharedProduct s = {.p = product_of(c, ldc, a, lda, w, opts),
                       .m = m,
                       .rows = up(m, ROW_STEP),
                       .n = panels(w->n),
                       .cols = panels(w->n),
                       .work = work,
                       .work_bytes = gemm_work_bytes(m, w->k)};
    if (m < 1 || s.n < 1) return;
    if (threads > 1 && m > STREAM_ROWS && m <= WIDE_ROWS && (int64_t)w->n * w->k >= WIDE_VALUES) {
        s.cols = SLICE_VALUES / (GEMM_PANEL * up(w->k, K_BLOCK));
        if (s.cols < 1) s.cols = 1;
    } else if (threads > 1) { // about four items a thread, cut along M where it is long enough
        s.rows = up((m + 4 * threads - 1) / (4 * threads), ROW_STEP);
        const int have = (m + s.rows - 1) / s.rows, want = (4 * threads + have - 1) / have;
        s.cols = (s.n + want - 1) / want;
    }
    s.n_rows = (m + s.rows - 1) / s.rows;
    s.n_cols = (s.n + s.cols - 1) / s.cols;
    GemmJob ready;
    if (s.n_rows == 1 && block_rows(m, w->k) >= m) {
        ready = job_of(&s.p, 0, m, m, work);
        s.ready = &ready;
    }
    pool_for(pool, s.n_rows * s.n_cols, multiply_item, &s);
}

void gemm_panel(float *c, int ldc, const float *a, int lda, int m, const float *b, int n, int k,
                bool accumulate) {
    const GemmKernel *kernel = gemm_kernel(PRECISION_FP32);
    const GemmJob job = {.m = m,
                         .n = n,
                         .k = k,
                         .a = a,
                         .b = b,
                         .a_tile = (ptrdiff_t)lda * kernel->tile_m,
                         .a_row = lda,
                         .a_step = 1,
                         .c = c,
                         .c_row = ldc,
                         .accumulate = accumulate};
    kernel->multiply(&job);
}
