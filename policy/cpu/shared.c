// policy/cpu/shared.c -- ops of rows, cut over the threads where they share one unit.
//
// A row is computed as it would be alone, so the cut changes no bit. Small pieces are not worth the
// threads' meeting.
#include "policy/cpu/rows.h"

enum {
    PIECE_VALUES = 1 << 15, // at least, of a piece
    GRAD_ROWS = 1008,       // rows of a weight gradient at a time: bounds the scratch
    GRAD_ROWS_LEAST = 96,   // fewer, and packing X again costs more than a thread gives
    GRAD_STEP = 48,         // whole tiles of every kernel
};

typedef struct Share {
    Pool *pool;
    int rows, each, n; // rows of a piece, pieces
} Share;

static Share share_of(const void *dev, int rows, int cols) {
    const CpuDev *d = dev;
    Share s = {.pool = d ? d->pool : NULL, .rows = rows, .each = rows, .n = rows > 0};
    const int threads = pool_threads(s.pool);
    if (threads == 1 || rows < 2) return s;
    const int least = PIECE_VALUES / (cols > 0 ? cols : 1) + 1, fair = rows / (4 * threads) + 1;
    s.each = least > fair ? least : fair;
    s.n = (rows + s.each - 1) / s.each;
    return s;
}
static int piece(const Share *s, int i, int *begin) {
    *begin = i * s->each;
    return s->rows - *begin < s->each ? s->rows - *begin : s->each;
}
static size_t at(int row, int ld) {
    return (size_t)row * (size_t)ld;
}

typedef struct NormRows {
    Share s;
    float *y;
    const float *x, *gain;
    int ldy, ldx, cols;
    float eps;
} NormRows;

static void norm_piece(void *ctx, int i, int worker) {
    (void)worker;
    const NormRows *a = ctx;
    int r;
    const int n = piece(&a->s, i, &r);
    cpu_rmsnorm(NULL, a->y + at(r, a->ldy), a->ldy, a->x + at(r, a->ldx), a->ldx, a->gain, n,
                a->cols, a->eps);
}
void shared_rmsnorm(void *dev, float *y, int ldy, const float *x, int ldx, const float *gain,
                    int rows, int cols, float eps) {
    NormRows a = {share_of(dev, rows, cols), y, x, gain, ldy, ldx, cols, eps};
    pool_for(a.s.pool, a.s.n, norm_piece, &a);
}

// Rows of 1024 values; the last one may be short.
enum { FLAT = 1024, COST = 4 }; // an exponential is worth four of other values
typedef struct Swiglu {
    Share s;
    float *act, *dgate, *dup;
    const float *dact, *gate, *up;
    size_t n;
} Swiglu;

static size_t flat_piece(const Swiglu *a, int i, size_t *begin) {
    int r;
    const size_t n = at(piece(&a->s, i, &r), FLAT);
    *begin = at(r, FLAT);
    return a->n - *begin < n ? a->n - *begin : n;
}
static void swiglu_piece(void *ctx, int i, int worker) {
    (void)worker;
    const Swiglu *a = ctx;
    size_t b;
    const size_t n = flat_piece(a, i, &b);
    cpu_swiglu(NULL, a->act + b, a->gate + b, a->up + b, n);
}
static void swiglu_grad_piece(void *ctx, int i, int worker) {
    (void)worker;
    const Swiglu *a = ctx;
    size_t b;
    const size_t n = flat_piece(a, i, &b);
    cpu_swiglu_grad(NULL, a->dgate + b, a->dup + b, a->dact + b, a->gate + b, a->up + b, n);
}
void shared_swiglu(void *dev, float *act, const float *gate, const float *up, size_t n) {
    Swiglu a = {.s = share_of(dev, (int)((n + FLAT - 1) / FLAT), COST * FLAT),
                .act = act,
                .gate = gate,
                .up = up,
                .n = n};
    pool_for(a.s.pool, a.s.n, swiglu_piece, &a);
}
void shared_swiglu_grad(void *dev, float *dgate, float *dup, const float *dact, const float *gate,
                        const float *up, size_t n) {
    Swiglu a = {.s = share_of(dev, (int)((n + FLAT - 1) / FLAT), COST * FLAT),
                .dgate = dgate,
                .dup = dup,
                .dact = dact,
                .gate = gate,
                .up = up,
                .n = n};
    pool_for(a.s.pool, a.s.n, swiglu_grad_piece, &a);
}

typedef struct RopeRows {
    Share s;
    float *x;
    const float *table;
    const int32_t *pos;
    int ldx, heads, step, dim;
    bool inverse;
} RopeRows;

static void rope_piece(void *ctx, int i, int worker) {
    (void)worker;
    const RopeRows *a = ctx;
    int r;
    const int n = piece(&a->s, i, &r);
    cpu_rope_halves(NULL, a->x + at(r, a->ldx), a->ldx, a->heads, a->step, a->table, a->pos + r, n,
                    a->dim, a->inverse);
}
void shared_rope_halves(void *dev, float *x, int ldx, int heads, int step, const float *table,
                        const int32_t *pos, int rows, int dim, bool inverse) {
    RopeRows a = {share_of(dev, rows, heads * dim), x, table, pos, ldx, heads, step, dim, inverse};
    pool_for(a.s.pool, a.s.n, rope_piece, &a);
}

