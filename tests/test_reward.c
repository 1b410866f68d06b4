// tests/test_reward.c -- rl/reward: weights, the soft overlong term, and who is left out.
#include "rl/reward.h"

#include "tests/test.h"
#include "verifiers/verdict.h"

enum { N = 4 };

// Four responses of 1, 6, 8 and 10 tokens after a prompt of 2; max_new_tokens 10, buffer 4.
static Batch *judged(Arena *arena) {
    Batch *b = batch_new(1, N, arena);
    batch_ask(b, 0, NULL, 1, 0, (int32_t[]){7, 7}, 2, arena);
    batch_open_sampled(b, 10, arena);
    const int length[N] = {1, 6, 8, 10};
    for (int i = 0; i < N; i++) {
        b->token_end[i] = b->response_begin[i] + length[i];
        b->finish[i] = i == 3 ? FINISH_LENGTH : FINISH_STOP;
    }
    batch_open_judged(b, N_REWARD_PARTS, arena);
    for (int i = 0; i < N; i++) {
        b->verdict[i] = VERDICT_RIGHT;
        b->part[PART_ACCURACY][i] = 1;
        b->part[PART_FORMAT][i] = i == 1;
    }
    return b;
}

static const RlConfig plain = {.max_new_tokens = 10, .reward_accuracy = 1, .reward_format = 0.2};

static void a_reward_is_the_weighted_sum_of_its_parts(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Batch *b = judged(arena);
    b->verdict[2] = VERDICT_WRONG, b->part[PART_ACCURACY][2] = 0;
    reward_fill(&plain, b);
    assert_close(b->reward, (float[]){1, 1.2f, 0, 1}, N, 1e-7, 0);
    assert_close(b->weight, (float[]){1, 1, 1, 1}, N, 0, 0);
    arena_free(arena);
}

static void the_overlong_term_falls_linearly_inside_the_buffer(void **state) {
    (void)state;
    assert_true(reward_overlong(6, 10, 4) == 0 && reward_overlong(7, 10, 4) == -0.25);
    assert_true(reward_overlong(9, 10, 4) == -0.75 && reward_overlong(10, 10, 4) == -1);
    assert_true(reward_overlong(11, 10, 4) == -1 && reward_overlong(10, 10, 0) == 0);
    Arena *arena = arena_new(4096);
    Batch *b = judged(arena);
    RlConfig cfg = plain;
    cfg.overlong_buffer = 4, cfg.overlong_penalty = 2, cfg.reward_format = 0;
    reward_fill(&cfg, b);
    assert_close(b->part[PART_OVERLONG], (float[]){0, 0, -.5f, -1}, N, 0, 0);
    assert_close(b->reward, (float[]){1, 1, 0, -1}, N, 1e-7, 0);
    arena_free(arena);
}

static void errors_and_aborts_have_no_weight(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Batch *b = judged(arena);
    b->verdict[0] = VERDICT_ERROR;
    b->finish[1] = FINISH_ABORT;
    reward_fill(&plain, b);
    assert_close(b->weight, (float[]){0, 0, 1, 1}, N, 0, 0);
    assert_true(b->reward[0] == 0 && b->reward[1] == 0); // not folded into a score
    arena_free(arena);
}

static void the_overlong_filter_masks_the_loss_only(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Batch *b = judged(arena);
    RlConfig cfg = plain;
    cfg.overlong_filter = true;
    for (int i = 0; i < N; i++) // a token that a tool put there
        for (int t = b->response_begin[i]; t < b->token_end[i]; t++)
            b->kind[t] = i == 1 && t == b->response_begin[i] ? TOKEN_INJECTED : TOKEN_SAMPLED;
    reward_fill(&cfg, b);
    assert_close(b->weight, (float[]){1, 1, 1, 1}, N, 0, 0);
    assert_close(b->reward, (float[]){1, 1.2f, 1, 1}, N, 1e-7, 0);
    const int trained[N] = {1, 5, 8, 0};
    for (int i = 0; i < N; i++) assert_int_equal(batch_trained(b, i), trained[i]);
    reward_fill(&plain, b);
    assert_int_equal(batch_trained(b, 3), 10);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reward_is_the_weighted_sum_of_its_parts),
        cmocka_unit_test(the_overlong_term_falls_linearly_inside_the_buffer),
        cmocka_unit_test(errors_and_aborts_have_no_weight),
        cmocka_unit_test(the_overlong_filter_masks_the_loss_only),
    };
    return cmocka_run_group_tests_name("rl/reward", tests, NULL, NULL);
}
