// tests/test_draw_weights.c -- policy/cpu/draw_weights: every instruction set gives what one value
// at a time gives.
#include "policy/cpu/draw_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "policy/cpu/gemm.h"
#include "tests/test.h"

enum { N = 5003 };

// exp(x) * 2^44 to the nearest integer, one value at a time.
static uint64_t plain_weight(double x) {
    if (!(x > -32)) return 0;
    double t = x * 1.4426950408889634, n = (t + 0x1.8p52) - 0x1.8p52;
    double y = (t - n) * 0.6931471805599453, y2 = y * y, y4 = y2 * y2;
    double low = (1 + y) + y2 * (1.0 / 2 + y * (1.0 / 6));
    double high = (1.0 / 24 + y * (1.0 / 120)) + y2 * (1.0 / 720 + y * (1.0 / 5040));
    double e = (low + y4 * high) + y4 * y4 * (1.0 / 40320);
    return (uint64_t)(e * ldexp(1, (int)n + DRAW_BITS) + 0.5);
}

static void fill_row(float *z, int round) {
    Rng rng = rng_open((RngKey){.seed = (uint64_t)round, .stream = RNG_EVAL});
    for (int i = 0; i < N; i++) {
        z[i] = (float)rng_below(&rng, 1u << 20) * 0x1p-15f - 20;
        if (rng_below(&rng, 100) == 0) z[i] = -INFINITY;
        if (rng_below(&rng, 100) == 0) z[i] = z[(i * 7) % (i + 1)];
    }
}

static int32_t best_of(const float *z, int n) {
    int32_t best;
    draw_best(z, n, &best);
    return best;
}

static int32_t walk_to(const uint64_t *weight, int n, uint64_t target) {
    int32_t drawn;
    draw_walk(weight, n, target, &drawn);
    return drawn;
}

static void weights_are_those_of_one_value_at_a_time(void **state) {
    (void)state;
    static float z[N];
    static uint64_t weight[N];
    for (int round = 0; round < 40; round++) {
        fill_row(z, round);
        const int n = N - round % 9;
        const float scale = round % 2 ? 1.0f : 1 / 0.7f;
        int32_t best = 0;
        for (int i = 1; i < n; i++)
            if (z[i] > z[best]) best = i;
        assert_int_equal(best_of(z, n), best);
        const float top = z[best] * scale;
        uint64_t sum = 0;
        uint64_t total;
        draw_weights(z, n, scale, top, weight, &total);
        for (int i = 0; i < n; i++) {
            const uint64_t want = plain_weight((double)(z[i] * scale) - (double)top);
            assert_true(weight[i] == want);
            sum += want;
        }
        assert_true(total == sum);
        assert_true(weight[best] == (uint64_t)1 << DRAW_BITS);
    }
}

static void the_walk_ends_where_the_sum_passes_the_target(void **state) {
    (void)state;
    static uint64_t weight[N];
    uint64_t total = 0;
    for (int i = 0; i < N; i++) total += weight[i] = (uint64_t)(i % 5 == 0 ? 0 : i);
    uint64_t before = 0;
    for (int i = 0; i < N; i++) {
        if (weight[i] > 0) {
            assert_int_equal(walk_to(weight, N, before), i);
            assert_int_equal(walk_to(weight, N, before + weight[i] - 1), i);
        }
        before += weight[i];
    }
    assert_int_equal(walk_to(weight, N, total), -1);
}

static void a_row_with_a_nan_has_no_best(void **state) {
    (void)state;
    float z[21] = {0};
    z[4] = z[9] = 2;
    assert_int_equal(best_of(z, 21), 4);
    for (int i = 0; i < 21; i++) {
        z[i] = NAN;
        assert_int_equal(best_of(z, 21), -1);
        z[i] = i == 4 || i == 9 ? 2 : 0;
    }
    for (int i = 0; i < 21; i++) z[i] = -INFINITY;
    assert_int_equal(best_of(z, 21), 0);
}

// The sets that this processor has, as GRPO_CPU names them.
static void every_instruction_set_gives_the_same(void **state) {
    for (int set = 0; set < GEMM_SETS; set++) {
        if (!gemm_set_supported((GemmSet)set)) {
            print_message("not here: %s\n", gemm_set_name((GemmSet)set));
            continue;
        }
        assert_int_equal(setenv("GRPO_CPU", gemm_set_name((GemmSet)set), 1), 0);
        assert_ok(gemm_select(NULL));
        assert_int_equal(gemm_set(), set);
        weights_are_those_of_one_value_at_a_time(state);
        the_walk_ends_where_the_sum_passes_the_target(state);
        a_row_with_a_nan_has_no_best(state);
    }
    unsetenv("GRPO_CPU");
    assert_ok(gemm_select(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_gives_the_same),
    };
    return cmocka_run_group_tests_name("policy/draw", tests, NULL, NULL);
}
