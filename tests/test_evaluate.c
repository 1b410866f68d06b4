// tests/test_evaluate.c -- rl/evaluate: every figure counted again from the batches it was shown.
#include "rl/evaluate.h"

#include "base/log.h"
#include "tests/tiny_run.h"
#include "verifiers/verdict.h"

enum { TASKS = 120, K = 6 };

// What the callback saw, question by question.
typedef struct FakeSeen {
    int n, slices;
    bool right[TASKS][K], format[TASKS][K];
    float reward[TASKS][K];
    int length[TASKS][K];
    char text[TASKS][K][16];
} FakeSeen;

static void see(void *ctx, const Batch *b, const BatchJudge *judging) {
    FakeSeen *s = ctx;
    s->slices++;
    for (int g = 0; g < b->n_groups; g++, s->n++)
        for (int i = 0; i < K; i++) {
            int sample = b->group_begin[g] + i;
            s->right[s->n][i] = b->verdict[sample] == VERDICT_RIGHT;
            s->reward[s->n][i] = b->reward[sample];
            s->length[s->n][i] = batch_response_length(b, sample);
            Str text = {0};
            judge_text(judging, b, sample, &text);
            snprintf(s->text[s->n][i], 16, "%s", str_text(&text));
            str_free(&text);
        }
}

// The digits again, each question another task.
static Status apart_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    TRY(digit_task(source, index, out, arena));
    out->id = index + 100;
    return ST_OK;
}
static const TaskSource apart = {.name = "digits", .get = apart_task};

static EvalDeps deps_of(const TinyRun *r) {
    static const int32_t eos = 0;
    return (EvalDeps){.run.engine = r->engine,
                      .run.tokenizer = r->tokenizer,
                      .run.pool = r->pool,
                      .source = &apart,
                      .run.stop_token = &eos,
                      .run.n_stop_tokens = 1,
                      .cfg = trainer_config(r->trainer)};
}

// A model that is right about half of the time.
static TinyRun half_trained(int threads) {
    RlConfig cfg = config();
    cfg.steps = 25, cfg.max_new_tokens = 1, cfg.groups_per_step = 8, cfg.group_size = 16;
    TinyRun r = open_run(&cfg, threads, 0, NULL);
    Metrics row;
    TrainerStep out;
    for (int s = 0; s < 10; s++) assert_ok(trainer_step(r.trainer, NULL, &row, &out));
    return r;
}

