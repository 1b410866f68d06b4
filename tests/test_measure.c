// tests/test_measure.c -- rl/measure: every metric of a rollout worked out by hand.
#include "rl/measure.h"

#include "rl/reward.h"
#include "tests/test.h"
#include "verifiers/verdict.h"

static double get(const Metrics *row, const char *name) {
    double value = metrics_get(row, name, nan(""));
    if (isnan(value)) fail_msg("no metric %s", name);
    return value;
}

static void metrics_are_what_their_names_say(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    enum { G = 3, N = 6 }; // groups of 2: mixed, all right, one wrong and one without verdict
    Batch *b = batch_new(G, 2, arena);
    for (int g = 0; g < G; g++)
        batch_ask(b, g, NULL, (uint64_t)g, 0, (int32_t[]){1, 2, 3}, 1 + g, arena);
    batch_open_sampled(b, 10, arena);
    const int length[N] = {4, 10, 2, 6, 8, 3};
    const int verdict[N] = {VERDICT_RIGHT, VERDICT_WRONG, VERDICT_RIGHT,
                            VERDICT_RIGHT, VERDICT_WRONG, VERDICT_ERROR};
    for (int i = 0; i < N; i++) {
        b->token_end[i] = b->response_begin[i] + length[i];
        b->finish[i] = length[i] == 10 ? FINISH_LENGTH : FINISH_STOP;
    }
    b->finish[5] = FINISH_ABORT;
    batch_open_judged(b, N_REWARD_PARTS, arena);
    const char *const names[] = {"accuracy", "format", "overlong", "language", "kl"};
    for (int p = 0; p < N_REWARD_PARTS; p++) batch_name_part(b, p, names[p]);
    for (int i = 0; i < N; i++) {
        b->verdict[i] = (uint8_t)verdict[i];
        b->part[PART_ACCURACY][i] = verdict[i] == VERDICT_RIGHT;
        b->part[PART_FORMAT][i] = i < 2;
    }
    RlConfig cfg = {.reward_accuracy = 1,
                    .reward_format = 0.5,
                    .max_new_tokens = 10,
                    .overlong_buffer = 5,
                    .overlong_penalty = 1};
    reward_fill(&cfg, b);
    batch_open_weighed(b, arena);
    for (int i = 0; i < N; i++) b->advantage[i] = (float)i - 2;
    Metrics row = {0};
    measure_rollout(&cfg, b, (uint8_t[]){0, 1, 1}, &row);
    // rewards of samples 0..4: 1.5, 0.5 - 1, 1, 1 - 0.2, 0 - 0.6
    assert_true(fabs(get(&row, "critic/rewards/mean") - (1.5 - 0.5 + 1 + 0.8 - 0.6) / 5) < 1e-6);
    assert_true(fabs(get(&row, "critic/rewards/max") - 1.5) < 1e-6);
    assert_true(fabs(get(&row, "critic/rewards/min") + 0.6) < 1e-6);
    double m = 2.2 / 5, sq = 1.5 * 1.5 + 0.25 + 1 + 0.64 + 0.36;
    assert_true(fabs(get(&row, "critic/rewards/std") - sqrt(sq / 5 - m * m)) < 1e-6);
    assert_true(fabs(get(&row, "critic/score/mean") - (1.5 + 0.5 + 1 + 1 + 0) / 5) < 1e-6);
    assert_true(fabs(get(&row, "critic/advantages/mean") - 0) < 1e-6); // -2 .. 2
    assert_true(fabs(get(&row, "reward/accuracy/mean") - 3.0 / 5) < 1e-6);
    assert_true(fabs(get(&row, "reward/format/mean") - 2.0 / 5) < 1e-6);
    assert_true(fabs(get(&row, "reward/overlong/mean") + 1.8 / 5) < 1e-6);
    assert_true(get(&row, "response_length/mean") == 33.0 / 6);
    assert_true(get(&row, "response_length/clip_ratio") == 1.0 / 6);
    assert_true(get(&row, "response/aborted_ratio") == 1.0 / 6);
    assert_true(get(&row, "length/right/mean") == 4 && get(&row, "length/wrong/mean") == 9);
    assert_true(get(&row, "verify/error_frac") == 1.0 / 6);
    assert_true(get(&row, "prompt_length/mean") == 2 && get(&row, "prompt_length/max") == 3);
    assert_true(fabs(get(&row, "group/mixed") - 1.0 / 3) < 1e-12);
    assert_true(fabs(get(&row, "group/all_right") - 1.0 / 3) < 1e-12);
    assert_true(fabs(get(&row, "group/all_wrong") - 1.0 / 3) < 1e-12);
    assert_true(fabs(get(&row, "group/zero_std") - 2.0 / 3) < 1e-12);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(metrics_are_what_their_names_say)};
    return cmocka_run_group_tests_name("rl/measure", tests, NULL, NULL);
}
