// tests/test_judge.c -- rl/judge: desk responses, judged on the pool in any order.
#include "rl/judge.h"

#include "rl/reward.h"
#include "tests/test.h"
#include "verifiers/verdict.h"

static const char *const text[] = {
    "<think> 2+3=5.</think> \\boxed{5}", // right, format right
    " \\boxed{5}",                       // right, no format
    "<think> 2+3=6.</think> \\boxed{6}", // wrong, format right
    " I do not know.",                   // wrong
    "<think> 2+3=5.</think> \\boxed{5}", // cut off: neither
    "<think> 2+3=5.",                    // given up by us: no verdict
};
enum { N = sizeof text / sizeof text[0] };

#define CONTEXT(threads, end, n)                                                                   \
    (&(RlContext){                                                                                 \
        .pool = (threads), .tokenizer = tokenizer, .stop_token = (end), .n_stop_tokens = (n)})

static RlConfig config(void) {
    return (RlConfig){.format_template = "think-boxed",
                      .prefilled = "",
                      .extract = "boxed",
                      .accuracy_needs_end = true,
                      .reward_accuracy = 1,
                      .reward_format = 0.2,
                      .max_new_tokens = 64};
}

// One group per text, one sample each, as the engine would leave them.
static Batch *sampled(const Tokenizer *tokenizer, const Task *task, Arena *arena) {
    Batch *b = batch_new(N, 1, arena);
    for (int i = 0; i < N; i++) batch_ask(b, i, task, 1, 0, (int32_t[]){9}, 1, arena);
    batch_open_sampled(b, 64, arena);
    for (int i = 0; i < N; i++) {
        int32_t *ids;
        int n;
        assert_ok(
            tokenizer_encode(tokenizer, text[i], strlen(text[i]), true, false, &ids, &n, arena));
        memcpy(b->token + b->response_begin[i], ids, (size_t)n * sizeof *ids);
        b->token_end[i] = b->response_begin[i] + n;
        b->finish[i] = i == 4 ? FINISH_LENGTH : i == 5 ? FINISH_ABORT : FINISH_STOP;
        if (b->finish[i] == FINISH_STOP) b->token[b->token_end[i]++] = 0; // <eos>
    }
    return b;
}

static void verdicts_do_not_depend_on_order_or_threads(void **state) {
    (void)state;
    const Task task = {.gold = "5", .judge = "number", .source = "t"};
    const int32_t eos = 0;
    RlConfig cfg = config();
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    for (int threads = 0; threads <= 3; threads++) {
        Arena *arena = arena_new(1 << 14);
        Pool *pool = threads ? pool_new(threads) : NULL;
        BatchJudge *judging;
        assert_ok(judge_new(CONTEXT(pool, &eos, 1), &cfg, &judging));
        assert_ok(judge_knows(judging, &task));
        for (int order = 0; order < 2; order++) {
            Batch *b = sampled(tokenizer, &task, arena);
            judge_begin(judging, b);
            for (int i = 0; i < N; i++) judge_finished(judging, b, order ? N - 1 - i : i);
            batch_compact(b); // tokens move while judges may still be at work
            judge_end(judging, b, arena);
            const int want[N] = {VERDICT_RIGHT, VERDICT_RIGHT, VERDICT_WRONG,
                                 VERDICT_WRONG, VERDICT_WRONG, VERDICT_ERROR};
            for (int i = 0; i < N; i++) assert_int_equal(b->verdict[i], want[i]);
            assert_close(b->part[PART_ACCURACY], (float[]){1, 1, 0, 0, 0, 0}, N, 0, 0);
            assert_close(b->part[PART_FORMAT], (float[]){1, 0, 1, 0, 0, 0}, N, 0, 0);
            assert_close(b->reward, (float[]){1.2f, 1, .2f, 0, 0, 0}, N, 1e-6, 0);
            assert_close(b->weight, (float[]){1, 1, 1, 1, 1, 0}, N, 0, 0);
            const uint64_t *answer = b->answer_hash;
            assert_true(answer[0] != 0 && answer[0] == answer[1] && answer[0] != answer[2]);
            assert_true(answer[3] == 0 && b->answer_end[3] == 0);
            assert_int_equal(b->answer_end[0] - b->answer_begin[0], 1);
            assert_int_equal(text[0][b->answer_begin[0]], '5');
            Str out = {0};
            judge_text(judging, b, 0, &out);
            assert_string_equal(str_text(&out), text[0]); // without the end token
            str_free(&out);
        }
        judge_free(judging);
        pool_free(pool);
        arena_free(arena);
    }
    tokenizer_free(tokenizer);
}

