// tests/test_schedule.c -- policy/schedule: the corners of each curve, and what lies between.
#include "policy/schedule.h"

#include "tests/test.h"

static const Schedule cosine = {.kind = SCHEDULE_COSINE,
                                .lr = 2e-3,
                                .final_ratio = .05,
                                .warmup_steps = 10,
                                .total_steps = 111};

static void warm_up_rises_in_equal_steps_to_the_peak(void **state) {
    (void)state;
    for (int s = 0; s < 10; s++)
        assert_true(fabs(schedule_lr(&cosine, s) - 2e-3 * (s + 1) / 10) < 1e-15);
    assert_true(schedule_lr(&cosine, 9) == 2e-3 && schedule_lr(&cosine, 10) == 2e-3);
}

static void cosine_ends_at_the_final_ratio_and_stays_there(void **state) {
    (void)state;
    assert_true(fabs(schedule_lr(&cosine, 60) - 2e-3 * .525) < 1e-12); // half way
    assert_true(fabs(schedule_lr(&cosine, 110) - 1e-4) < 1e-15);
    assert_true(schedule_lr(&cosine, 5000) == schedule_lr(&cosine, 110));
    for (int s = 10; s < 110; s++)
        assert_true(schedule_lr(&cosine, s + 1) < schedule_lr(&cosine, s));
}

static void linear_falls_on_a_line(void **state) {
    (void)state;
    Schedule s = {.kind = SCHEDULE_LINEAR, .lr = 1, .final_ratio = 0, .total_steps = 5};
    for (int i = 0; i < 5; i++) assert_true(fabs(schedule_lr(&s, i) - (1 - i / 4.0)) < 1e-15);
}

static void degenerate_lengths_give_finite_rates(void **state) {
    (void)state;
    Schedule one = {.kind = SCHEDULE_COSINE, .lr = 1, .final_ratio = .1, .total_steps = 1};
    assert_true(fabs(schedule_lr(&one, 0) - .1) < 1e-15);
    Schedule only_warmup = {.kind = SCHEDULE_COSINE, .lr = 1, .warmup_steps = 8, .total_steps = 8};
    assert_true(schedule_lr(&only_warmup, 7) == 1);
    Schedule flat = {.kind = SCHEDULE_CONSTANT, .lr = 3, .total_steps = 0};
    assert_true(schedule_lr(&flat, 0) == 3 && schedule_lr(&flat, 999) == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warm_up_rises_in_equal_steps_to_the_peak),
        cmocka_unit_test(cosine_ends_at_the_final_ratio_and_stays_there),
        cmocka_unit_test(linear_falls_on_a_line),
        cmocka_unit_test(degenerate_lengths_give_finite_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
