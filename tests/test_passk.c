// tests/test_passk.c -- rl/passk: against counting, and intervals that cover.
#include "rl/passk.h"

#include "base/rng.h"
#include "tests/test.h"

// By counting subsets: the share of k-subsets of n samples, the first c of them right, that hit.
static double by_counting(int n, int c, int k, int all) {
    int hits = 0, subsets = 0;
    for (unsigned s = 0; s < 1u << n; s++) {
        if (__builtin_popcount(s) != k) continue;
        subsets++;
        unsigned right = s & ((1u << c) - 1);
        hits += all ? right == s : right != 0;
    }
    return (double)hits / subsets;
}

static void pass_at_k_is_the_share_of_subsets_that_hit(void **state) {
    (void)state;
    for (int n = 1; n <= 8; n++)
        for (int c = 0; c <= n; c++)
            for (int k = 1; k <= n; k++) {
                assert_true(fabs(passk_estimate(n, c, k) - by_counting(n, c, k, 0)) < 1e-12);
                assert_true(fabs(passk_all_right(n, c, k) - by_counting(n, c, k, 1)) < 1e-12);
            }
}

static void large_counts_do_not_overflow(void **state) {
    (void)state;
    double p = passk_estimate(100000, 10, 5000);
    assert_true(p > 0.39 && p < 0.41); // 1 - 0.95^10 = 0.401
    assert_true(passk_estimate(4096, 4096, 4096) == 1 && passk_estimate(4096, 0, 4096) == 0);
}

static void the_interval_is_wilsons_for_yes_and_no(void **state) {
    (void)state;
    double value[100] = {0};
    for (int i = 0; i < 80; i++) value[i] = 1;
    Interval i = passk_interval(value, 100);
    assert_true(fabs(i.mean - 0.8) < 1e-12);
    assert_true(fabs(i.low - 0.7111) < 1e-3 && fabs(i.high - 0.8667) < 1e-3);
}

static void the_interval_is_never_empty_nor_outside(void **state) {
    (void)state;
    double right[20], half[20];
    for (int i = 0; i < 20; i++) right[i] = 1, half[i] = 0.5;
    Interval a = passk_interval(right, 20), b = passk_interval(half, 20);
    assert_true(a.high == 1 && a.low > 0.7 && a.low < 1);
    assert_true(b.low < 0.5 && b.high > 0.5);
    Interval none = passk_interval(NULL, 0);
    assert_true(isnan(none.mean) && isnan(none.low) && isnan(none.high)); // unknown, not 0
    assert_true(isnan(passk_estimate(3, 1, 4)) && isnan(passk_all_right(3, 1, 4)));
}

static void the_interval_covers_the_truth_about_95_times_in_100(void **state) {
    (void)state;
    int covered = 0;
    Rng rng = rng_open((RngKey){.seed = 9, .stream = RNG_TEST});
    for (int trial = 0; trial < 1000; trial++) {
        double value[60]; // questions of uniform difficulty, 4 samples each: true mean one half
        for (int i = 0; i < 60; i++) {
            double p = rng_double(&rng);
            value[i] = 0;
            for (int s = 0; s < 4; s++) value[i] += rng_double(&rng) < p ? 0.25 : 0;
        }
        Interval ci = passk_interval(value, 60);
        covered += ci.low <= 0.5 && 0.5 <= ci.high;
    }
    assert_in_range(covered, 925, 975);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pass_at_k_is_the_share_of_subsets_that_hit),
        cmocka_unit_test(large_counts_do_not_overflow),
        cmocka_unit_test(the_interval_is_wilsons_for_yes_and_no),
        cmocka_unit_test(the_interval_is_never_empty_nor_outside),
        cmocka_unit_test(the_interval_covers_the_truth_about_95_times_in_100),
    };
    return cmocka_run_group_tests_name("rl/passk", tests, NULL, NULL);
}
