// tests/test_metrics.c -- base/metrics: order, replacement, JSON.
#include "base/metrics.h"

#include "tests/test.h"

static Metrics metrics;

static void the_last_value_of_a_name_counts(void **state) {
    (void)state;
    metrics_clear(&metrics);
    metrics_set(&metrics, 1, "a/%d", 1);
    metrics_set(&metrics, 2, "b");
    metrics_set(&metrics, 3, "a/1");
    assert_int_equal(metrics.n, 2);
    assert_true(metrics_get(&metrics, "a/1", 0) == 3);
    assert_true(metrics_get(&metrics, "c", 7) == 7);
    metrics_clear(&metrics);
    assert_true(metrics_get(&metrics, "a/1", 7) == 7);
}

static void a_row_of_json_keeps_the_order(void **state) {
    (void)state;
    metrics_clear(&metrics);
    metrics_set(&metrics, 0.43, "critic/rewards/mean");
    metrics_set(&metrics, NAN, "actor/entropy");
    Str s = {0};
    metrics_json(&metrics, 12, 1732230000.125, &s);
    assert_string_equal(str_text(&s), "{\"step\":12,\"time\":1732230000.125,\"data\":{"
                                      "\"critic/rewards/mean\":0.43,\"actor/entropy\":null}}");
    str_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_value_of_a_name_counts),
        cmocka_unit_test(a_row_of_json_keeps_the_order),
    };
    return cmocka_run_group_tests_name("base/metrics", tests, NULL, NULL);
}
