// tests/test_health.c -- rl/health: each rule speaks when it should, and not more often.
#include "rl/health.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "tests/test.h"

static const RlConfig cfg = {.steps = 100, .warn_every_steps = 10};

static int lines(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

// Looks at a row with one metric, and another that some rules need.
static void look(Health *h, int64_t step, const char *name, double value, const char *other,
                 double other_value) {
    Metrics row = {0};
    metrics_set(&row, value, "%s", name);
    if (other) metrics_set(&row, other_value, "%s", other);
    health_look(h, step, &row, NULL);
}

static void each_rule_speaks_of_what_it_saw(void **state) {
    (void)state;
    const struct {
        const char *name, *other, *says;
        double good, bad, other_value;
    } rule[] = {
        {"actor/entropy", "reward/accuracy/mean", "entropy is 0.050", 0.2, 0.05, 0.1},
        {"group/zero_std", "group/all_wrong", "too hard", 0.7, 0.9, 0.8},
        {"group/zero_std", "group/all_right", "too easy", 0.7, 0.9, 0.8},
        {"response_length/clip_ratio", NULL, "30 % of responses", 0.1, 0.3, 0},
        {"actor/ppo_kl", NULL, "moved 0.200", 0.01, 0.2, 0},
        {"sampling/logp_diff/mean", NULL, "sampler and trainer", 1e-4, 0.02, 0},
        {"verify/error_frac", NULL, "no verdict", 0.01, 0.05, 0},
    };
    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++) {
        Health *h = health_new(&cfg);
        look(h, 1, rule[i].name, rule[i].good, rule[i].other, rule[i].other_value);
        assert_string_equal(health_text(h), "");
        look(h, 2, rule[i].name, rule[i].bad, rule[i].other, rule[i].other_value);
        assert_non_null(strstr(health_text(h), rule[i].says));
        assert_int_equal(lines(health_text(h)), 1);
        health_free(h);
    }
}

static void low_entropy_is_no_warning_when_answers_are_right_or_late_or_it_was_low(void **state) {
    (void)state;
    Health *h = health_new(&cfg);
    look(h, 5, "actor/entropy", 0.02, "reward/accuracy/mean", 0.9);
    look(h, 50, "actor/entropy", 0.02, "reward/accuracy/mean", 0.2);
    assert_string_equal(health_text(h), "");
    health_free(h);
    h = health_new(&cfg); // a base of low entropy that keeps most of it
    look(h, 1, "actor/entropy", 0.2, "reward/accuracy/mean", 0.1);
    look(h, 4, "actor/entropy", 0.09, "reward/accuracy/mean", 0.1);
    assert_string_equal(health_text(h), "");
    look(h, 5, "actor/entropy", 0.06, "reward/accuracy/mean", 0.1);
    assert_int_equal(lines(health_text(h)), 1);
    health_free(h);
}

static void a_gradient_far_above_its_usual_is_named(void **state) {
    (void)state;
    Health *h = health_new(&cfg);
    for (int step = 1; step <= 30; step++)
        look(h, step, "actor/grad_norm", 0.2 + 0.01 * (step % 5), NULL, 0);
    assert_string_equal(health_text(h), "");
    look(h, 31, "actor/grad_norm", 3, NULL, 0);
    assert_non_null(strstr(health_text(h), "gradient norm 3"));
    health_free(h);
}

static void reward_without_accuracy_is_farming(void **state) {
    (void)state;
    Health *farm = health_new(&cfg), *fine = health_new(&cfg);
    for (int step = 1; step <= 60; step++) {
        double up = step < 30 ? 0 : 0.02 * (step - 30);
        look(farm, step, "critic/rewards/mean", up, "reward/accuracy/mean", 0.1);
        look(fine, step, "critic/rewards/mean", up, "reward/accuracy/mean", up);
    }
    assert_non_null(strstr(health_text(farm), "farmed"));
    assert_string_equal(health_text(fine), "");
    health_free(farm), health_free(fine);
}

static void the_same_warning_waits(void **state) {
    (void)state;
    Health *h = health_new(&cfg);
    for (int step = 1; step <= 25; step++)
        look(h, step, "response_length/clip_ratio", 0.5, NULL, 0);
    assert_int_equal(lines(health_text(h)), 3); // steps 1, 11, 21
    health_free(h);
}

