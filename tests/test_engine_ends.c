// tests/test_engine_ends.c -- rollout/engine: how samples end, who is told, and what is refused.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake_engine.h"

static void texts_loops_and_the_context_end_samples(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    const char *const text[] = {"f", "jk"};
    SampleConfig cfg = plain;
    cfg.stop_text = text, cfg.n_stop_texts = 2;
    Batch *b = ask(0, 12, arena);
    assert_ok(sample_with(roomy, b, &cfg, NULL, NULL, arena));
    int by_text = 0;
    for (int i = 0; i < b->n_samples; i++) {
        const int32_t *t = b->token + b->response_begin[i];
        for (int p = 0; p < batch_response_length(b, i); p++) {
            bool ends = t[p] == 'f' - 'a' || (p > 0 && t[p] == 'k' - 'a' && t[p - 1] == 'j' - 'a');
            assert_true(!ends || p == batch_response_length(b, i) - 1);
            by_text += ends;
            if (ends) assert_int_equal(b->finish[i], FINISH_STOP);
        }
    }
    assert_true(by_text > 10);

    cfg = plain, cfg.top_k = 2, cfg.repeat_window = 4; // short periods come by chance
    b = ask(0, 12, arena);
    assert_ok(sample_with(roomy, b, &cfg, NULL, NULL, arena));
    int loops = 0;
    for (int i = 0; i < b->n_samples; i++) {
        const int32_t *t = b->token + b->token_end[i] - 4;
        if (b->finish[i] != FINISH_REPEAT) continue;
        assert_true((t[0] == t[2] && t[1] == t[3]));
        loops++;
    }
    assert_true(loops > 0);
    arena_free(arena);
}

static void a_full_context_ends_or_skips(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Policy *policy = fake_new(200, 64, NULL);
    EngineOpts opts = {.policy = policy, .max_seqs = 8, .kv_pages = 200, .max_seq_tokens = 20};
    Engine *engine;
    assert_ok(engine_new(&opts, &engine));
    Batch *b = batch_new(3, 2, arena);
    int32_t prompt[25] = {0};
    const int length[] = {20, 17, 25};
    for (int g = 0; g < 3; g++) batch_ask(b, g, NULL, 8, (uint64_t)g, prompt, length[g], arena);
    SampleConfig cfg = plain;
    cfg.n_stop_tokens = 0;
    EngineStats stats;
    assert_ok(engine_sample(engine, b, &cfg, RNG_EVAL, NULL, NULL, NULL, &stats, arena));
    for (int i = 0; i < 6; i++) {
        bool fits = i / 2 == 1;
        assert_int_equal(batch_response_length(b, i), fits ? 3 : 0);
        assert_int_equal(b->finish[i], fits ? FINISH_LENGTH : FINISH_ABORT);
    }
    assert_true(policy->max_seen_rows <= 8); // rows default to places
    engine_free(engine);
    fake_free(policy);
    arena_free(arena);
}

typedef struct EndWatch {
    int n_done, order[64];
    Policy *bump_at_first;
    Pool *pool;
    int64_t sum[64];
    Batch *batch;
    volatile int stop;
    int stop_after;
} EndWatch;

static void add_up(void *ctx, int i, int worker) {
    (void)worker;
    EndWatch *w = ctx;
    for (int t = w->batch->token_begin[i]; t < w->batch->token_end[i]; t++)
        w->sum[i] += (t - w->batch->token_begin[i] + 1) * w->batch->token[t];
}

static void on_finished(void *ctx, Batch *batch, int sample) {
    EndWatch *w = ctx;
    assert_true(batch->finish[sample] != FINISH_NONE);
    w->order[w->n_done++] = sample;
    if (w->pool) pool_submit(w->pool, add_up, w, sample);
    if (w->bump_at_first) w->bump_at_first->version++;
    if (w->n_done == w->stop_after) w->stop = 1;
}

static void judging_goes_on_beside_sampling(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Pool *pool = pool_new(2);
    Policy *policy = fake_new(100, 64, pool);
    policy->version = 9;
    EngineOpts opts = {
        .policy = policy, .pool = pool, .max_seqs = 8, .kv_pages = 100, .seed = SEED};
    Engine *engine;
    assert_ok(engine_new(&opts, &engine));
    for (int round = 0; round < 3; round++) {
        Batch *b = ask(0, 10, arena);
        EndWatch watch = {.pool = pool, .batch = b};
        assert_ok(engine_sample(engine, b, &plain, RNG_SAMPLE, on_finished, &watch, &watch.stop,
                                NULL, arena));
        assert_int_equal(watch.n_done, 40);
        for (int i = 0; i < 40; i++) {
            int64_t sum = 0;
            for (int t = b->token_begin[i]; t < b->token_end[i]; t++)
                sum += (t - b->token_begin[i] + 1) * b->token[t];
            assert_int_equal(watch.sum[i], sum);
            uint32_t oldest = 0, newest = 0;
            assert_true(batch_versions(b, i, &oldest, &newest) && oldest == 9 && newest == 9);
            assert_int_equal(b->sample_stage[i], STAGE_SAMPLED);
            assert_int_equal(batch_turns(b, i), 2);
        }
    }
    engine_free(engine);
    fake_free(policy);
    pool_free(pool);
    arena_free(arena);
}

