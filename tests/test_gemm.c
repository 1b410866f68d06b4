// tests/test_gemm.c -- policy/cpu/gemm: every kernel set against the contract, bit for bit.
#include "policy/cpu/gemm.h"

#include <signal.h>
#include <stdlib.h>

#include "policy/cpu/gemm_set.h"
#include "policy/cpu/quant.h"
#include "tests/test.h"

static const Precision every_precision[] = {PRECISION_FP32, PRECISION_BF16, PRECISION_FP8};

static uint64_t seed = 1;
static uint32_t draw(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}
static int between(int lo, int hi) {
    return lo + (int)(draw() % (uint32_t)(hi - lo + 1));
}
static float uniform(void) {
    return (float)draw() / 1073741824.0f - 1.0f;
}
static float *fresh(size_t n) { // values over some powers of two
    float *x = malloc((n ? n : 1) * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = ldexpf(uniform(), between(-4, 3));
    return x;
}
static void shrink(float *x, size_t n) { // to the size of a gradient
    for (size_t i = 0; i < n; i++) x[i] *= 0x1p-40f;
}

// One element of the contract as gemm.h states it, with nothing shared with the code under test:
// a[k * as] and b[k * bs], already rounded; for fp8 their scales per 128.
static float contract(const float *a, size_t as, const float *b, size_t bs, int K, const float *sa,
                      const float *sb) {
    float acc = 0, sum = 0;
    for (int k0 = 0; k0 < K; k0 += 32) {
        float even = 0, odd = 0;
        for (int k = k0; k < k0 + 32; k += 2) {
            if (k < K) even = fmaf(a[(size_t)k * as], b[(size_t)k * bs], even);
            if (k + 1 < K) odd = fmaf(a[(size_t)(k + 1) * as], b[(size_t)(k + 1) * bs], odd);
        }
        acc = acc + (even + odd);
        if (sa && (k0 % 128 == 96 || k0 + 32 >= K)) {
            sum = fmaf(acc, sa[k0 / 128] * sb[k0 / 128], sum);
            acc = 0;
        }
    }
    return sa ? sum : acc;
}

// The operand [R, C] as the precision sees it: tiles of tr x tc share a scale (fp8), which has a
// floor unless it holds gradients.
static float *rounded(const float *x, int R, int C, int ld, Precision p, int tr, int tc,
                      bool gradient, float **scale) {
    float *y = malloc((size_t)R * (size_t)C * sizeof *y + 4);
    const int sc = (C + tc - 1) / tc;
    *scale = p == PRECISION_FP8 ? calloc((size_t)((R + tr - 1) / tr) * (size_t)sc + 1, 4) : NULL;
    for (int r = 0; r < R && *scale; r++)
        for (int c = 0; c < C; c++) {
            float *s = *scale + r / tr * sc + c / tc;
            *s = fmaxf(*s, fabsf(x[(size_t)r * (size_t)ld + (size_t)c]));
        }
    for (int i = 0; *scale && i < (R + tr - 1) / tr * sc; i++)
        (*scale)[i] = !gradient         ? fmaxf((*scale)[i], 1e-4f) / 448.0f
                      : (*scale)[i] > 0 ? (*scale)[i] / 448.0f
                                        : 1;
    for (int r = 0; r < R; r++)
        for (int c = 0; c < C; c++) {
            const float v = x[(size_t)r * (size_t)ld + (size_t)c];
            y[r * C + c] = p == PRECISION_FP32   ? v
                           : p == PRECISION_BF16 ? bf16_round(v)
                                                 : e4m3_round(v / (*scale)[r / tr * sc + c / tc]);
        }
    return y;
}

typedef struct GemmCase {
    int m, n, k, lda, ldc;
    bool gather, accumulate, transposed;
    Precision precision;
    bool gradient; // A holds gradients
} GemmCase;

static GemmCase random_case(Precision p) {
    static const int often[] = {1, 16, 32, 48, 56, 64, 96, 128, 200};
    GemmCase c = {.m = between(0, 3) ? between(1, 40) : between(41, 130),
                  .n = between(0, 1) ? often[between(0, 8)] : between(1, 140),
                  .k = between(0, 1) ? often[between(0, 8)] : between(1, 300),
                  .gather = between(0, 3) == 0,
                  .accumulate = between(0, 1),
                  .transposed = between(0, 1),
                  .precision = p,
                  .gradient = between(0, 1)};
    c.lda = c.k + between(0, 5);
    c.ldc = c.n + between(0, 5);
    return c;
}

// The product of a case by the selected kernel set; a pool changes nothing.
static float *product(const GemmCase *c, const float *a, const float *w, const int32_t *gather,
                      const float *before, Pool *pool) {
    void *data = aligned_alloc(64, gemm_packed_bytes(c->n, c->k, c->precision));
    Packed packed;
    gemm_pack(&packed, data, w, c->transposed ? c->n : c->k, c->n, c->k, c->transposed,
              c->precision);
    packed.takes_gradients = c->gradient;
    float *out = malloc((size_t)c->m * (size_t)c->ldc * sizeof *out);
    memcpy(out, before, (size_t)c->m * (size_t)c->ldc * sizeof *out);
    void *work = malloc(gemm_work_bytes(c->m, c->k) * (size_t)pool_threads(pool));
    const GemmOpts opts = {.accumulate = c->accumulate, .gather = gather};
    if (pool)
        gemm_pool(pool, out, c->ldc, a, c->lda, c->m, &packed, &opts, work);
    else
        gemm(out, c->ldc, a, c->lda, c->m, &packed, &opts, work);
    free(work);
    free(data);
    return out;
}

static void check_bits(const float *got, const float *want, size_t n, const char *set,
                       const GemmCase *c) {
    for (size_t i = 0; i < n; i++)
        if (float_bits(got[i]) != float_bits(want[i]))
            fail_msg("%s, precision %d, M %d N %d K %d: [%zu] got %.9g want %.9g", set,
                     c->precision, c->m, c->n, c->k, i, (double)got[i], (double)want[i]);
}

static void each_row_computes_the_contract(void **state) {
    (void)state;
    Pool *pool = pool_new(2);
    for (int i = 0; i < 120; i++) {
        const GemmCase c = random_case(every_precision[i % 3]);
        const int pool_rows = c.gather ? c.m + 7 : c.m;
        float *a = fresh((size_t)pool_rows * (size_t)c.lda);
        if (between(0, 1)) shrink(a, (size_t)pool_rows * (size_t)c.lda);
        float *w = fresh((size_t)c.n * (size_t)c.k);
        float *before = fresh((size_t)c.m * (size_t)c.ldc), *sa, *sw;
        int32_t *gather = calloc((size_t)c.m, sizeof *gather);
        for (int m = 0; m < c.m; m++) gather[m] = between(0, pool_rows - 1);

        float *ra = rounded(a, pool_rows, c.k, c.lda, c.precision, 1, 128, c.gradient, &sa);
        const int wr = c.transposed ? c.k : c.n, wc = c.transposed ? c.n : c.k;
        float *rw = rounded(w, wr, wc, wc, c.precision, 128, 128, false, &sw);
        const int kq = (c.k + 127) / 128, nq = (c.n + 127) / 128;
        float *want = malloc((size_t)c.m * (size_t)c.ldc * sizeof *want);
        memcpy(want, before, (size_t)c.m * (size_t)c.ldc * sizeof *want);
        for (int m = 0; m < c.m; m++)
            for (int n = 0; n < c.n; n++) {
                const int from = c.gather ? gather[m] : m;
                float scales[8];
                for (int q = 0; sw && q < kq; q++)
                    scales[q] = c.transposed ? sw[q * nq + n / 128] : sw[n / 128 * kq + q];
                const float sum = contract(ra + from * c.k, 1, rw + (c.transposed ? n : n * c.k),
                                           c.transposed ? (size_t)c.n : 1, c.k,
                                           sa ? sa + from * kq : NULL, scales);
                float *to = want + m * c.ldc + n;
                *to = c.accumulate ? *to + sum : sum;
            }
        for (int set = 0; set < GEMM_SETS; set++) {
            if (!gemm_set_supported((GemmSet)set)) continue;
            assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
            for (int threads = 0; threads < 2; threads++) {
                float *got =
                    product(&c, a, w, c.gather ? gather : NULL, before, threads ? pool : NULL);
                check_bits(got, want, (size_t)c.m * (size_t)c.ldc, gemm_set_name((GemmSet)set), &c);
                free(got);
            }
        }
        free(a), free(w), free(before), free(gather), free(ra), free(rw), free(sa), free(sw);
        free(want);
    }
    pool_free(pool);
}

static void a_row_does_not_know_its_batch(void **state) {
    (void)state;
    enum { M = 65, N = 72, K = 150 };
    float *a = fresh(M * K), *w = fresh(N * K), *zero = calloc(M * N, sizeof *zero);
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int p = 0; p < 3; p++) {
            GemmCase c = {M, N, K, K, N, false, false, false, every_precision[p], false};
            float *all = product(&c, a, w, NULL, zero, NULL);
            for (c.m = 1; c.m <= M; c.m++) {
                float *some = product(&c, a, w, NULL, zero, NULL);
                check_bits(some, all, (size_t)c.m * N, gemm_set_name((GemmSet)set), &c);
                free(some);
                const int begin = between(0, M - c.m); // and starting anywhere
                some = product(&c, a + begin * K, w, NULL, zero, NULL);
                check_bits(some, all + begin * N, (size_t)c.m * N, gemm_set_name((GemmSet)set), &c);
                free(some);
            }
            free(all);
        }
    }
    free(a), free(w), free(zero);
}

