// tests/test_vec.c -- policy/cpu/vec: accuracy against libm in double, and one set of bits.
#include "policy/cpu/vec.h"

#include <stdlib.h>

#include "base/pool.h"
#include "policy/cpu/gemm.h"
#include "policy/cpu/quant.h"
#include "tests/test.h"

static uint64_t seed = 7;
static uint32_t draw(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}
static float uniform(void) {
    return (float)draw() / 1073741824.0f - 1.0f;
}

// Distance in units of the last place of the correctly rounded value.
static double ulps(float got, double want) {
    const float near = (float)want;
    const double ulp = ldexp(1, ilogbf(near) - 23);
    return fabs((double)got - want) / ulp;
}

static void each_supported_row(void (*check)(const char *name)) {
    for (int row = 0; row < GEMM_ROWS; row++) {
        if (!gemm_row_supported((GemmRow)row)) continue;
        assert_ok(gemm_select(gemm_row_name((GemmRow)row)));
        check(gemm_row_name((GemmRow)row));
    }
}

enum { SAMPLES = 1 << 19 };
static float in[SAMPLES], out[SAMPLES];

static void exp_is_accurate(const char *name) {
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++)
        in[i] = -87.3f + 176.0f * (float)i / SAMPLES; // the whole finite range
    vec_exp(out, in, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) worst = fmax(worst, ulps(out[i], exp((double)in[i])));
    if (worst > 1.5) fail_msg("%s: exp is %.3f ulp off", name, worst);
    const float edge[] = {0, -0.0f, -88, -INFINITY, 89, INFINITY, NAN, 88.7228f, -87.336f};
    float y[9];
    vec_exp(y, edge, 9);
    assert_true(y[0] == 1 && y[1] == 1 && y[2] == 0 && y[3] == 0);
    assert_true(isinf(y[4]) && isinf(y[5]) && isnan(y[6]) && isfinite(y[7]) && y[8] > 0);
}

static void log_is_accurate(const char *name) {
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++)
        in[i] = i & 1 ? ldexpf(1.5f + 0.5f * uniform(), (int)(draw() % 250) - 125)
                      : 0.5f + 1.5f * (float)i / SAMPLES; // also close to 1
    vec_log(out, in, SAMPLES);
    for (int i = 0; i < SAMPLES; i++)
        if (in[i] != 1) worst = fmax(worst, ulps(out[i], log((double)in[i])));
    if (worst > 1.5) fail_msg("%s: log is %.3f ulp off", name, worst);
    const float edge[] = {1, 0, -0.0f, -1, INFINITY, -INFINITY, NAN};
    float y[7];
    vec_log(y, edge, 7);
    assert_true(y[0] == 0 && y[1] == -INFINITY && y[2] == -INFINITY && isnan(y[3]));
    assert_true(y[4] == INFINITY && isnan(y[5]) && isnan(y[6]));
}

static void exp_is_within_one_and_a_half_ulp(void **state) {
    (void)state;
    each_supported_row(exp_is_accurate);
}
static void log_is_within_one_and_a_half_ulp(void **state) {
    (void)state;
    each_supported_row(log_is_accurate);
}

// ---- all rows give the same bits, at every length

enum { LONG = 150, CALLS = 25 };
typedef struct Inputs {
    float a[LONG], b[LONG], c[LONG], d[LONG];
} Inputs;

// Runs everything in vec.h and quant.h on n values; y has CALLS rows of LONG.
static void run_all(float y[CALLS][LONG], const Inputs *x, int n) {
    const float *a = x->a, *b = x->b, *c = x->c;
    for (int i = 0; i < CALLS; i++) memcpy(y[i], x->d, sizeof x->d);
    vec_exp(y[0], a, n);
    vec_log(y[1], a, n);
    vec_sigmoid(y[2], a, n);
    vec_add(y[3], a, b, n);
    vec_mul(y[4], a, b, n);
    vec_scale(y[5], a, 0.3f, n);
    vec_axpy(y[6], -1.7f, a, n);
    vec_mul_add(y[7], a, b, n);
    vec_scale_mul(y[8], 0.7f, a, b, n);
    vec_scale_mul_add(y[9], 0.7f, a, b, n);
    vec_affine(y[10], 0.7f, a, 0.1f, n);
    vec_silu_mul(y[11], a, b, n);
    vec_silu_mul_grad(y[12], y[13], c, a, b, n);
    const VecAdamW step = {1e-3f, 0.1f, 0.9f, 0.99f, 1e-8f, 2.0f, 3.0f, 0.5f};
    for (int i = 0; i < n; i++) y[16][i] = fabsf(y[16][i]);
    vec_adamw(y[14], y[15], y[16], a, &step, n);
    bf16_round_n(y[17], a, n);
    e4m3_round_n(y[18], a, 0.01f, n);
    y[19][LONG - 1] = vec_exp_sum(y[19], a, 2.0f, n);
    if (n > 0) y[20][LONG - 1] = vec_softmax(y[20], a, n);
    float *one = y[21];
    *one++ = vec_sum(a, n);
    *one++ = vec_dot(a, b, n);
    *one++ = vec_dot3(a, b, c, n);
    *one++ = vec_sumsq(a, n);
    *one++ = vec_max(a, n);
    *one++ = vec_amax(a, n);
    *one++ = vec_exp1(a[0]);
    *one++ = vec_log1(a[0]);
    *one++ = vec_sigmoid1(a[0]);
    *one++ = vec_sqrt1(fabsf(a[0]));
    *one++ = vec_exp_sum(NULL, a, 1.0f, n);
}