typedef struct LogprobRows {
    Share s;
    KernelView logits;
    const int32_t *token;
    float by, *logp, *entropy, *lse;
    const float *lse_in, *entropy_in, *dlogp, *dentropy;
} LogprobRows;

static KernelView rows_of(const KernelView *v, int begin, int n) {
    KernelView out = *v;
    out.data = (float *)v->data + at(begin, v->stride);
    out.rows = n;
    return out;
}
static void logprob_piece(void *ctx, int i, int worker) {
    (void)worker;
    const LogprobRows *a = ctx;
    int r;
    const int n = piece(&a->s, i, &r);
    Status st = cpu_logprob(NULL, rows_of(&a->logits, r, n), a->token + r, a->by,
                            a->logp ? a->logp + r : NULL, a->entropy ? a->entropy + r : NULL,
                            a->lse ? a->lse + r : NULL);
    CHECK(st == ST_OK);
}
static void logprob_grad_piece(void *ctx, int i, int worker) {
    (void)worker;
    const LogprobRows *a = ctx;
    int r;
    const int n = piece(&a->s, i, &r);
    Status st = cpu_logprob_grad(NULL, rows_of(&a->logits, r, n), a->token + r, a->by,
                                 a->lse_in + r, a->entropy_in ? a->entropy_in + r : NULL,
                                 a->dlogp + r, a->dentropy ? a->dentropy + r : NULL);
    CHECK(st == ST_OK);
}
Status shared_logprob(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                      float *logp, float *entropy, float *lse) {
    LogprobRows a = {.s = share_of(dev, logits.rows, logits.cols),
                     .logits = logits,
                     .token = token,
                     .by = inv_temperature,
                     .logp = logp,
                     .entropy = entropy,
                     .lse = lse};
    pool_for(a.s.pool, a.s.n, logprob_piece, &a);
    return ST_OK;
}
Status shared_logprob_grad(void *dev, KernelView logits, const int32_t *token,
                           float inv_temperature, const float *lse, const float *entropy,
                           const float *dlogp, const float *dentropy) {
    LogprobRows a = {.s = share_of(dev, logits.rows, logits.cols),
                     .logits = logits,
                     .token = token,
                     .by = inv_temperature,
                     .lse_in = lse,
                     .entropy_in = entropy,
                     .dlogp = dlogp,
                     .dentropy = dentropy};
    pool_for(a.s.pool, a.s.n, logprob_grad_piece, &a);
    return ST_OK;
}

typedef struct Grad { // by rows of C, which are columns of G
    Share s;
    float *c;
    const float *g, *x;
    int ldc, ldg, ldx, t, k;
    GemmOpts opts;
    Precision precision;
    char *work;
    size_t work_bytes;
} Grad;

// Rows of C in a piece: even pieces of at most GRAD_ROWS.
static int grad_each(int n, int threads) {
    int pieces = (n + GRAD_ROWS - 1) / GRAD_ROWS, least = n / GRAD_ROWS_LEAST;
    if (pieces % threads) pieces += threads - pieces % threads;
    if (pieces > least) pieces = least > 0 ? least : 1;
    const int each = (n + pieces - 1) / pieces;
    return (each + GRAD_STEP - 1) / GRAD_STEP * GRAD_STEP;
}
static void grad_piece(void *ctx, int i, int worker) {
    const Grad *a = ctx;
    int r;
    const int n = piece(&a->s, i, &r);
    gemm_grad(a->c + at(r, a->ldc), a->ldc, a->g + r, a->ldg, a->x, a->ldx, a->t, n, a->k, &a->opts,
              a->precision, a->work + (a->s.pool ? (size_t)worker * a->work_bytes : 0));
}
size_t shared_gemm_grad_bytes(int t, int n, int k) {
    return gemm_grad_work_bytes(t, grad_each(n, 1), k);
}
void shared_gemm_grad(void *dev, float *c, int ldc, const float *g, int ldg, const float *x,
                      int ldx, const int32_t *gather, int t, int n, int k, Precision precision) {
    const CpuDev *d = dev;
    if (t <= 0 || n <= 0) return;
    Grad a = {.s = {.pool = d->pool, .rows = n, .each = grad_each(n, pool_threads(d->pool))},
              .c = c,
              .g = g,
              .x = x,
              .ldc = ldc,
              .ldg = ldg,
              .ldx = ldx,
              .t = t,
              .k = k,
              .opts = {.accumulate = true, .gather = gather},
              .precision = precision,
              .work = d->work,
              .work_bytes = shared_gemm_grad_bytes(t, n, k)};
    a.s.n = (n + a.s.each - 1) / a.s.each;
    pool_for(a.s.pool, a.s.n, grad_piece, &a);
}