static void a_product_that_goes_on_gives_the_bits_of_one(void **state) {
    (void)state;
    enum { M = 61, N = 72, K = 200, CUT = 128, LD = 75 };
    float *a = fresh(M * K), *w = fresh(K * N), *zero = calloc(M * LD, sizeof *zero);
    char *work = malloc(gemm_work_bytes(M, K));
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int p = 0; p < 3; p++) {
            const GemmCase c = {M, N, K, K, LD, false, false, true, every_precision[p], false};
            float *want = product(&c, a, w, NULL, zero, NULL);
            float *got = calloc(M * LD + 32, sizeof *got); // read, not written, past a row
            void *data = aligned_alloc(64, gemm_packed_bytes(N, K, c.precision));
            for (int k = 0; k < K; k += CUT) { // of fp8 the blocks of 128 are those of the whole
                Packed part;
                const int kk = K - k < CUT ? K - k : CUT;
                gemm_pack(&part, data, w + k * N, N, N, kk, true, c.precision);
                const GemmOpts opts = {.go_on = k > 0};
                gemm(got, LD, a + k, K, M, &part, &opts, work);
            }
            check_bits(got, want, M * LD, gemm_set_name((GemmSet)set), &c);
            free(data), free(got), free(want);
        }
    }
    free(work), free(a), free(w), free(zero);
}