static void further_rewards_are_judged_beside_the_first(void **state) {
    (void)state;
    const Task task = {.gold = "5", .judge = "number", .source = "t"};
    const int32_t eos = 0;
    RlConfig cfg = config();
    const char *rewards[] = {"form:0.5:format", "same:-0.25:number"};
    cfg.rewards = (ConfigTexts){rewards, 2};
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    Arena *arena = arena_new(1 << 14);
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    Batch *b = sampled(tokenizer, &task, arena);
    judge_begin(judging, b);
    for (int i = 0; i < N; i++) judge_finished(judging, b, i);
    batch_compact(b);
    judge_end(judging, b, arena);
    assert_int_equal(b->n_parts, N_REWARD_PARTS + 2);
    assert_string_equal(batch_part_name(b, N_REWARD_PARTS + 1), "same");
    assert_close(b->part[N_REWARD_PARTS], b->part[PART_FORMAT], N, 0, 0);
    assert_close(b->part[N_REWARD_PARTS + 1], b->part[PART_ACCURACY], N, 0, 0);
    assert_close(b->reward, (float[]){1.45f, .75f, .7f, 0, 0, 0}, N, 1e-6, 0);
    judge_free(judging);
    const char *const bad[] = {"x:1:no-such", "x:1:program"};
    for (int i = 0; i < 2; i++) {
        cfg.rewards = (ConfigTexts){&bad[i], 1};
        assert_int_equal(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging), ST_CONFIG);
        assert_non_null(strstr(status_text(), "rl.rewards"));
    }
    arena_free(arena);
    tokenizer_free(tokenizer);
}

static void an_answer_that_was_cut_off_may_count_if_asked(void **state) {
    (void)state;
    const Task task = {.gold = "5", .judge = "number", .source = "t"};
    const int32_t eos = 0;
    RlConfig cfg = config();
    cfg.accuracy_needs_end = false;
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    Arena *arena = arena_new(1 << 14);
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    Batch *b = sampled(tokenizer, &task, arena);
    judge_begin(judging, b);
    for (int i = 0; i < N; i++) judge_finished(judging, b, i);
    judge_end(judging, b, arena);
    assert_int_equal(b->verdict[4], VERDICT_RIGHT);
    assert_true(b->part[PART_FORMAT][4] == 0); // the form was not completed
    judge_free(judging);
    arena_free(arena);
    tokenizer_free(tokenizer);
}

static void a_judge_sees_the_row_of_its_task(void **state) {
    (void)state;
    const Task task = {.judge = "countdown",
                       .source = "t",
                       .row = "{\"numbers\":[5],\"target\":5}"}; // the same texts, another judge
    const int32_t eos = 0;
    RlConfig cfg = config();
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    Arena *arena = arena_new(1 << 14);
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    assert_ok(judge_knows(judging, &task));
    for (int again = 0; again < 2; again++) {
        Batch *b = sampled(tokenizer, &task, arena);
        judge_begin(judging, b);
        for (int i = 0; i < N; i++) judge_finished(judging, b, i);
        judge_end(judging, b, arena);
        assert_int_equal(b->verdict[0], VERDICT_RIGHT);
        assert_int_equal(b->verdict[2], VERDICT_WRONG);
    }
    judge_free(judging);
    arena_free(arena);
    tokenizer_free(tokenizer);
}