static void the_figures_are_those_of_the_samples(void **state) {
    (void)state;
    TinyRun r = half_trained(2);
    Arena *arena = arena_new(1 << 16);
    FakeSeen *seen = ARENA_ARRAY(arena, FakeSeen, 1);
    EvalDeps deps = deps_of(&r);
    deps.seen = see, deps.seen_ctx = seen;
    EvalResult e;
    EvalConfig cfg = {.n_tasks = TASKS,
                      .k = K,
                      .temperature = -1,
                      .group_size = 3,
                      .pass_k = {1, 2, K},
                      .n_pass = 3};
    assert_ok(evaluate(&deps, &cfg, &e, arena));
    assert_true(seen->n == TASKS && e.n_tasks == TASKS && e.k == K);

    double accuracy = 0, pairs = 0, any = 0, all_right = 0, all_wrong = 0, flat = 0, triples = 0;
    double length = 0, cons = 0;
    for (int q = 0; q < TASKS; q++) {
        int right = 0;
        for (int i = 0; i < K; i++) right += seen->right[q][i];
        for (int i = 0; i < K; i++) length += seen->length[q][i];
        assert_int_equal(e.n_right[q], right);
        accuracy += (double)right / K;
        any += right > 0;
        all_right += right == K;
        all_wrong += right == 0;
        int hit = 0, same = 0, n_pairs = 0, n_triples = 0; // by going through the subsets
        for (int i = 0; i < K; i++)
            for (int j = i + 1; j < K; j++) {
                n_pairs++;
                hit += seen->right[q][i] || seen->right[q][j];
                for (int l = j + 1; l < K; l++) {
                    n_triples++;
                    same += seen->right[q][i] == seen->right[q][j] &&
                            seen->right[q][j] == seen->right[q][l];
                }
            }
        pairs += (double)hit / n_pairs;
        triples += (double)same / n_triples;
        for (int b = 0; b < K; b += 3)
            flat += seen->reward[q][b] == seen->reward[q][b + 1] &&
                    seen->reward[q][b] == seen->reward[q][b + 2];
        int best = 0, tied = 0, tied_right = 0; // the vote; an empty response abstains
        for (const char *d = "0123456789="; *d; d++) {
            int votes = 0;
            bool is_right = false;
            for (int i = 0; i < K; i++)
                if (seen->text[q][i][0] == *d) votes++, is_right = seen->right[q][i];
            if (votes == 0 || votes < best) continue;
            if (votes > best) best = votes, tied = tied_right = 0;
            tied++, tied_right += is_right;
        }
        cons += tied ? (double)tied_right / tied : 0;
    }
    print_message("accuracy %.3f\n", accuracy / TASKS);
    assert_true(accuracy > 0.15 * TASKS && accuracy < 0.7 * TASKS);
    assert_true(fabs(e.accuracy.mean - accuracy / TASKS) < 1e-9);
    assert_true(fabs(e.pass[0].value.mean - accuracy / TASKS) < 1e-9);
    assert_true(fabs(e.pass[1].value.mean - pairs / TASKS) < 1e-9);
    assert_true(fabs(e.pass[2].value.mean - any / TASKS) < 1e-9);
    assert_true(fabs(e.all_right - all_right / TASKS) < 1e-9);
    assert_true(fabs(e.all_wrong - all_wrong / TASKS) < 1e-9);
    assert_true(fabs(e.flat_predicted - triples / TASKS) < 1e-9);
    assert_true(fabs(e.flat_observed - flat / (2 * TASKS)) < 1e-9);
    assert_true(fabs(e.length_mean - length / (TASKS * K)) < 1e-9);
    assert_true(fabs(e.cons.mean - cons / TASKS) < 1e-9);
    arena_free(arena);
    close_run(&r);
}

static void a_question_is_judged_alike_alone_and_in_company(void **state) {
    (void)state;
    TinyRun r = half_trained(1);
    Arena *arena = arena_new(1 << 16);
    EvalDeps deps = deps_of(&r);
    EvalConfig cfg = {.n_tasks = 24, .k = 64, .temperature = -1, .step = 3}; // two slices
    EvalResult all, one;
    assert_ok(evaluate(&deps, &cfg, &all, arena));
    cfg.n_tasks = 1;
    for (int q = 0; q < 24; q++) {
        cfg.first_index = (uint64_t)q;
        assert_ok(evaluate(&deps, &cfg, &one, arena));
        assert_int_equal(one.n_right[0], all.n_right[q]);
    }
    cfg.first_index = 0, cfg.n_tasks = 24, cfg.step = 4; // another draw
    assert_ok(evaluate(&deps, &cfg, &one, arena));
    assert_memory_not_equal(one.n_right, all.n_right, 24 * sizeof(int));
    arena_free(arena);
    close_run(&r);
}

// Three tasks in a row are one; after 25 different ones the stream begins again.
static Status repeating_task(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    TRY(digit_task(source, index, out, arena));
    out->id = index / 3 % 25; // 0 is an id like any other
    return ST_OK;
}

typedef struct FakeIds {
    uint64_t id[64], index[64];
    int n;
} FakeIds;

static void keep_ids(void *ctx, const Batch *b, const BatchJudge *judging) {
    (void)judging;
    FakeIds *ids = ctx;
    for (int g = 0; g < b->n_groups; g++, ids->n++) {
        assert_true(ids->n < 64);
        ids->id[ids->n] = b->task_id[g], ids->index[ids->n] = b->task_index[g];
    }
}