static void gradients_follow_the_same_contract(void **state) {
    (void)state;
    for (int i = 0; i < 40; i++) {
        const Precision p = every_precision[i % 3];
        const int T = between(0, 4) ? between(1, 300) : between(301, 700), N = between(1, 70),
                  K = between(1, 70), ldg = N + between(0, 3), ldx = K + between(0, 3),
                  ldc = K + between(0, 3), xrows = T + 5;
        const bool gathered = between(0, 1), accumulate = between(0, 1);
        float *g = fresh((size_t)T * (size_t)ldg), *x = fresh((size_t)xrows * (size_t)ldx);
        float *before = fresh((size_t)N * (size_t)ldc), *sg, *sx;
        if (between(0, 1)) shrink(g, (size_t)T * (size_t)ldg);
        int32_t *gather = calloc((size_t)T, sizeof *gather);
        float *picked = malloc((size_t)T * (size_t)K * sizeof *picked);
        for (int t = 0; t < T; t++) {
            gather[t] = gathered ? between(0, xrows - 1) : t;
            memcpy(picked + t * K, x + gather[t] * ldx, (size_t)K * sizeof *picked);
        }
        float *rg = rounded(g, T, N, ldg, p, 128, 1, true, &sg);
        float *rx = rounded(picked, T, K, K, p, 128, 1, true, &sx);
        float *want = malloc((size_t)N * (size_t)ldc * sizeof *want);
        memcpy(want, before, (size_t)N * (size_t)ldc * sizeof *want);
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K; k++) {
                float s1[8], s2[8];
                for (int q = 0; sg && q < (T + 127) / 128; q++)
                    s1[q] = sg[q * N + n], s2[q] = sx[q * K + k];
                const float sum =
                    contract(rg + n, (size_t)N, rx + k, (size_t)K, T, sg ? s1 : NULL, s2);
                float *to = want + n * ldc + k;
                *to = accumulate ? *to + sum : sum;
            }
        const GemmCase c = {.m = T, .n = N, .k = K, .precision = p};
        for (int set = 0; set < GEMM_SETS; set++) {
            if (!gemm_set_supported((GemmSet)set)) continue;
            assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
            float *got = malloc((size_t)N * (size_t)ldc * sizeof *got);
            memcpy(got, before, (size_t)N * (size_t)ldc * sizeof *got);
            void *work = malloc(gemm_grad_work_bytes(T, N, K));
            const GemmOpts opts = {.accumulate = accumulate, .gather = gathered ? gather : NULL};
            gemm_grad(got, ldc, g, ldg, x, ldx, T, N, K, &opts, p, work);
            check_bits(got, want, (size_t)N * (size_t)ldc, gemm_set_name((GemmSet)set), &c);
            free(work), free(got);
        }
        free(g), free(x), free(before), free(gather), free(picked), free(rg), free(rx), free(sg);
        free(sx), free(want);
    }
}

