// tests/test_vec.c -- policy/cpu/vec: one set of bits on every instruction set.
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

// ---- all rows give the same bits, at every length

enum { LONG = 150, CALLS = 6 };
typedef struct Inputs {
    float a[LONG], d[LONG];
} Inputs;

// Runs the functions of vec.h and quant.h on n values; y has CALLS rows of LONG.
static void run_all(float y[CALLS][LONG], const Inputs *x, int n) {
    const float *a = x->a;
    for (int i = 0; i < CALLS; i++) memcpy(y[i], x->d, sizeof x->d);
    const VecAdamW step = {1e-3f, 0.1f, 0.9f, 0.99f, 1e-8f, 2.0f, 3.0f, 0.5f};
    for (int i = 0; i < n; i++) y[2][i] = fabsf(y[2][i]);
    vec_adamw(y[0], y[1], y[2], a, &step, n);
    bf16_round_n(y[3], a, n);
    e4m3_round_n(y[4], a, 0.01f, n);
    y[5][LONG - 1] = vec_amax(a, n);
}

static void rows_give_the_same_bits_and_touch_nothing_else(void **state) {
    (void)state;
    static float want[CALLS][LONG], got[CALLS][LONG];
    for (int n = 0; n < LONG - 1; n++) {
        Inputs x;
        for (int i = 0; i < LONG; i++) {
            x.a[i] = ldexpf(uniform(), (int)(draw() % 12) - 4);
            x.d[i] = uniform();
        }
        assert_ok(gemm_select("portable"));
        run_all(want, &x, n);
        for (int i = 0; i < CALLS - 1; i++) // beyond n nothing is written
            assert_memory_equal(want[i] + n, x.d + n, sizeof(float) * (size_t)(LONG - 1 - n));
        for (int set = 1; set < GEMM_SETS; set++) {
            if (!gemm_set_supported((GemmSet)set)) continue;
            assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
            run_all(got, &x, n);
            for (int i = 0; i < CALLS; i++)
                for (int j = 0; j < LONG; j++)
                    if (float_bits(got[i][j]) != float_bits(want[i][j]) &&
                        !(isnan(got[i][j]) && isnan(want[i][j])))
                        fail_msg("%s, call %d, n %d: [%d] got %.9g want %.9g",
                                 gemm_set_name((GemmSet)set), i, n, j, (double)got[i][j],
                                 (double)want[i][j]);
        }
    }
}

static void the_largest_magnitude_is_found_wherever_it_stands(void **state) {
    (void)state;
    float a[LONG];
    assert_ok(gemm_select("auto"));
    assert_true(vec_amax(a, 0) == 0);
    for (int n = 1; n < LONG; n++)
        for (int at = 0; at < n; at += 1 + n / 7) {
            for (int i = 0; i < n; i++) a[i] = uniform();
            a[at] = at & 1 ? -1.5f : 1.5f;
            assert_true(vec_amax(a, n) == 1.5f);
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
        cmocka_unit_test(rows_give_the_same_bits_and_touch_nothing_else),
        cmocka_unit_test(the_largest_magnitude_is_found_wherever_it_stands),
        cmocka_unit_test(adamw_takes_the_textbook_step),
    };
    return cmocka_run_group_tests_name("policy/cpu/vec", tests, NULL, NULL);
}
