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

static void further_rewards_have_names_and_weights(void **state) {
    (void)state;
    RewardTerms terms;
    RlConfig cfg = plain;
    const char *two[] = {"short:-0.5:format", "json:0.25:program:python3 a.py --x=1:2"};
    cfg.rewards = (ConfigTexts){two, 2};
    assert_ok(reward_terms(&cfg, &terms));
    assert_int_equal(terms.n, N_REWARD_PARTS + 2);
    const RewardTerm *first = &terms.term[N_REWARD_PARTS], *second = first + 1;
    assert_string_equal(first->name, "short");
    assert_string_equal(first->judge, "format");
    assert_true(first->weight == -0.5 && first->command == NULL && second->weight == 0.25);
    assert_string_equal(second->judge, "program");
    assert_string_equal(second->command, "python3 a.py --x=1:2");
    const char *const bad[] = {"x",        "x:1",       ":1:math",     "x:one:math", "x:1:",
                               "X:1:math", "x:1:math:", "kl:1:format", "x:nan:math", "x:1:math:go"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cfg.rewards = (ConfigTexts){&bad[i], 1};
        assert_int_equal(reward_terms(&cfg, &terms), ST_CONFIG);
        assert_non_null(strstr(status_text(), bad[i]));
    }
    const char *twice[] = {"a:1:math", "a:1:number"};
    cfg.rewards = (ConfigTexts){twice, 2};
    assert_int_equal(reward_terms(&cfg, &terms), ST_CONFIG);
}

static void a_metric_is_a_part_or_a_sum(void **state) {
    (void)state;
    Arena *arena = arena_new(4096);
    Batch *b = judged(arena);
    RlConfig cfg = plain;
    cfg.overlong_buffer = 4, cfg.overlong_penalty = 1;
    reward_fill(&cfg, b);
    const float *metric;
    assert_ok(reward_metric(&cfg, b, &metric, arena));
    assert_true(metric == b->reward);
    cfg.dynamic_metric = "score";
    assert_ok(reward_metric(&cfg, b, &metric, arena));
    assert_close(metric, (float[]){1, 1.2f, 1, 1}, N, 1e-6, 0); // the reward has 0.5 less
    assert_close(b->reward, (float[]){1, 1.2f, .5f, 0}, N, 1e-6, 0);
    cfg.dynamic_metric = "format";
    assert_ok(reward_metric(&cfg, b, &metric, arena));
    assert_true(metric == b->part[PART_FORMAT]);
    cfg.dynamic_metric = "acc";
    assert_int_equal(reward_metric(&cfg, b, &metric, arena), ST_CONFIG);
    assert_non_null(strstr(status_text(), "accuracy"));
    arena_free(arena);
}

static void kl_inside_the_reward_is_a_sum_over_sampled_tokens(void **state) {
    (void)state;
    for (int kind = KL_K1; kind <= KL_K3; kind++) {
        Arena *arena = arena_new(1 << 14);
        Batch *b = judged(arena);
        b->logp_ref = ARENA_ARRAY(arena, float, b->n_tokens);
        double want[N] = {0};
        for (int i = 0; i < N; i++)
            for (int t = b->response_begin[i]; t < b->token_end[i]; t++) {
                b->kind[t] = t == b->response_begin[1] ? TOKEN_INJECTED : TOKEN_SAMPLED;
                b->logp_roll[t] = -1 - 0.125f * (float)(t % 3);
                b->logp_ref[t] = -1.25f - 0.25f * (float)i;
                double x = (double)b->logp_roll[t] - (double)b->logp_ref[t];
                if (b->kind[t] == TOKEN_SAMPLED)
                    want[i] += kind == KL_K1 ? x : kind == KL_K2 ? 0.5 * x * x : exp(-x) - 1 + x;
            }
        RlConfig cfg = plain;
        cfg.kl_reward = kind, cfg.kl_reward_coef = 0.1, cfg.overlong_filter = true;
        b->verdict[2] = VERDICT_ERROR;
        reward_fill(&cfg, b);
        reward_add_kl(&cfg, b);
        const double before[N] = {1, 1.2, 0, 1};
        for (int i = 0; i < N; i++) // an error has no reward; what is cut off has one
            assert_true(fabs((double)b->reward[i] - (i == 2 ? 0 : before[i] - 0.1 * want[i])) <
                        1e-5);
        assert_true(b->weight[2] == 0 && batch_trained(b, 3) == 0);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reward_is_the_weighted_sum_of_its_parts),
        cmocka_unit_test(the_overlong_term_falls_linearly_inside_the_buffer),
        cmocka_unit_test(errors_and_aborts_have_no_weight),
        cmocka_unit_test(the_overlong_filter_masks_the_loss_only),
        cmocka_unit_test(further_rewards_have_names_and_weights),
        cmocka_unit_test(a_metric_is_a_part_or_a_sum),
        cmocka_unit_test(kl_inside_the_reward_is_a_sum_over_sampled_tokens),
    };
    return cmocka_run_group_tests_name("rl/reward", tests, NULL, NULL);
}