static void giving_up_leaves_the_batch_asked(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *want = ask(0, 12, arena), *b = ask(0, 12, arena);
    assert_ok(sample_with(roomy, want, &plain, NULL, NULL, arena));
    Policy *policy = fake_new(40, 64, NULL);
    EngineOpts opts = {.policy = policy, .max_seqs = 8, .kv_pages = 40, .seed = SEED};
    Engine *engine;
    assert_ok(engine_new(&opts, &engine));
    EndWatch watch = {.stop_after = 7};
    assert_ok(engine_sample(engine, b, &plain, RNG_SAMPLE, on_finished, &watch, &watch.stop, NULL,
                            arena));
    assert_int_equal(b->stage, STAGE_ASKED);
    policy->fail_at_call = policy->n_calls + 10;
    assert_int_equal(engine_sample(engine, b, &plain, RNG_SAMPLE, NULL, NULL, NULL, NULL, arena),
                     ST_CUDA);
    assert_int_equal(b->stage, STAGE_ASKED);
    policy->nan_at = 60;
    assert_int_equal(engine_sample(engine, b, &plain, RNG_SAMPLE, NULL, NULL, NULL, NULL, arena),
                     ST_FORMAT);
    assert_non_null(strstr(status_text(), "token 60"));
    policy->nan_at = 0;
    assert_ok(engine_sample(engine, b, &plain, RNG_SAMPLE, NULL, NULL, NULL, NULL, arena));
    for (int i = 0; i < 48; i++) assert_same_samples(want, i, b, i);
    engine_free(engine);
    fake_free(policy);
    arena_free(arena);
}

static void impossible_rules_are_refused_by_name(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    const char *const empty[] = {""};
    SampleConfig bad[] = {plain, plain, plain, plain, plain, plain, plain};
    bad[0].temperature = -1, bad[1].top_p = 0, bad[2].min_p = 2, bad[3].max_new_tokens = 0;
    bad[4].top_k = -3, bad[5].stop_text = empty, bad[5].n_stop_texts = 1;
    bad[6].max_new_tokens = 40000;
    const char *const word[] = {"temperature", "top_p", "min_p",   "max_new_tokens",
                                "top_k",       "empty", "KV pages"};
    for (int i = 0; i < 7; i++) {
        Batch *b = ask(0, 1, arena);
        assert_int_equal(sample_with(roomy, b, &bad[i], NULL, NULL, arena), ST_CONFIG);
        assert_non_null(strstr(status_text(), word[i]));
        assert_int_equal(b->stage, STAGE_ASKED);
    }
    arena_free(arena);
}

static void more_places_than_a_batch_can_have_are_refused(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    FakeSetup setup = roomy;
    setup.context = 64;
    SampleConfig cfg = plain;
    cfg.max_new_tokens = 1 << 29;
    Batch *b = ask(0, 1, arena); // 4 samples
    assert_true(batch_sampled_places(b, cfg.max_new_tokens) > INT32_MAX);
    assert_int_equal(sample_with(setup, b, &cfg, NULL, NULL, arena), ST_CONFIG);
    assert_non_null(strstr(status_text(), "4 samples of up to 536870912 new tokens"));
    assert_int_equal(b->stage, STAGE_ASKED);
    arena_free(arena);
}

static void an_empty_batch_is_sampled_at_once(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *b = ask(0, 0, arena);
    assert_ok(sample_with(roomy, b, &plain, NULL, NULL, arena));
    assert_int_equal(b->stage, STAGE_SAMPLED);
    assert_int_equal(b->n_tokens, 0);
    arena_free(arena);
}

// The weights change while pages made by the old ones are held.
static void weights_that_change_under_the_pages_are_a_bug(void **state) {
    (void)state;
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr)) _exit(3);
        signal(SIGABRT, SIG_DFL);
        Arena *arena = arena_new(1 << 20);
        Policy *policy = fake_new(100, 64, NULL);
        EngineOpts opts = {.policy = policy, .max_seqs = 8, .kv_pages = 100};
        Engine *engine;
        if (engine_new(&opts, &engine) != ST_OK) _exit(2);
        EndWatch watch = {.bump_at_first = policy};
        Status st = engine_sample(engine, ask(0, 4, arena), &plain, RNG_SAMPLE, on_finished, &watch,
                                  NULL, NULL, arena);
        _exit(st == ST_OK ? 0 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_loops_and_the_context_end_samples),
        cmocka_unit_test(a_full_context_ends_or_skips),
        cmocka_unit_test(judging_goes_on_beside_sampling),
        cmocka_unit_test(giving_up_leaves_the_batch_asked),
        cmocka_unit_test(impossible_rules_are_refused_by_name),
        cmocka_unit_test(more_places_than_a_batch_can_have_are_refused),
        cmocka_unit_test(an_empty_batch_is_sampled_at_once),
        cmocka_unit_test(weights_that_change_under_the_pages_are_a_bug),
    };
    return cmocka_run_group_tests_name("rollout/engine: ends, callbacks, refusals", tests, NULL,
                                       NULL);
}
