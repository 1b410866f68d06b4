// tests/test_judge_code.c -- rl/judge with programs: completions in, verdicts, rewards and layers
// out.
#include "rl/judge.h"

#include "base/metrics.h"
#include "rl/reward.h"
#include "sandbox/cage.h"
#include "tests/test.h"
#include "verifiers/code/code.h"
#include "verifiers/verdict.h"

static const char *const text[] = {
    "<think> a sum </think>\n```python\ndef add(a, b):\n    return a + b\n```\n", // right
    "```python\ndef add(a, b):\n    return 3\n```\n",                             // one test of two
    "<think> no </think>\nI do not know.",                                        // no program
    "```python\nimport os\nos._exit(0)\n```\n",                                   // leaves
    "```python\nclass E:\n    def __eq__(self, o): return True\ndef add(a, b): return E()\n```\n",
    "```python\ndef add(a, b):\n    return a + b\n```\n", // cut off: wrong
};
enum { N = sizeof text / sizeof text[0] };

static const Task task = {.id = 7,
                          .source = "mbpp",
                          .prompt = "Add two numbers.",
                          .judge = "code",
                          .row =
                              "{\"prompt\":\"Add two numbers.\",\"tests\":[\"assert add(1, 2) == "
                              "3\",\"assert add(2, 2) == 4\"]}"};

static RlConfig config(void) {
    return (RlConfig){.format_template = "chat",
                      .prefilled = "",
                      .extract = "boxed",
                      .language = "",
                      .math_policy = "",
                      .judge_program = "",
                      .accuracy_needs_end = true,
                      .reward_accuracy = 1,
                      .max_new_tokens = 128};
}

// One group, its samples as the engine would leave them.
static Batch *sampled(const Tokenizer *tokenizer, Arena *arena) {
    Batch *b = batch_new(1, N, arena);
    batch_ask(b, 0, &task, task.id, 0, (int32_t[]){9}, 1, arena);
    batch_open_sampled(b, 128, arena);
    for (int i = 0; i < N; i++) {
        int32_t *ids;
        int n;
        assert_ok(
            tokenizer_encode(tokenizer, text[i], strlen(text[i]), false, false, &ids, &n, arena));
        assert_true(n <= 128);
        memcpy(b->token + b->response_begin[i], ids, (size_t)n * sizeof *ids);
        b->token_end[i] = b->response_begin[i] + n;
        b->finish[i] = i == 5 ? FINISH_LENGTH : FINISH_STOP;
    }
    return b;
}

typedef struct Fixture {
    Arena *arena;
    Tokenizer *tokenizer;
    Pool *pool;
    BatchJudge *judging;
    Batch *batch;
} Fixture;

static Fixture judged(const RlConfig *cfg) {
    Fixture f = {.arena = arena_new(1 << 14), .pool = pool_new(3)};
    assert_ok(tokenizer_load("tests/golden/tokenizer/qwen2.json", &f.tokenizer));
    assert_ok(judge_new(
        &(RlContext){
            .pool = f.pool, .tokenizer = f.tokenizer, .stop_token = NULL, .n_stop_tokens = 0},
        cfg, &f.judging));
    assert_ok(judge_knows(f.judging, &task));
    f.batch = sampled(f.tokenizer, f.arena);
    judge_begin(f.judging, f.batch);
    for (int i = 0; i < N; i++) judge_finished(f.judging, f.batch, i);
    judge_end(f.judging, f.batch, f.arena);
    return f;
}

static void done(Fixture *f) {
    judge_free(f->judging);
    pool_free(f->pool);
    tokenizer_free(f->tokenizer);
    arena_free(f->arena);
}

static void programs_are_judged_while_others_are_sampled(void **state) {
    (void)state;
    RlConfig cfg = config();
    Fixture f = judged(&cfg);
    assert_int_equal(f.batch->verdict[0], VERDICT_RIGHT);
    for (int i = 1; i < N; i++) assert_int_equal(f.batch->verdict[i], VERDICT_WRONG);
    assert_close(f.batch->reward, (float[]){1, 0, 0, 0, 0, 0}, N, 0, 0);
    assert_close(f.batch->weight, (float[]){1, 1, 1, 1, 1, 1}, N, 0, 0);
    static Metrics row;
    metrics_clear(&row);
    judge_measure(&row);
    const unsigned layers = (unsigned)metrics_get(&row, "sandbox/layers", 0);
    assert_true(layers & CAGE_SECCOMP);
    assert_true(layers & CAGE_RLIMITS);
    assert_int_equal(judge_layers(), layers);
    assert_ok(judge_same_layers(layers));
    assert_ok(judge_same_layers(0)); // a run that judged no program yet
    assert_int_equal(judge_same_layers(layers ^ (CAGE_RLIMITS | CAGE_LANDLOCK)), ST_CONFIG);
    assert_non_null(strstr(status_text(), " +rlimits"));
    assert_non_null(strstr(status_text(), "landlock"));
    assert_true(metrics_get(&row, "sandbox/runs", 0) >= 4);
    assert_true(metrics_get(&row, "sandbox/errors", 9) == 0);
    done(&f);
}

static void partial_credit_is_asked_for(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.code_score = SUITE_FRACTION;
    Fixture f = judged(&cfg);
    assert_close(f.batch->reward, (float[]){1, .5f, 0, 0, 0, 0}, N, 1e-6, 0);
    assert_int_equal(f.batch->verdict[1], VERDICT_WRONG);
    done(&f);
    cfg.code_score = SUITE_WEIGHTED;
    f = judged(&cfg);
    assert_close(f.batch->reward, (float[]){1.1f, .05f, 0, 0, 0, 0}, N, 1e-6, 0);
    done(&f);
}

// Without the sandbox there is no verdict, so nobody is punished and nothing is learned.
static void a_fault_of_the_sandbox_has_no_weight(void **state) {
    (void)state;
    RlConfig cfg = config();
    code_close();
    code_configure(&(CageOpts){.fail_run = 1});
    assert_ok(code_ready()); // judge_new configures the judge, not a cage that is open
    Fixture f = judged(&cfg);
    for (int i = 0; i < 5; i++) {
        if (i == 2) continue; // there is nothing to run
        assert_int_equal(f.batch->verdict[i], VERDICT_ERROR);
        assert_true(f.batch->weight[i] == 0 && f.batch->reward[i] == 0);
    }
    static Metrics row;
    metrics_clear(&row);
    judge_measure(&row);
    assert_true(metrics_get(&row, "sandbox/errors", 0) > 0);
    done(&f);
    code_close();
}

int main(int argc, char **argv) {
    cage_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_judged_while_others_are_sampled),
        cmocka_unit_test(partial_credit_is_asked_for),
        cmocka_unit_test(a_fault_of_the_sandbox_has_no_weight),
    };
    return cmocka_run_group_tests_name("rl/judge, programs", tests, NULL, NULL);
}
