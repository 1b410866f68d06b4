// tests/test_logprob.c -- policy/cpu/logprob: ln softmax, entropy and gradient against doubles.
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cpu/rows.h"
#include "policy/policy.h"
#include "tests/test.h"

typedef struct Truth {
    double logp, lse, entropy;
} Truth;

static Truth truth(const float *z, int n, double by, int token) {
    double max = -1e300, sum = 0, weighted = 0;
    for (int i = 0; i < n; i++) max = fmax(max, (double)z[i] * by);
    for (int i = 0; i < n; i++) sum += exp((double)z[i] * by - max);
    const double lse = max + log(sum);
    for (int i = 0; i < n; i++)
        weighted -= exp((double)z[i] * by - lse) * ((double)z[i] * by - lse);
    return (Truth){(double)z[token] * by - lse, lse, weighted};
}

static void fill(float *z, int n, double spread, uint32_t sample) {
    Rng rng = rng_open((RngKey){.seed = 2, .stream = RNG_TEST, .sample = sample});
    for (int i = 0; i < n; i++) z[i] = (float)(spread * rng_normal(&rng));
}

static void agrees_with_doubles_at_any_size(void **state) {
    (void)state;
    static const int size[] = {1, 2, 15, 16, 17, 60, 1023, 1024, 1025, 5000, 129280};
    float *z = malloc(129280 * sizeof *z);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (int s = 0; s < 3; s++) {
            const int n = size[i], token = n * s / 3;
            const float by = s == 1 ? 0.5f : 1.25f;
            float lse, entropy;
            fill(z, n, s == 2 ? 20 : 2, (uint32_t)(i * 3 + (size_t)s));
            float logp = policy_logprob_row(z, n, by, token, &lse, &entropy);
            const Truth t = truth(z, n, (double)by, token);
            assert_true(fabs((double)logp - t.logp) < 2e-6 * (1 + fabs(t.logp)));
            assert_true(fabs((double)lse - t.lse) < 2e-6 * (1 + fabs(t.lse)));
            assert_true(fabs((double)entropy - t.entropy) < 1e-5);
        }
    free(z);
}

// Tails of all lengths, extremes, and rows that hold no distribution.
static void every_row_of_the_table_gives_the_same_bits(void **state) {
    (void)state;
    enum { V = 2100 };
    static float z[V];
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, -87.0f, 88.5f};
    for (int n = 1, round = 0; n < V; n += 1 + n / 9, round++) {
        fill(z, n, round % 3 == 2 ? 60 : 3, (uint32_t)round);
        if (round % 4 == 3) z[round % n] = odd[round / 4 % 8];
        float want[3] = {0}, got[3];
        for (int set = 0; set < GEMM_SETS; set++) {
            if (!gemm_set_supported((GemmSet)set)) continue;
            assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
            got[0] = policy_logprob_row(z, n, 1 / 0.7f, n / 2, &got[1], round % 2 ? &got[2] : NULL);
            if (round % 2 == 0) got[2] = 0;
            if (set == 0) memcpy(want, got, sizeof want);
            for (int i = 0; i < 3; i++)
                assert_true(memcmp(&want[i], &got[i], sizeof *got) == 0 ||
                            (isnan(want[i]) && isnan(got[i])));
        }
    }
    assert_ok(gemm_select(NULL));
}

static void a_certain_token_has_logp_zero_and_no_entropy(void **state) {
    (void)state;
    float z[20] = {[7] = 500}, lse, entropy;
    assert_true(policy_logprob_row(z, 20, 1, 7, &lse, &entropy) == 0);
    assert_true(entropy == 0 && lse == 500);
    assert_true(policy_logprob_row(z, 20, 1, 6, NULL, NULL) == -500);
}

