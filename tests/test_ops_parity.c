// tests/test_ops_parity.c -- policy/kernels.h: the CUDA row against the CPU row and against FP64.
//
// Runs on a GPU where one answers, or on the CPU shim (tests/cuemu) with its three thread
// schedules. The claim per value: the CUDA row's largest error against FP64 is at most twice the
// CPU row's (or a few fp32 roundings where the CPU row happens to be exact), and codes are the CPU
// row's codes.
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cuda/device.h"
#include "tests/cuemu/cuemu.h"
#include "tests/test.h"

typedef struct OpsSide { // one row of the table with its device
    const Kernels *ops;
    void *dev;
} OpsSide;

static OpsSide cpu, cuda;

// ---- device buffers ---------------------------------------------------------------------------

static void *put(OpsSide s, const void *host, size_t bytes) {
    void *p;
    assert_ok(s.ops->alloc(s.dev, bytes, &p));
    if (host) assert_ok(s.ops->upload(s.dev, p, host, bytes));
    return p;
}

static void *take(OpsSide s, void *device, size_t bytes) { // downloads and releases
    void *host = malloc(bytes);
    assert_non_null(host);
    assert_ok(s.ops->download(s.dev, host, device, bytes));
    s.ops->release(s.dev, device);
    return host;
}

static float *random_floats(size_t n, double scale, uint32_t task) {
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    Rng rng = rng_open((RngKey){.seed = 1, .stream = RNG_TEST, .task = task});
    for (size_t i = 0; i < n; i++) x[i] = (float)(scale * rng_normal(&rng));
    return x;
}

static double e4m3_value(uint8_t code) {
    int e = code >> 3 & 15, m = code & 7;
    double v = e ? ldexp(8 + m, e - 10) : ldexp(m, -9);
    return code & 0x80 ? -v : v;
}

static int tiles(int n) {
    return (n + 127) / 128;
}

// At most twice the truth's own error; `floor_` is a few roundings of the result.
static void assert_no_worse(const char *what, double got, double truth, double floor_) {
    if (!(got <= 2 * truth + floor_))
        fail_msg("%s: error %.3g, the CPU row's %.3g (allowed 2x + %.3g)", what, got, truth,
                 floor_);
}

// ---- rmsnorm_quant ----------------------------------------------------------------------------

typedef struct NormOut {
    uint8_t *code;
    float *scale, *rstd;
} NormOut;

static NormOut norm_run(OpsSide s, const float *x, const float *gain, int rows, int cols,
                        int stride) {
    size_t n_code = (size_t)rows * (size_t)cols, n_scale = (size_t)rows * (size_t)tiles(cols);
    KernelView vx = {
        .data = put(s, x, sizeof(float) * ((size_t)(rows - 1) * (size_t)stride + (size_t)cols)),
        .rows = rows,
        .cols = cols,
        .stride = stride,
        .dtype = DTYPE_F32};
    KernelView vy = {.data = put(s, NULL, n_code),
                     .scale = put(s, NULL, n_scale * 4),
                     .rows = rows,
                     .cols = cols,
                     .stride = cols,
                     .dtype = DTYPE_E4M3};
    float *g = put(s, gain, sizeof(float) * (size_t)cols),
          *rstd = put(s, NULL, sizeof(float) * (size_t)rows);
    assert_ok(s.ops->rmsnorm_quant(s.dev, vy, rstd, vx, g, 1e-6f));
    assert_ok(s.ops->sync(s.dev));
    s.ops->release(s.dev, vx.data);
    s.ops->release(s.dev, g);
    return (NormOut){take(s, vy.data, n_code), take(s, vy.scale, n_scale * 4),
                     take(s, rstd, 4 * (size_t)rows)};
}

static void norm_free(NormOut o) {
    free(o.code), free(o.scale), free(o.rstd);
}

