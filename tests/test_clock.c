// tests/test_clock.c -- base/clock: spans add up, nest and start again.
#include "base/clock.h"

#include <unistd.h>

#include "tests/test.h"

static void spans_add_up_by_name(void **state) {
    (void)state;
    Spans spans = {0};
    char name[] = "outer"; // found by text, not by address
    span_begin(&spans, "outer");
    for (int k = 0; k < 3; k++) {
        span_begin(&spans, "inner");
        usleep(2000);
        span_end(&spans, "inner");
    }
    span_end(&spans, name);
    double inner = span_seconds(&spans, "inner"), outer = span_seconds(&spans, "outer");
    assert_true(inner >= 0.006 && outer >= inner);
    assert_int_equal(spans.n, 2);
    assert_int_equal(spans.span[1].count, 3);
    assert_true(span_seconds(&spans, "never") == 0);
    span_reset(&spans);
    assert_true(span_seconds(&spans, "outer") == 0);
}

static void clocks_go_forward(void **state) {
    (void)state;
    double a = clock_now(), wall = clock_wall();
    usleep(1000);
    assert_true(clock_now() > a);
    assert_true(wall > 1.6e9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_add_up_by_name),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