static void the_gradient_is_the_derivative(void **state) {
    (void)state;
    enum { V = 37 };
    float z[V], d[V], logp, entropy, lse;
    const int32_t token = 11;
    const float dlogp = 0.7f, dentropy = -0.4f, by = 1.3f;
    fill(z, V, 1.5, 99);
    memcpy(d, z, sizeof d);
    KernelView view = {.data = d, .rows = 1, .cols = V, .stride = V, .dtype = DTYPE_F32};
    assert_ok(kernels_cpu.logprob(NULL, view, &token, by, &logp, &entropy, &lse));
    assert_ok(kernels_cpu.logprob_grad(NULL, view, &token, by, &lse, &entropy, &dlogp, &dentropy));
    for (int i = 0; i < V; i++) {
        const float keep = z[i], h = 1e-3f;
        z[i] = keep + h;
        const Truth up = truth(z, V, (double)by, token);
        const double high = (double)z[i];
        z[i] = keep - h;
        const Truth down = truth(z, V, (double)by, token);
        const double width = high - (double)z[i];
        z[i] = keep;
        const double want = (double)dlogp * (up.logp - down.logp) / width +
                            (double)dentropy * (up.entropy - down.entropy) / width;
        assert_true(fabs((double)d[i] - want) < 2e-6);
    }
}

static void the_gradient_works_without_entropy(void **state) {
    (void)state;
    float z[] = {0, 0}, lse, logp;
    const int32_t token = 1;
    const float dlogp = 2;
    KernelView view = {.data = z, .rows = 1, .cols = 2, .stride = 2, .dtype = DTYPE_F32};
    assert_ok(kernels_cpu.logprob(NULL, view, &token, 1, &logp, NULL, &lse));
    assert_ok(kernels_cpu.logprob_grad(NULL, view, &token, 1, &lse, NULL, &dlogp, NULL));
    assert_close(z, (float[]){-1, 1}, 2, 1e-6, 0);
}

static void fused_norm_quantises_what_the_plain_norm_gives(void **state) {
    (void)state;
    enum { R = 3, C = 200 };
    float x[R * C], gain[C], y[R * C], rstd[R], scale[R * 2];
    uint8_t code[R * C];
    fill(x, R * C, 1, 5);
    fill(gain, C, 1, 6);
    cpu_rmsnorm(NULL, y, C, x, C, gain, R, C, 1e-6f);
    KernelView vy = {
        .data = code, .scale = scale, .rows = R, .cols = C, .stride = C, .dtype = DTYPE_E4M3};
    KernelView vx = {.data = x, .rows = R, .cols = C, .stride = C, .dtype = DTYPE_F32};
    assert_ok(kernels_cpu.rmsnorm_quant(NULL, vy, rstd, vx, gain, 1e-6f));
    for (int r = 0; r < R; r++) {
        double sum = 0;
        for (int c = 0; c < C; c++) sum += (double)x[r * C + c] * (double)x[r * C + c];
        assert_true(fabs((double)rstd[r] - 1 / sqrt(sum / C + 1e-6)) < 1e-6);
        for (int t = 0; t < 2; t++) {
            float amax = 0;
            for (int c = t * 128; c < C && c < t * 128 + 128; c++)
                amax = fmaxf(amax, fabsf(y[r * C + c]));
            assert_true(fabsf(scale[r * 2 + t] * 448 - amax) < 1e-6f * amax);
        }
    }
    // both ways in one pass: the transpose of the transpose's tiles
    uint8_t rows[R * C], cols[C * R];
    float row_scale[R * 2], col_scale[C];
    KernelView by_row = {
        .data = rows, .scale = row_scale, .rows = R, .cols = C, .stride = C, .dtype = DTYPE_E4M3};
    KernelView by_col = {
        .data = cols, .scale = col_scale, .rows = C, .cols = R, .stride = R, .dtype = DTYPE_E4M3};
    KernelView vyy = {.data = y, .rows = R, .cols = C, .stride = C, .dtype = DTYPE_F32};
    assert_ok(kernels_cpu.quant_both(NULL, by_row, by_col, vyy));
    assert_memory_equal(rows, code, sizeof code);
    for (int c = 0; c < C; c++) {
        float amax = 0;
        for (int r = 0; r < R; r++) amax = fmaxf(amax, fabsf(y[r * C + c]));
        assert_true(fabsf(col_scale[c] * 448 - fmaxf(amax, 1e-4f)) <= 1e-6f * fmaxf(amax, 1e-4f));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_doubles_at_any_size),
        cmocka_unit_test(every_row_of_the_table_gives_the_same_bits),
        cmocka_unit_test(a_certain_token_has_logp_zero_and_no_entropy),
        cmocka_unit_test(the_gradient_is_the_derivative),
        cmocka_unit_test(the_gradient_works_without_entropy),
        cmocka_unit_test(fused_norm_quantises_what_the_plain_norm_gives),
    };
    return cmocka_run_group_tests_name("policy/logprob", tests, NULL, NULL);
}