// Largest errors against FP64: of rstd (relative) and of the dequantised values (of the tile's
// amax).
static void norm_error(NormOut o, const float *x, const float *gain, int rows, int cols, int stride,
                       double *rstd, double *value) {
    *rstd = *value = 0;
    for (int r = 0; r < rows; r++) {
        const float *row = x + (size_t)r * (size_t)stride;
        double sq = 0;
        for (int c = 0; c < cols; c++) sq += (double)row[c] * (double)row[c];
        double s = 1 / sqrt(sq / cols + (double)1e-6f);
        *rstd = fmax(*rstd, fabs((double)o.rstd[r] / s - 1));
        for (int t = 0; t < tiles(cols); t++) {
            double amax = 1e-4, worst = 0, scale = (double)o.scale[r * tiles(cols) + t];
            for (int c = t * 128; c < cols && c < t * 128 + 128; c++) {
                double y = (double)row[c] * s * (double)gain[c];
                amax = fmax(amax, fabs(y));
                worst = fmax(
                    worst,
                    fabs(scale * e4m3_value(o.code[(size_t)r * (size_t)cols + (size_t)c]) - y));
            }
            if (!(worst / amax <= *value)) *value = worst / amax; // a NaN stays
        }
    }
}

static void rmsnorm_quant_equals_the_cpu_row(void **state) {
    (void)state;
    const int shape[][3] = {{1, 128, 128}, {3, 5, 5},     {2, 127, 130},
                            {5, 129, 129}, {4, 576, 600}, {2, 1500, 1500}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
        int rows = shape[k][0], cols = shape[k][1], stride = shape[k][2];
        float *x = random_floats((size_t)rows * (size_t)stride, 3, (uint32_t)k);
        float *gain = random_floats((size_t)cols, 1, 100 + (uint32_t)k);
        if (rows > 2) memset(x + stride, 0, sizeof(float) * (size_t)cols); // a row of zeros
        NormOut a = norm_run(cpu, x, gain, rows, cols, stride),
                b = norm_run(cuda, x, gain, rows, cols, stride);
        double ea, va, eb, vb;
        norm_error(a, x, gain, rows, cols, stride, &ea, &va);
        norm_error(b, x, gain, rows, cols, stride, &eb, &vb);
        assert_no_worse("rstd", eb, ea, 2e-7);
        assert_no_worse("value", vb, va, 0);
        int differ = 0; // a rounding of rstd may tip a value that lies on a border between codes
        for (int i = 0; i < rows * cols; i++) differ += a.code[i] != b.code[i];
        if (differ > 1 + rows * cols / 500) fail_msg("%d of %d codes differ", differ, rows * cols);
        assert_close(b.scale, a.scale, (size_t)(rows * tiles(cols)), 0, 1e-6);
        norm_free(a), norm_free(b), free(x), free(gain);
    }
}

// ---- quant_both -------------------------------------------------------------------------------

typedef struct BothOut {
    uint8_t *row, *col;
    float *row_scale, *col_scale;
} BothOut;

static BothOut both_run(OpsSide s, const void *x, DType dtype, int rows, int cols, int stride,
                        bool want_row, bool want_col) {
    size_t n = (size_t)rows * (size_t)cols, width = dtype == DTYPE_F32 ? 4 : 2;
    size_t nr = 4 * (size_t)rows * (size_t)tiles(cols), nc = 4 * (size_t)cols * (size_t)tiles(rows);
    KernelView vx = {.data =
                         put(s, x, width * ((size_t)(rows - 1) * (size_t)stride + (size_t)cols)),
                     .rows = rows,
                     .cols = cols,
                     .stride = stride,
                     .dtype = dtype};
    KernelView by_row = {.data = want_row ? put(s, NULL, n) : NULL,
                         .scale = want_row ? put(s, NULL, nr) : NULL,
                         .rows = rows,
                         .cols = cols,
                         .stride = cols,
                         .dtype = DTYPE_E4M3};
    KernelView by_col = {.data = want_col ? put(s, NULL, n) : NULL,
                         .scale = want_col ? put(s, NULL, nc) : NULL,
                         .rows = cols,
                         .cols = rows,
                         .stride = rows,
                         .dtype = DTYPE_E4M3};
    assert_ok(s.ops->quant_both(s.dev, by_row, by_col, vx));
    assert_ok(s.ops->sync(s.dev));
    s.ops->release(s.dev, vx.data);
    BothOut o = {0};
    if (want_row) o.row = take(s, by_row.data, n), o.row_scale = take(s, by_row.scale, nr);
    if (want_col) o.col = take(s, by_col.data, n), o.col_scale = take(s, by_col.scale, nc);
    return o;
}

static void both_free(BothOut o) {
    free(o.row), free(o.col), free(o.row_scale), free(o.col_scale);
}