// dX = dY W and dW = dY^T X of gradients scaled down by 2^40 are those of the gradients, scaled.
static void a_small_gradient_keeps_its_digits_in_fp8(void **state) {
    (void)state;
    enum { M = 20, N = 40, K = 150 };
    float *a = fresh(M * K), *small = malloc(M * K * sizeof *small), *w = fresh(N * K);
    float *zero = calloc(K * N, sizeof *zero), work_c[2][K * N] = {{0}};
    memcpy(small, a, M * K * sizeof *small);
    shrink(small, M * K);
    GemmCase c = {M, N, K, K, N, false, false, false, PRECISION_FP8, true};
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        float *want = product(&c, a, w, NULL, zero, NULL);
        float *got = product(&c, small, w, NULL, zero, NULL);
        for (int i = 0; i < M * N; i++) assert_true(got[i] == want[i] * 0x1p-40f);
        free(got);
        c.gradient = false; // an activation of that size is zero
        got = product(&c, small, w, NULL, zero, NULL);
        for (int i = 0; i < M * N; i++) assert_true(got[i] == 0);
        c.gradient = true;
        void *work = malloc(gemm_grad_work_bytes(M, K, N));
        const GemmOpts opts = {0};
        gemm_grad(work_c[0], N, a, K, w, N, M, K, N, &opts, PRECISION_FP8, work);
        gemm_grad(work_c[1], N, small, K, w, N, M, K, N, &opts, PRECISION_FP8, work);
        for (int i = 0; i < K * N; i++) assert_true(work_c[1][i] == work_c[0][i] * 0x1p-40f);
        free(work), free(got), free(want);
    }
    free(a), free(small), free(w), free(zero);
}

static void panels_packed_by_the_caller_agree_with_packed_weights(void **state) {
    (void)state;
    for (int i = 0; i < 30; i++) {
        const int M = between(1, 20), N = between(1, 100), K = between(1, 200);
        const int kpad = (K + 31) / 32 * 32, npad = (N + 31) / 32 * 32;
        float *a = fresh((size_t)M * (size_t)kpad), *w = fresh((size_t)N * (size_t)K);
        float *b = calloc((size_t)kpad * (size_t)npad, sizeof *b),
              *before = fresh((size_t)M * (size_t)N);
        for (int n = 0; n < N; n++)
            for (int k = 0; k < K; k++)
                b[(n / GEMM_PANEL * kpad + gemm_order(k)) * GEMM_PANEL + n % GEMM_PANEL] =
                    w[n * K + k];
        for (int set = 0; set < GEMM_SETS; set++) {
            if (!gemm_set_supported((GemmSet)set)) continue;
            assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
            const GemmCase c = {M, N, K, kpad, N, false, i & 1, false, PRECISION_FP32, false};
            float *want = product(&c, a, w, NULL, before, NULL);
            float *got = malloc((size_t)M * (size_t)N * sizeof *got);
            memcpy(got, before, (size_t)M * (size_t)N * sizeof *got);
            gemm_panel(got, N, a, kpad, M, b, N, K, i & 1);
            check_bits(got, want, (size_t)M * (size_t)N, gemm_set_name((GemmSet)set), &c);
            free(want), free(got);
        }
        free(a), free(w), free(b), free(before);
    }
}