static void no_question_counts_twice(void **state) {
    (void)state;
    static const TaskSource repeating = {.name = "r", .get = repeating_task};
    static const TaskSource two_rows = {.name = "two", .get = apart_task, .n_tasks = 2};
    RlConfig rl = config();
    TinyRun r = open_run(&rl, 1, 0, NULL);
    Arena *arena = arena_new(1 << 16);
    EvalDeps deps = deps_of(&r);
    FakeIds ids = {0};
    deps.source = &repeating, deps.seen = keep_ids, deps.seen_ctx = &ids;
    EvalResult e;
    // Two slices of 16 questions, repeats inside them and across.
    assert_ok(evaluate(&deps, &(EvalConfig){.first_index = 1, .n_tasks = 20, .k = 64}, &e, arena));
    assert_true(e.n_tasks == 20 && ids.n == 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(ids.index[i], i == 0 ? 1 : 3 * i);
        assert_int_equal(ids.id[i], i);
    }
    ids.n = 0; // the source has only 25
    assert_ok(evaluate(&deps, &(EvalConfig){.n_tasks = 40, .k = 2}, &e, arena));
    assert_true(e.n_tasks == 25 && ids.n == 25);
    ids.n = 0; // a file of two rows, asked from its middle
    deps.source = &two_rows;
    assert_ok(evaluate(&deps, &(EvalConfig){.first_index = 7, .n_tasks = 4, .k = 2}, &e, arena));
    assert_true(e.n_tasks == 2 && ids.n == 2 && ids.id[0] == 107 && ids.id[1] == 108);
    arena_free(arena);
    close_run(&r);
}

static void an_evaluation_does_not_move_the_run(void **state) {
    (void)state;
    TinyRun a = half_trained(1), b = half_trained(1);
    Arena *arena = arena_new(1 << 16);
    EvalDeps deps = deps_of(&a);
    EvalResult e;
    assert_ok(evaluate(&deps, &(EvalConfig){.n_tasks = 8, .k = 2}, &e, arena));
    Metrics x, y;
    TrainerStep out;
    assert_ok(trainer_step(a.trainer, NULL, &x, &out));
    assert_ok(trainer_step(b.trainer, NULL, &y, &out));
    assert_true(metrics_get(&x, "critic/rewards/mean", 1) ==
                metrics_get(&y, "critic/rewards/mean", 2));
    assert_true(metrics_get(&x, "actor/grad_norm", 1) == metrics_get(&y, "actor/grad_norm", 2));
    arena_free(arena);
    close_run(&a), close_run(&b);
}

static void a_stop_and_a_bad_k_are_told_apart(void **state) {
    (void)state;
    RlConfig rl = config();
    TinyRun r = open_run(&rl, 1, 0, NULL);
    Arena *arena = arena_new(1 << 16);
    volatile int stop = 1;
    EvalDeps deps = deps_of(&r);
    deps.stop = &stop;
    EvalResult e;
    assert_ok(evaluate(&deps, &(EvalConfig){.n_tasks = 8, .k = 2}, &e, arena));
    assert_true(e.stopped);
    EvalConfig bad = {.n_tasks = 8, .k = 2, .pass_k = {3}, .n_pass = 1};
    assert_int_equal(evaluate(&deps, &bad, &e, arena), ST_CONFIG);
    assert_non_null(strstr(status_text(), "pass@3"));
    arena_free(arena);
    close_run(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_are_those_of_the_samples),
        cmocka_unit_test(a_question_is_judged_alike_alone_and_in_company),
        cmocka_unit_test(no_question_counts_twice),
        cmocka_unit_test(an_evaluation_does_not_move_the_run),
        cmocka_unit_test(a_stop_and_a_bad_k_are_told_apart),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/evaluate", tests, NULL, NULL);
}