static void quant_both_gives_the_cpu_rows_codes(void **state) {
    (void)state;
    const int shape[][3] = {{1, 1, 1},     {128, 128, 128}, {129, 130, 140},
                            {5, 300, 300}, {260, 7, 7},     {131, 64, 64}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
        for (int mode = 0; mode < 4; mode++) { // f32, bf16, rows only, columns only
            int rows = shape[k][0], cols = shape[k][1], stride = shape[k][2];
            size_t n = (size_t)rows * (size_t)stride;
            float *x = random_floats(n, 10, 200 + (uint32_t)k);
            if (mode == 1)
                for (size_t i = 0; i < n; i++) { // the upper halves are bf16 numbers
                    uint32_t u;
                    memcpy(&u, &x[i], 4);
                    ((uint16_t *)x)[i] = (uint16_t)(u >> 16);
                }
            DType dtype = mode == 1 ? DTYPE_BF16 : DTYPE_F32;
            BothOut a = both_run(cpu, x, dtype, rows, cols, stride, mode != 3, mode != 2);
            BothOut b = both_run(cuda, x, dtype, rows, cols, stride, mode != 3, mode != 2);
            if (mode != 3) {
                assert_memory_equal(a.row, b.row, (size_t)(rows * cols));
                assert_memory_equal(a.row_scale, b.row_scale, 4 * (size_t)(rows * tiles(cols)));
            }
            if (mode != 2) {
                assert_memory_equal(a.col, b.col, (size_t)(rows * cols));
                assert_memory_equal(a.col_scale, b.col_scale, 4 * (size_t)(cols * tiles(rows)));
            }
            both_free(a), both_free(b), free(x);
        }
}

// ---- logprob and its gradient -----------------------------------------------------------------

typedef struct LogOut {
    float *logp, *entropy, *lse, *grad;
} LogOut;

typedef struct LogIn {
    const float *logits, *dlogp, *dentropy;
    const int32_t *token;
    int rows, vocab, stride;
    float inv_t;
} LogIn;

static LogOut log_run(OpsSide s, const LogIn *in, bool with_entropy) {
    size_t n = 4 * (size_t)in->rows,
           all = 4 * ((size_t)(in->rows - 1) * (size_t)in->stride + (size_t)in->vocab);
    KernelView v = {.data = put(s, in->logits, all),
                    .rows = in->rows,
                    .cols = in->vocab,
                    .stride = in->stride,
                    .dtype = DTYPE_F32};
    int32_t *token = put(s, in->token, n);
    float *dlogp = put(s, in->dlogp, n), *dent = with_entropy ? put(s, in->dentropy, n) : NULL;
    float *logp = put(s, NULL, n), *ent = with_entropy ? put(s, NULL, n) : NULL,
          *lse = put(s, NULL, n);
    assert_ok(s.ops->logprob(s.dev, v, token, in->inv_t, logp, ent, lse));
    assert_ok(s.ops->logprob_grad(s.dev, v, token, in->inv_t, lse, ent, dlogp, dent));
    assert_ok(s.ops->sync(s.dev));
    s.ops->release(s.dev, token), s.ops->release(s.dev, dlogp);
    if (dent) s.ops->release(s.dev, dent);
    return (LogOut){take(s, logp, n), ent ? take(s, ent, n) : NULL, take(s, lse, n),
                    take(s, v.data, all)};
}

static void log_free(LogOut o) {
    free(o.logp), free(o.entropy), free(o.lse), free(o.grad);
}

// Largest absolute errors against FP64: [0] logp, [1] entropy, [2] gradient.
static void log_error(LogOut o, const LogIn *in, double err[3]) {
    err[0] = err[1] = err[2] = 0;
    for (int r = 0; r < in->rows; r++) {
        const float *l = in->logits + (size_t)r * (size_t)in->stride;
        double top = -INFINITY, sum = 0, h = 0, it = (double)in->inv_t;
        for (int j = 0; j < in->vocab; j++) top = fmax(top, (double)l[j] * it);
        for (int j = 0; j < in->vocab; j++) sum += exp((double)l[j] * it - top);
        double lse = top + log(sum);
        for (int j = 0; j < in->vocab; j++)
            h -= exp((double)l[j] * it - lse) * ((double)l[j] * it - lse);
        double e = fabs((double)o.logp[r] - ((double)l[in->token[r]] * it - lse));
        if (!(e <= err[0])) err[0] = e;
        if (o.entropy && !((e = fabs((double)o.entropy[r] - h)) <= err[1])) err[1] = e;
        for (int j = 0; j < in->vocab; j++) {
            double lp = (double)l[j] * it - lse, p = exp(lp),
                   d = (double)in->dlogp[r] * ((j == in->token[r]) - p);
            if (o.entropy) d -= (double)in->dentropy[r] * p * (lp + h);
            e = fabs((double)o.grad[(size_t)r * (size_t)in->stride + (size_t)j] - d * it);
            if (!(e <= err[2])) err[2] = e;
        }
    }
}

static void logprob_and_gradient_are_no_worse_than_the_cpu_rows(void **state) {
    (void)state;
    const int shape[][3] = {{1, 2, 2}, {3, 57, 64}, {2, 512, 512}, {5, 513, 513}, {2, 4097, 4100}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
        for (int with_entropy = 0; with_entropy < 2; with_entropy++) {
            LogIn in = {.rows = shape[k][0],
                        .vocab = shape[k][1],
                        .stride = shape[k][2],
                        .inv_t = 1 / 0.7f};
            float *logits =
                random_floats((size_t)in.rows * (size_t)in.stride, 4, 300 + (uint32_t)k);
            float *dlogp = random_floats((size_t)in.rows, 1, 400),
                  *dent = random_floats((size_t)in.rows, 1, 401);
            int32_t *token = malloc(4 * (size_t)in.rows);
            assert_non_null(token);
            for (int r = 0; r < in.rows; r++) token[r] = (r * 7919 + in.vocab - 1) % in.vocab;
            for (int j = 0; j < in.vocab; j++)
                logits[j] += 80; // far from zero: the maximum must be taken out
            if (in.rows > 1) logits[in.stride] = -1e30f; // an impossible token
            in.logits = logits, in.dlogp = dlogp, in.dentropy = dent, in.token = token;
            LogOut a = log_run(cpu, &in, with_entropy), b = log_run(cuda, &in, with_entropy);
            double ea[3], eb[3];
            log_error(a, &in, ea), log_error(b, &in, eb);
            assert_no_worse("logp", eb[0], ea[0], 1.6e-5); // one rounding of lse near 128
            assert_no_worse("entropy", eb[1], ea[1], 2e-6);
            assert_no_worse("gradient", eb[2], ea[2], 1e-6);
            assert_close(b.lse, a.lse, (size_t)in.rows, 1e-6, 2e-7);
            log_free(a), log_free(b), free(logits), free(dlogp), free(dent), free(token);
        }
}

static void memory_beyond_the_device_is_refused_with_the_bytes(void **state) {
    (void)state;
    void *p = &p;
    assert_int_equal(cuda.ops->alloc(cuda.dev, (size_t)1 << 48, &p), ST_NOMEM);
    assert_null(p);
    assert_non_null(strstr(status_text(), "281474976710656 bytes"));
}

static void nothing_stays_allocated(void **state) {
    (void)state;
    if (!cuemu_leaks) skip(); // the real runtime does not count
    assert_int_equal(cuemu_leaks(), 0);
}

static int open_sides(void **state) {
    (void)state;
    cpu = (OpsSide){.ops = &kernels_cpu, .dev = NULL};
    cuda.ops = &kernels_cuda;
    return cuda_device_open(0, &cuda.dev) == ST_OK ? 0 : -1;
}

static int close_sides(void **state) {
    (void)state;
    cuda_device_close(cuda.dev);
    return 0;
}

static void ops_parity_on_a_gpu_because_no_device_answers(void **state) {
    (void)state;
    skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rmsnorm_quant_equals_the_cpu_row),
        cmocka_unit_test(quant_both_gives_the_cpu_rows_codes),
        cmocka_unit_test(logprob_and_gradient_are_no_worse_than_the_cpu_rows),
        cmocka_unit_test(memory_beyond_the_device_is_refused_with_the_bytes),
        cmocka_unit_test(nothing_stays_allocated),
    };
    if (cuda_device_count() == 0) {
        const struct CMUnitTest absent[] = {
            cmocka_unit_test(ops_parity_on_a_gpu_because_no_device_answers)};
        return cmocka_run_group_tests_name("ops parity", absent, NULL, NULL);
    }
    int failed = 0;
    for (int i = 0; i < (cuemu_schedule ? CUEMU_SCHEDULES : 1); i++) {
        if (cuemu_schedule) cuemu_schedule(i);
        failed += cmocka_run_group_tests_name("ops parity", tests, open_sides, close_sides);
    }
    return failed;
}