// An error of the judge itself has weight 0: it is no zero that the others are compared with.
static void no_verdict_is_masked_out(void **state) {
    (void)state;
    const Task task = {.judge = "number", .source = "t", .gold = "not a number"};
    const int32_t eos = 0;
    RlConfig cfg = config();
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    Arena *arena = arena_new(1 << 14);
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    Batch *b = sampled(tokenizer, &task, arena);
    judge_begin(judging, b);
    for (int i = 0; i < N; i++) judge_finished(judging, b, i);
    judge_end(judging, b, arena);
    for (int i = 0; i < N; i++) {
        assert_int_equal(b->verdict[i], VERDICT_ERROR);
        assert_true(b->weight[i] == 0 && b->reward[i] == 0);
    }
    judge_free(judging);
    arena_free(arena);
    tokenizer_free(tokenizer);
}

static void the_thoughts_language_is_a_part_of_its_own(void **state) {
    (void)state;
    const Task task = {.judge = "number", .source = "t", .gold = "5"};
    const int32_t eos = 0;
    RlConfig cfg = config();
    cfg.reward_language = .5;
    cfg.language = "en";
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    Arena *arena = arena_new(1 << 14);
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    Batch *b = sampled(tokenizer, &task, arena);
    judge_begin(judging, b);
    for (int i = 0; i < N; i++) judge_finished(judging, b, i);
    judge_end(judging, b, arena);
    assert_true(b->part[PART_LANGUAGE][3] == 1); // " I do not know."
    assert_close(b->reward, (float[]){1.7f}, 1, 1e-6, 0);
    judge_free(judging);
    cfg.language = "de";
    assert_ok(judge_new(CONTEXT(NULL, &eos, 1), &cfg, &judging));
    b = sampled(tokenizer, &task, arena);
    judge_begin(judging, b);
    for (int i = 0; i < N; i++) judge_finished(judging, b, i);
    judge_end(judging, b, arena);
    assert_true(b->part[PART_LANGUAGE][3] == 0);
    judge_free(judging);
    arena_free(arena);
    tokenizer_free(tokenizer);
}

static void names_that_are_not_there_are_config_errors(void **state) {
    (void)state;
    RlConfig cfg = config();
    Tokenizer *tokenizer;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    BatchJudge *judging;
    assert_ok(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging));
    assert_int_equal(judge_knows(judging, &(Task){.judge = "oracle", .source = "t"}), ST_CONFIG);
    assert_int_equal(judge_knows(judging, &(Task){.source = "t"}), ST_CONFIG);
    judge_free(judging);
    cfg.format_template = "no-such";
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    assert_null(judging);
    cfg = config(), cfg.extract = "latex";
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    assert_non_null(strstr(status_text(), "rl.extract"));
    cfg = config(), cfg.language = "klingon";
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    cfg = config(), cfg.reward_language = 1;
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    assert_non_null(strstr(status_text(), "rl.language"));
    cfg = config(), cfg.math_policy = "mine";
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    cfg = config(), cfg.judge_program = "exit 3";
    assert_int_equal(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging), ST_CONFIG);
    assert_non_null(strstr(status_text(), "status 3"));
    cfg = config();
    assert_ok(judge_new(CONTEXT(NULL, NULL, 0), &cfg, &judging));
    assert_int_equal(judge_knows(judging, &(Task){.judge = "program", .source = "t"}), ST_CONFIG);
    assert_non_null(strstr(status_text(), "rl.judge_program"));
    judge_free(judging);
    tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(further_rewards_are_judged_beside_the_first),
        cmocka_unit_test(verdicts_do_not_depend_on_order_or_threads),
        cmocka_unit_test(an_answer_that_was_cut_off_may_count_if_asked),
        cmocka_unit_test(a_judge_sees_the_row_of_its_task),
        cmocka_unit_test(no_verdict_is_masked_out),
        cmocka_unit_test(the_thoughts_language_is_a_part_of_its_own),
        cmocka_unit_test(names_that_are_not_there_are_config_errors),
    };
    return cmocka_run_group_tests_name("rl/judge", tests, NULL, NULL);
}
