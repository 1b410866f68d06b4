// tests/test_advantage.c -- rl/advantage: the numbers worked out by hand, and its edges.
#include "rl/advantage.h"

#include "tests/test.h"

static AdvantageConfig with(int kind, int std) {
    return (AdvantageConfig){.kind = kind, .std = std, .eps = 1e-9};
}
static const float ones[] = {1, 1, 1, 1, 1, 1};

static void fill(AdvantageConfig cfg, const float *reward, const float *weight, const int *begin,
                 int n_groups, float *adv, uint8_t *flat) {
    assert_ok(advantage_fill(&cfg, reward, weight, begin, NULL, n_groups, adv, flat));
}

static void none_centers_each_group_on_its_own(void **state) {
    (void)state;
    float adv[6];
    fill(with(ADV_NONE, 0), (float[]){1, 0, 0, 1, 5, 7}, ones, (int[]){0, 4, 6}, 2, adv, NULL);
    assert_close(adv, (float[]){.5f, -.5f, -.5f, .5f, -1, 1}, 6, 0, 0);
}

static void std_divides_by_the_named_deviation(void **state) {
    (void)state;
    const float reward[] = {0, 0, 0, 4}; // mean 1; population variance 3, sample variance 4
    float adv[4];
    fill(with(ADV_STD, STD_SAMPLE), reward, ones, (int[]){0, 4}, 1, adv, NULL);
    assert_close(adv, (float[]){-.5f, -.5f, -.5f, 1.5f}, 4, 1e-6, 0);
    fill(with(ADV_STD, STD_POPULATION), reward, ones, (int[]){0, 4}, 1, adv, NULL);
    assert_close(adv, (float[]){-.57735027f, -.57735027f, -.57735027f, 1.7320508f}, 4, 1e-6, 0);
}

static void leave_one_out_compares_with_the_others(void **state) {
    (void)state;
    float adv[3];
    fill(with(ADV_LEAVE_ONE_OUT, 0), (float[]){3, 1, 2}, ones, (int[]){0, 3}, 1, adv, NULL);
    assert_close(adv, (float[]){1.5f, -1.5f, 0}, 3, 1e-6, 0); // 3 - (1+2)/2, ...
}

static void maxrl_divides_by_the_mean(void **state) {
    (void)state;
    float adv[6]; // means 1/4 and 0
    uint8_t flat[2];
    fill(with(ADV_MAXRL, 0), (float[]){1, 0, 0, 0, -1, 1}, ones, (int[]){0, 4, 6}, 2, adv, flat);
    assert_close(adv, (float[]){3, -1, -1, -1, 0, 0}, 6, 1e-6, 0);
}

// Two rewards of very different sizes move the advantage alike.
static void parts_are_normalised_apart(void **state) {
    (void)state;
    float a[6] = {0, 0, 1, 1, 2, 2}, b[6] = {0, 100, 0, 100, 100, 100}, c[6] = {9, 1, 4, 7, 2, 3};
    float *part[] = {a, b, c}, adv[6];
    const double w[] = {1, 0.5, 0};
    uint8_t flat[2];
    AdvantageConfig cfg = with(ADV_STD, STD_POPULATION);
    assert_ok(advantage_fill_parts(&cfg, part, w, 3, ones, (int[]){0, 4, 6}, NULL, 2, adv, flat));
    // group 0: a is -1 -1 1 1, b is -1 1 -1 1: sums -1.5 -0.5 0.5 1.5, and 0 0 in group 1;
    // deviation of the six: sqrt(5 / 6)
    const float d = 0.91287093f;
    assert_close(adv, (float[]){-1.5f / d, -.5f / d, .5f / d, 1.5f / d, 0, 0}, 6, 1e-5, 0);
    assert_true(flat[0] == 0 && flat[1] == 1);
    float weight[6] = {1, 1, 1, 0, 1, 1}; // sample 3 counts nowhere
    assert_ok(advantage_fill_parts(&cfg, part, w, 3, weight, (int[]){0, 4, 6}, NULL, 2, adv, NULL));
    assert_true(adv[3] == 0 && fabsf(adv[0] + adv[1] + adv[2]) < 1e-6f);
    b[2] = NAN;
    assert_int_equal(
        advantage_fill_parts(&cfg, part, w, 3, ones, (int[]){0, 4, 6}, NULL, 2, adv, NULL),
        ST_FORMAT);
}