static void a_saved_health_goes_on_as_if_never_stopped(void **state) {
    (void)state;
    Health *a = health_new(&cfg), *b = health_new(&cfg);
    for (int step = 1; step <= 30; step++) {
        if (step == 17) {
            Str bytes = {0};
            health_save(a, &bytes);
            assert_ok(health_load(b, str_text(&bytes), bytes.size));
            assert_int_equal(health_load(b, str_text(&bytes), 8), ST_FORMAT);
            str_free(&bytes);
        }
        double grad = step == 29 ? 5 : 0.2 + 0.02 * (step % 3);
        look(a, step, "actor/grad_norm", grad, "response_length/clip_ratio", 0.3);
        if (step >= 17) look(b, step, "actor/grad_norm", grad, "response_length/clip_ratio", 0.3);
    }
    assert_string_equal(health_text(a), health_text(b));
    assert_non_null(strstr(health_text(b), "step 29"));
    health_free(a), health_free(b);
}

static void a_tensor_without_gradient_is_named_after_five_steps(void **state) {
    (void)state;
    Health *h = health_new(&cfg);
    Metrics row = {0};
    for (int step = 1; step <= 4; step++) health_look(h, step, &row, "w");
    health_look(h, 5, &row, NULL); // it came: start over
    for (int step = 6; step <= 9; step++) health_look(h, step, &row, "w");
    assert_string_equal(health_text(h), "");
    health_look(h, 10, &row, "w");
    assert_string_equal(health_text(h), "step 10: no gradient reached w in 5 steps\n");
    health_free(h);
}

static void tensors_that_stay_as_they_are_are_said(void **state) {
    (void)state;
    Health *h = health_new(&cfg), *again = health_new(&cfg);
    for (int step = 1; step <= 4; step++) look(h, step, "actor/tensors_unmoved", 2, NULL, 0);
    look(h, 5, "actor/tensors_unmoved", 0, NULL, 0); // all moved: start over
    for (int step = 6; step <= 8; step++) look(h, step, "actor/tensors_unmoved", 2, NULL, 0);
    look(h, 9, "actor/entropy", 1, NULL, 0); // nothing was trained
    Str bytes = {0};
    health_save(h, &bytes); // the count goes on after a resume
    assert_ok(health_load(again, str_text(&bytes), bytes.size));
    look(again, 10, "actor/tensors_unmoved", 2, NULL, 0);
    assert_string_equal(health_text(again), "");
    look(again, 11, "actor/tensors_unmoved", 3, NULL, 0);
    assert_non_null(strstr(health_text(again), "step 11: the last 5 updates left 3 tensors"));
    assert_non_null(strstr(health_text(again), "rl.lr"));
    str_free(&bytes);
    health_free(h), health_free(again);
}

static void the_last_words_name_the_number_and_the_batch(void **state) {
    (void)state;
    char folder[] = "/tmp/test_health.XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    Arena *arena = arena_new(4096);
    Batch *b = batch_new(1, 2, arena), *back;
    batch_ask(b, 0, NULL, 77, 0, (int32_t[]){1, 2}, 2, arena);
    assert_int_equal(health_stop(folder, 12, b, "gradient norm is nan"), ST_FORMAT);
    snprintf(path, sizeof path, "%s/nonfinite-step-12.batch", folder);
    assert_non_null(strstr(status_text(), "step 12: gradient norm is nan"));
    assert_non_null(strstr(status_text(), path));
    assert_ok(batch_read(path, &back, arena));
    assert_int_equal(back->task_id[0], 77);
    assert_ok(file_remove_tree(folder));
    arena_free(arena);
    assert_int_equal(health_nonfinite((float[]){1, 2, INFINITY, NAN}, 4), 2);
    assert_int_equal(health_nonfinite((float[]){1, 2}, 2), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_speaks_of_what_it_saw),
        cmocka_unit_test(low_entropy_is_no_warning_when_answers_are_right_or_late_or_it_was_low),
        cmocka_unit_test(a_gradient_far_above_its_usual_is_named),
        cmocka_unit_test(reward_without_accuracy_is_farming),
        cmocka_unit_test(the_same_warning_waits),
        cmocka_unit_test(a_saved_health_goes_on_as_if_never_stopped),
        cmocka_unit_test(a_tensor_without_gradient_is_named_after_five_steps),
        cmocka_unit_test(tensors_that_stay_as_they_are_are_said),
        cmocka_unit_test(the_last_words_name_the_number_and_the_batch),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/health", tests, NULL, NULL);
}