static void errors_stay_within_the_bound_of_the_sum(void **state) {
    (void)state;
    enum { M = 13, N = 50, K = 700 };
    float *a = fresh(M * K), *w = fresh(N * K), *zero = calloc(M * N, sizeof *zero);
    // relative to sum |a w|: 32-block chains and K/32 additions; operands carry 2^-9, 2^-4
    static const double bound[] = {4e-6, 4e-3, 6e-2};
    assert_ok(gemm_select("auto"));
    for (int p = 0; p < 3; p++) {
        const GemmCase c = {M, N, K, K, N, false, false, false, every_precision[p], false};
        float *got = product(&c, a, w, NULL, zero, NULL);
        for (int m = 0; m < M; m++)
            for (int n = 0; n < N; n++) {
                double sum = 0, abs = 0;
                for (int k = 0; k < K; k++) {
                    sum += (double)a[m * K + k] * (double)w[n * K + k];
                    abs += fabs((double)a[m * K + k] * (double)w[n * K + k]);
                }
                assert_true(fabs((double)got[m * N + n] - sum) <= bound[p] * abs);
            }
        free(got);
    }
    free(a), free(w), free(zero);
}

static void denormals_are_zero(void **state) {
    (void)state;
    const float a[2] = {1e-39f, 1}, w[2] = {1, 1e-39f}, zero = 0;
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int p = 0; p < 2; p++) {
            const GemmCase c = {1, 1, 2, 2, 1, false, false, false, every_precision[p], false};
            float *got = product(&c, a, w, NULL, &zero, NULL);
            assert_true(*got == 0);
            free(got);
        }
    }
}

static void rows_that_are_not_there_are_refused_by_name(void **state) {
    (void)state;
    assert_int_equal(gemm_select("neon"), ST_CONFIG);
    assert_non_null(strstr(status_text(), "neon"));
    for (int set = 0; set < GEMM_SETS; set++) {
        const char *name = gemm_set_name((GemmSet)set);
        const Status st = gemm_select(name);
        assert_int_equal(st, gemm_set_supported((GemmSet)set) ? ST_OK : ST_UNSUPPORTED);
        if (st == ST_OK)
            assert_int_equal(gemm_set(), set);
        else
            printf("# %s is not tested here: %s\n", name, status_text());
    }
}

extern const GemmKernel gemm_amx_emulated; // gemm_amx.c built with TILE_EMULATED

static const GemmKernel *tiles(void) {
    return gemm_kernel(PRECISION_BF16);
}

static void one_bit_off(const GemmJob *job) {
    tiles()->multiply(job);
    uint32_t *c = (uint32_t *)(void *)job->c;
    c[(job->m - 1) * job->c_row + job->n - 1] ^= 1; // the last of a ragged corner
}

static void not_there(const GemmJob *job) {
    (void)job;
    raise(SIGILL);
}

static void tiles_that_fault_or_differ_are_not_trusted(void **state) {
    (void)state;
    assert_ok(gemm_select("amx"));
    GemmKernel planted = *tiles();
    assert_true(gemm_prove(&planted));
    planted.multiply = one_bit_off;
    assert_false(gemm_prove(&planted));
    planted.multiply = not_there;
    assert_false(gemm_prove(&planted));
    assert_ok(gemm_select("auto"));
}

int main(void) {
    pool_flush_denormals();
    if (!gemm_set_supported(GEMM_AMX)) {
        gemm_emulate(&gemm_amx_emulated);
        printf("# no AMX here: its kernel set runs on emulated tiles\n");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_computes_the_contract),
        cmocka_unit_test(a_row_does_not_know_its_batch),
        cmocka_unit_test(a_product_that_goes_on_gives_the_bits_of_one),
        cmocka_unit_test(gradients_follow_the_same_contract),
        cmocka_unit_test(a_small_gradient_keeps_its_digits_in_fp8),
        cmocka_unit_test(panels_packed_by_the_caller_agree_with_packed_weights),
        cmocka_unit_test(errors_stay_within_the_bound_of_the_sum),
        cmocka_unit_test(denormals_are_zero),
        cmocka_unit_test(rows_that_are_not_there_are_refused_by_name),
        cmocka_unit_test(tiles_that_fault_or_differ_are_not_trusted),
    };
    return cmocka_run_group_tests_name("policy/cpu/gemm", tests, NULL, NULL);
}