static void batch_std_divides_by_the_deviation_of_all(void **state) {
    (void)state;
    float adv[4]; // groups {0,2} and {4,6}: all have mean 3, population variance 5
    fill(with(ADV_BATCH_STD, 0), (float[]){0, 2, 4, 6}, ones, (int[]){0, 2, 4}, 2, adv, NULL);
    const float a = 0.4472136f;
    assert_close(adv, (float[]){-a, a, -a, a}, 4, 1e-6, 0);
}

static void a_group_of_equals_is_exactly_zero(void **state) {
    (void)state;
    for (int kind = ADV_STD; kind <= ADV_BATCH_STD; kind++) {
        const float reward[] = {.1f, .1f, .1f, 0, 1};
        float adv[5];
        uint8_t flat[2] = {9, 9};
        fill(with(kind, STD_SAMPLE), reward, ones, (int[]){0, 3, 5}, 2, adv, flat);
        assert_true(flat[0] == 1 && flat[1] == 0);
        for (int i = 0; i < 3; i++) assert_true(adv[i] == 0);
        assert_true(adv[3] < 0 && adv[4] > 0);
    }
}

static void a_sample_without_weight_is_as_if_absent(void **state) {
    (void)state;
    for (int kind = ADV_STD; kind <= ADV_BATCH_STD; kind++) {
        float with_it[4], without[3];
        const float weight[] = {1, 0, 1, 1};
        fill(with(kind, STD_SAMPLE), (float[]){1, NAN, 0, 0}, weight, (int[]){0, 4}, 1, with_it,
             NULL);
        fill(with(kind, STD_SAMPLE), (float[]){1, 0, 0}, ones, (int[]){0, 3}, 1, without, NULL);
        assert_true(with_it[1] == 0);
        assert_close((float[]){with_it[0], with_it[2], with_it[3]}, without, 3, 0, 0);
    }
}

static void a_dropped_group_does_not_move_the_batch_deviation(void **state) {
    (void)state;
    AdvantageConfig cfg = with(ADV_BATCH_STD, 0);
    const uint8_t keep[] = {1, 0};
    float adv[4];
    assert_ok(advantage_fill(&cfg, (float[]){0, 2, 100, 200}, ones, (int[]){0, 2, 4}, keep, 2, adv,
                             NULL));
    assert_close(adv, (float[]){-1, 1}, 2, 1e-6, 0);
}

static void one_sample_alone_teaches_nothing(void **state) {
    (void)state;
    for (int kind = ADV_STD; kind <= ADV_BATCH_STD; kind++) {
        float adv[2];
        uint8_t flat;
        fill(with(kind, STD_SAMPLE), (float[]){1, 0}, (float[]){1, 0}, (int[]){0, 2}, 1, adv,
             &flat);
        assert_true(adv[0] == 0 && adv[1] == 0 && flat == 1);
    }
}

static void a_reward_that_is_no_number_is_refused(void **state) {
    (void)state;
    AdvantageConfig cfg = with(ADV_NONE, 0);
    float adv[] = {8, 9};
    uint8_t flat = 7;
    assert_int_equal(
        advantage_fill(&cfg, (float[]){0, NAN}, ones, (int[]){0, 2}, NULL, 1, adv, &flat),
        ST_FORMAT);
    assert_non_null(strstr(status_text(), "sample 1"));
    assert_close(adv, (float[]){8, 9}, 2, 0, 0); // untouched
    assert_int_equal(flat, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_centers_each_group_on_its_own),
        cmocka_unit_test(std_divides_by_the_named_deviation),
        cmocka_unit_test(maxrl_divides_by_the_mean),
        cmocka_unit_test(parts_are_normalised_apart),
        cmocka_unit_test(leave_one_out_compares_with_the_others),
        cmocka_unit_test(batch_std_divides_by_the_deviation_of_all),
        cmocka_unit_test(a_group_of_equals_is_exactly_zero),
        cmocka_unit_test(a_sample_without_weight_is_as_if_absent),
        cmocka_unit_test(a_dropped_group_does_not_move_the_batch_deviation),
        cmocka_unit_test(one_sample_alone_teaches_nothing),
        cmocka_unit_test(a_reward_that_is_no_number_is_refused),
    };
    return cmocka_run_group_tests_name("rl/advantage", tests, NULL, NULL);
}