static void rows_give_the_same_bits_and_touch_nothing_else(void **state) {
    (void)state;
    static float want[CALLS][LONG], got[CALLS][LONG];
    for (int n = 0; n < LONG - 1; n++) {
        Inputs x;
        for (int i = 0; i < LONG; i++) {
            x.a[i] = ldexpf(uniform(), (int)(draw() % 12) - 4);
            x.b[i] = uniform();
            x.c[i] = uniform();
            x.d[i] = uniform();
        }
        assert_ok(gemm_select("portable"));
        run_all(want, &x, n);
        for (int i = 0; i < 21; i++) // beyond n nothing is written
            assert_memory_equal(want[i] + n, x.d + n, sizeof(float) * (size_t)(LONG - 1 - n));
        for (int row = 1; row < GEMM_ROWS; row++) {
            if (!gemm_row_supported((GemmRow)row)) continue;
            assert_ok(gemm_select(gemm_row_name((GemmRow)row)));
            run_all(got, &x, n);
            for (int i = 0; i < CALLS; i++)
                for (int j = 0; j < LONG; j++)
                    if (float_bits(got[i][j]) != float_bits(want[i][j]) &&
                        !(isnan(got[i][j]) && isnan(want[i][j])))
                        fail_msg("%s, call %d, n %d: [%d] got %.9g want %.9g",
                                 gemm_row_name((GemmRow)row), i, n, j, (double)got[i][j],
                                 (double)want[i][j]);
        }
    }
}

static void sums_run_in_sixteen_lanes(void **state) {
    (void)state;
    float a[LONG], b[LONG];
    for (int i = 0; i < LONG; i++) a[i] = uniform(), b[i] = uniform();
    assert_ok(gemm_select("auto"));
    for (int n = 0; n < LONG; n++) {
        float sum[16] = {0}, dot[16] = {0};
        for (int i = 0; i < n; i++) {
            sum[i % 16] += a[i];
            dot[i % 16] += a[i] * b[i];
        }
        for (int half = 8; half > 0; half /= 2)
            for (int i = 0; i < half; i++) sum[i] += sum[i + half], dot[i] += dot[i + half];
        assert_true(vec_sum(a, n) == sum[0]);
        assert_true(vec_dot(a, b, n) == dot[0]);
    }
}

static void derived_functions_agree_with_double(void **state) {
    (void)state;
    enum { N = 77 };
    float a[N], b[N], dy[N], y[N], dg[N], du[N];
    double sum = 0, max = -1e9, amax = 0;
    for (int i = 0; i < N; i++) {
        a[i] = 8 * uniform(), b[i] = uniform(), dy[i] = uniform();
        sum += exp((double)a[i]);
        max = fmax(max, (double)a[i]), amax = fmax(amax, fabs((double)a[i]));
    }
    assert_ok(gemm_select("auto"));
    const float lse = vec_softmax(y, a, N);
    assert_true(fabs((double)lse - log(sum)) < 1e-6 * log(sum));
    for (int i = 0; i < N; i++)
        assert_true(fabs((double)y[i] - exp((double)a[i]) / sum) <= 1e-6 * exp((double)a[i]) / sum);
    assert_true((double)vec_max(a, N) == max && (double)vec_amax(a, N) == amax);
    vec_silu_mul(y, a, b, N);
    vec_silu_mul_grad(dg, du, dy, a, b, N);
    for (int i = 0; i < N; i++) { // the derivative by central difference in double
        const double g = (double)a[i], h = 1e-5, s = 1 / (1 + exp(-g));
        const double slope = ((g + h) / (1 + exp(-g - h)) - (g - h) / (1 + exp(-g + h))) / (2 * h);
        assert_true(fabs((double)y[i] - g * s * (double)b[i]) < 2e-6);
        assert_true(fabs((double)dg[i] - (double)dy[i] * (double)b[i] * slope) < 2e-6);
        assert_true(fabs((double)du[i] - (double)dy[i] * g * s) < 2e-6);
    }
}

static void adamw_takes_the_textbook_step(void **state) {
    (void)state;
    // first step: m = 0.1 g, v = 0.01 g^2, corrected to g and g^2, so the step is rate * sign(g)
    float w[3] = {1, 1, -2}, m[3] = {0}, v[3] = {0};
    const float g[3] = {0.5f, -2, 4};
    const VecAdamW step = {.rate = 0.1f,
                           .decay = 0.01f,
                           .b1 = 0.9f,
                           .b2 = 0.99f,
                           .eps = 0,
                           .c1 = 1 / (1 - 0.9f),
                           .c2 = 1 / (1 - 0.99f),
                           .clip = 1};
    vec_adamw(w, m, v, g, &step, 3);
    assert_close(w, (float[]){1 - 0.001f - 0.1f, 1 - 0.001f + 0.1f, -2 + 0.002f - 0.1f}, 3, 1e-6,
                 0);
    assert_close(m, (float[]){0.05f, -0.2f, 0.4f}, 3, 0, 1e-5);
    assert_close(v, (float[]){0.0025f, 0.04f, 0.16f}, 3, 0, 1e-5);
}

int main(void) {
    pool_flush_denormals();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_one_and_a_half_ulp),
        cmocka_unit_test(log_is_within_one_and_a_half_ulp),
        cmocka_unit_test(rows_give_the_same_bits_and_touch_nothing_else),
        cmocka_unit_test(sums_run_in_sixteen_lanes),
        cmocka_unit_test(derived_functions_agree_with_double),
        cmocka_unit_test(adamw_takes_the_textbook_step),
    };
    return cmocka_run_group_tests_name("policy/cpu/vec", tests, NULL, NULL);
}
