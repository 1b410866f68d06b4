// tests/test_rope.c -- policy/rope: DeepSeek-V3's YaRN constants; rotations turn and turn back.
#include "policy/rope.h"

#include "policy/cpu/rows.h"
#include "tests/test.h"

static const RopeConfig v3 = {.theta = 10000,
                              .yarn = true,
                              .factor = 40,
                              .beta_fast = 32,
                              .beta_slow = 1,
                              .mscale = 1,
                              .mscale_all_dim = 1,
                              .original_max_position = 4096};

static void v3_has_its_published_constants(void **state) {
    (void)state;
    int low, high;
    double rate[32], scale;
    rope_yarn_range(&v3, 64, &low, &high);
    assert_int_equal(low, 10);
    assert_int_equal(high, 23);
    assert_true(fabs(rope_softmax_scale(&v3, 192) - 0.135234) < 5e-7);
    rope_rates(&v3, 64, rate, &scale);
    assert_true(scale == 1);
    assert_true(fabs(rate[10] - pow(10000, -20.0 / 64)) < 1e-15);      // kept
    assert_true(fabs(rate[23] - pow(10000, -46.0 / 64) / 40) < 1e-15); // slowed 40 times
    const double r = 6.0 / 13, plain = pow(10000, -32.0 / 64);
    assert_true(fabs(rate[16] - (plain * (1 - r) + plain / 40 * r)) < 1e-15);
}

static void without_yarn_nothing_is_scaled(void **state) {
    (void)state;
    const RopeConfig plain = {.theta = 10000};
    double rate[8], scale;
    rope_rates(&plain, 16, rate, &scale);
    assert_true(scale == 1 && rate[0] == 1 && fabs(rate[4] - 0.01) < 1e-15);
    assert_true(fabs(rope_softmax_scale(&plain, 64) - 0.125) < 1e-15);
}

static void adjacent_pairs_turn_and_turn_back(void **state) {
    (void)state;
    // angle table of two positions, two pairs: 0; quarter turn and half turn
    const float table[] = {1, 0, 1, 0, 0, 1, -1, 0};
    const int32_t pos[] = {1, 0};
    float x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const float turned[] = {-2, 1, -3, -4, 5, 6, 7, 8};
    const float back[] = {1, 2, 3, 4, 5, 6, 7, 8};
    cpu_rope(NULL, x, 4, 1, 0, table, pos, 2, 4, false);
    assert_close(x, turned, 8, 0, 0);
    cpu_rope(NULL, x, 4, 1, 0, table, pos, 2, 4, true);
    assert_close(x, back, 8, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v3_has_its_published_constants),
        cmocka_unit_test(without_yarn_nothing_is_scaled),
        cmocka_unit_test(adjacent_pairs_turn_and_turn_back),
    };
    return cmocka_run_group_tests_name("policy/rope", tests, NULL, NULL);
}
