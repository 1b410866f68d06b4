// tests/test_session.c -- rollout/engine as a session: requests join the next step, pauses,
// injections, texts, failures, weights that change.
#include "tests/fake_engine.h"

// ---- one rule at a time
// ----------------------------------------------------------------------------
typedef struct SmallEngine { // an engine with space for everything
    Policy *policy;
    Engine *engine;
} SmallEngine;

static SmallEngine small_open(WeightRule rule) {
    SmallEngine s = {.policy = fake_new(200, 256, NULL)};
    fake_set_version(s.policy, 1);
    const EngineOpts opts = {.policy = s.policy,
                             .tokenizer = (const Tokenizer *)&plain,
                             .max_seqs = 16,
                             .kv_pages = 200,
                             .max_decode_rows = 256,
                             .new_weights = rule};
    assert_ok(engine_new(&opts, &s.engine));
    return s;
}

static void small_close(SmallEngine *s) {
    engine_free(s->engine);
    fake_free(s->policy);
}

static const int32_t counting[64] = {0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

static SampleId small_submit(const SmallEngine *s, const SampleConfig *c, int n_prompt,
                             int n_samples) {
    SampleId first;
    const EngineRequest r = {.prompt = counting,
                             .n_prompt = n_prompt,
                             .n_samples = n_samples,
                             .sampling = c,
                             .key = {.seed = 4, .stream = RNG_EVAL, .task = (uint64_t)n_prompt}};
    assert_ok(engine_submit(s->engine, &r, &first));
    return first;
}

static SampleConfig endless(int n) {
    SampleConfig c = plain;
    c.n_stop_tokens = 0, c.max_new_tokens = n, c.max_tokens = 100;
    return c;
}

static int length_of(const SmallEngine *s, SampleId id) {
    SampleView v;
    assert_true(engine_view(s->engine, id, &v));
    return v.n_sampled;
}

static void a_request_joins_the_next_step(void **state) {
    (void)state;
    SmallEngine s = small_open(WEIGHTS_FIXED);
    const SampleConfig c = endless(30);
    const SampleId a = small_submit(&s, &c, 5, 3);
    for (int i = 0; i < 5; i++) assert_ok(engine_step(s.engine, NULL));
    assert_int_equal(s.policy->n_calls, 5);
    assert_int_equal(s.policy->last_rows, 3); // one a sample
    assert_int_equal(length_of(&s, a), 5);
    const SampleId b = small_submit(&s, &c, 17, 1);
    assert_int_equal(s.policy->n_calls, 5); // submitting computes nothing
    int n;
    assert_ok(engine_step(s.engine, &n));
    assert_int_equal(n, 4);
    assert_int_equal(s.policy->n_calls, 6); // one call for both
    assert_int_equal(s.policy->last_seqs, 4);
    assert_int_equal(s.policy->last_rows, 3 + 17);
    for (SampleId id = a; id < a + 3; id++) assert_int_equal(length_of(&s, id), 6);
    assert_int_equal(length_of(&s, b), 1);
    assert_ok(engine_step(s.engine, &n));
    assert_int_equal(s.policy->last_rows, 4);
    // the ones that end leave the call, the others go on alone
    for (int i = 0; i < 24; i++) assert_ok(engine_step(s.engine, &n));
    assert_int_equal(s.policy->last_rows, 1);
    assert_int_equal(s.policy->n_calls, 31);
    engine_abort(s.engine, b);
    assert_ok(engine_step(s.engine, &n));
    assert_int_equal(n, 0);
    assert_int_equal(s.policy->n_calls, 31);
    small_close(&s);
}

static void a_paused_sample_costs_no_rows(void **state) {
    (void)state;
    SmallEngine s = small_open(WEIGHTS_FIXED);
    SampleConfig c = endless(12);
    c.pause_after = 4;
    const SampleId id = small_submit(&s, &c, 20, 1);
    SampleView v;
    int n;
    for (int i = 0; i < 4; i++) assert_ok(engine_step(s.engine, NULL));
    assert_true(engine_poll(s.engine, &v));
    assert_true(v.id == id && v.state == SAMPLE_PAUSED && v.n_sampled == 4);
    assert_false(engine_poll(s.engine, &v));
    assert_ok(engine_step(s.engine, &n));
    assert_int_equal(n, 0);
    EngineCounts count;
    engine_counts(s.engine, &count);
    assert_true(count.n_paused == 1 && count.pages_held == 2); // it keeps its pages
    const int32_t wrong[] = {3, FAKE_VOCAB}, text[] = {9, 8, 7};
    assert_int_equal(engine_inject(s.engine, id, wrong, 2, 0), ST_FORMAT);
    assert_ok(engine_inject(s.engine, id, text, 3, 2));
    assert_ok(engine_step(s.engine, &n));
    assert_int_equal(s.policy->last_rows, 4); // the last drawn one and the injected ones
    assert_ok(engine_step(s.engine, &n));
    assert_true(engine_poll(s.engine, &v));
    assert_true(v.state == SAMPLE_PAUSED && v.n_tokens == 20 + 4 + 3 + 2 && v.n_sampled == 6);
    assert_memory_equal(v.token + 24, text, sizeof text);
    for (int t = 0; t < v.n_tokens; t++) {
        const bool injected = t >= 24 && t < 27;
        assert_int_equal(v.kind[t], t < 20     ? TOKEN_PROMPT
                                    : injected ? TOKEN_INJECTED
                                               : TOKEN_SAMPLED);
        assert_true((v.logp[t] < 0) == (v.kind[t] == TOKEN_SAMPLED));
    }
    engine_end(s.engine, id, FINISH_STOP); // its environment is done
    assert_true(engine_poll(s.engine, &v));
    assert_true(v.state == SAMPLE_FINISHED && v.finish == FINISH_STOP && v.n_sampled == 6);
    engine_release(s.engine, id);
    engine_counts(s.engine, &count);
    assert_true(count.pages_held == 0 && count.host_bytes == 0);
    small_close(&s);
}

// The texts are made of what is drawn, so that they begin and end where tokens and injections do.
static void texts_are_not_found_across_injections(void **state) {
    (void)state;
    SmallEngine s = small_open(WEIGHTS_FIXED);
    SampleConfig c = endless(20);
    c.pause_after = 3;
    SampleId id = small_submit(&s, &c, 7, 1);
    SampleView v;
    for (int i = 0; i < 3; i++) assert_ok(engine_step(s.engine, NULL));
    assert_true(engine_poll(s.engine, &v));
    const int32_t text[] = {5, 6};
    assert_ok(engine_inject(s.engine, id, text, 2, 0));
    for (int i = 0; i < 17; i++) assert_ok(engine_step(s.engine, NULL));
    assert_true(engine_poll(s.engine, &v) && v.finish == FINISH_LENGTH);
    char letter[22];
    for (int i = 0; i < 22; i++) letter[i] = (char)('a' + v.token[7 + i]);
    engine_release(s.engine, id);
    struct {
        int begin, end; // of the text, in the response; 3 and 4 are injected
        bool pause;
    } cases[] = {{1, 3, false}, {2, 6, false},  {4, 7, false}, {3, 5, false},
                 {5, 7, false}, {9, 12, false}, {6, 8, true},  {4, 6, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[8] = "";
        const int begin = cases[i].begin, end = cases[i].end;
        memcpy(want, letter + begin, (size_t)(end - begin));
        const char *const texts[] = {"xyxyxy", want};
        c.stop_text = c.pause_text = texts;
        c.n_stop_texts = cases[i].pause ? 0 : 2, c.n_pause_texts = cases[i].pause ? 2 : 0;
        int ends = 22; // where it appears first among drawn tokens, as plain as can be
        for (int t = 22; t >= 1; t--) {
            const int from = t > 5 ? 5 : 0;
            if ((t <= 3 || t > 5) && t - from >= end - begin &&
                memcmp(letter + t - (end - begin), want, (size_t)(end - begin)) == 0)
                ends = t;
        }
        if (begin < 5 && end > 3) assert_true(ends != end); // it would be, across the injection
        id = small_submit(&s, &c, 7, 1);
        bool told = false;
        while (!told) {
            assert_ok(engine_step(s.engine, NULL));
            if (!engine_poll(s.engine, &v)) continue;
            told = v.n_tokens - 7 == ends;
            if (told && ends < 22) assert_int_equal(cases[i].pause ? v.pause_text : v.stop_text, 1);
            if (!told) {
                assert_true(v.state == SAMPLE_PAUSED && v.n_tokens - 7 == 3);
                assert_ok(engine_inject(s.engine, id, text, 2, 0));
            }
        }
        for (int t = 0; t < ends; t++) assert_int_equal(v.token[7 + t], letter[t] - 'a');
        engine_release(s.engine, id);
    }
    small_close(&s);
}

static void failures_of_the_policy_lose_nothing(void **state) {
    (void)state;
    SmallEngine s = small_open(WEIGHTS_FIXED), t = small_open(WEIGHTS_FIXED);
    const SampleConfig c = endless(20);
    const SampleId a = small_submit(&s, &c, 5, 2), b = small_submit(&s, &c, 9, 1);
    small_submit(&t, &c, 5, 2), small_submit(&t, &c, 9, 1);
    for (int i = 0; i < 10; i++) assert_ok(engine_step(t.engine, NULL));
    s.policy->fail_at_call = 4;
    for (int i = 0; i < 11; i++)
        assert_int_equal(engine_step(s.engine, NULL), i == 3 ? ST_CUDA : 0);
    SampleView v, w;
    for (SampleId id = a; id <= b; id++) {
        assert_true(engine_view(s.engine, id, &v) && engine_view(t.engine, id, &w));
        assert_int_equal(v.n_tokens, w.n_tokens);
        assert_memory_equal(v.token, w.token, (size_t)v.n_tokens * sizeof *v.token);
    }
    s.policy->nan_at = 19; // of the third sample: 9 + 10
    assert_int_equal(engine_step(s.engine, NULL), ST_FORMAT);
    assert_non_null(strstr(status_text(), "after token 19 of sample 0"));
    assert_true(engine_poll(s.engine, &v));
    assert_true(v.id == b && v.finish == FINISH_ABORT && v.n_sampled == 10);
    assert_int_equal(length_of(&s, a), 11); // the others have their token
    assert_ok(engine_step(s.engine, NULL));
    small_close(&s), small_close(&t);
}

static void requests_that_cannot_be_are_refused(void **state) {
    (void)state;
    SmallEngine s = small_open(WEIGHTS_KEEP);
    const SampleConfig fine = endless(20);
    SampleConfig bad[5] = {fine, fine, fine, fine, fine};
    const char *const empty[] = {""};
    bad[0].max_new_tokens = 40000, bad[0].max_tokens = 0, bad[1].top_p = 2, bad[2].max_tokens = 5,
    bad[3].pause_after = -1;
    bad[4].pause_text = empty, bad[4].n_pause_texts = 1;
    const char *const word[] = {"KV pages", "top_p", "room for 5", "pause_after", "pause text 0"};
    SampleId id;
    for (int i = 0; i < 5; i++) {
        const EngineRequest r = {.prompt = counting, .n_prompt = 5, .sampling = &bad[i]};
        assert_int_equal(engine_submit(s.engine, &r, &id), ST_CONFIG);
        assert_non_null(strstr(status_text(), word[i]));
    }
    const int32_t outside[] = {0, -1};
    const EngineRequest r = {.prompt = outside, .n_prompt = 2, .sampling = &fine};
    assert_int_equal(engine_submit(s.engine, &r, &id), ST_FORMAT);
    EngineCounts count;
    engine_counts(s.engine, &count);
    assert_true(count.n_samples == 0 && count.host_bytes == 0);
    small_close(&s);
}

// Under WEIGHTS_KEEP pages are too few for all: who else waits or runs does not change which
// weights made which keys of the first request.
static void kept_pages_do_not_depend_on_others(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        Rng rng = rng_open((RngKey){.seed = 12, .stream = RNG_TEST, .task = (uint64_t)round});
        const int change = rng_range(&rng, 1, 20), n_prompt = rng_range(&rng, 1, 40);
        const SampleConfig c = endless(30);
        SampleView v[2];
        SmallEngine s[2] = {{0}};
        for (int k = 0; k < 2; k++) {
            const int pages = 10 + rng_range(&rng, 0, 8);
            s[k].policy = fake_new(pages, 64, NULL);
            fake_set_version(s[k].policy, 1);
            const EngineOpts opts = {.policy = s[k].policy,
                                     .max_seqs = 8,
                                     .kv_pages = pages,
                                     .max_decode_rows = 64,
                                     .new_weights = WEIGHTS_KEEP};
            assert_ok(engine_new(&opts, &s[k].engine));
            const SampleId id = small_submit(&s[k], &c, n_prompt, 1);
            if (k) small_submit(&s[k], &c, rng_range(&rng, 1, 40), 3);
            while (length_of(&s[k], id) < change) assert_ok(engine_step(s[k].engine, NULL));
            fake_set_version(s[k].policy, 2);
            if (k) small_submit(&s[k], &c, rng_range(&rng, 1, 40), 2);
            while (length_of(&s[k], id) < 30) assert_ok(engine_step(s[k].engine, NULL));
            assert_true(engine_view(s[k].engine, id, &v[k]));
            EngineCounts count;
            engine_counts(s[k].engine, &count);
            assert_int_equal(count.stats.n_preempted, 0);
        }
        assert_int_equal(v[0].n_tokens, v[1].n_tokens);
        const size_t n = (size_t)v[0].n_tokens;
        assert_memory_equal(v[0].token, v[1].token, n * sizeof(int32_t));
        assert_memory_equal(v[0].logp, v[1].logp, n * sizeof(float));
        assert_memory_equal(v[0].version, v[1].version, n * sizeof(uint32_t));
        assert_memory_equal(v[0].kv_version, v[1].kv_version, n * sizeof(uint32_t));
        assert_true(v[0].version[n - 1] == 2 && v[0].kv_version[0] == 1);
        for (int k = 0; k < 2; k++) small_close(&s[k]);
    }
}

// A conversation: each request begins with the one before it and its reply.
static void a_prefix_is_computed_once(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    int64_t computed[2];
    Batch *b[2];
    for (int cache = 0; cache < 2; cache++) {
        Policy *policy = fake_new(100, 256, NULL);
        const EngineOpts opts = {.policy = policy,
                                 .max_seqs = 4,
                                 .kv_pages = 100,
                                 .max_decode_rows = 256,
                                 .prefix_cache = cache,
                                 .seed = SEED};
        Engine *engine;
        assert_ok(engine_new(&opts, &engine));
        const SampleConfig c = endless(10);
        int32_t talk[200];
        int n = 40;
        for (int t = 0; t < n; t++) talk[t] = t % FAKE_VOCAB;
        computed[cache] = 0;
        for (int reply = 0; reply < 4; reply++) {
            b[cache] = batch_new(1, 2, arena);
            batch_ask(b[cache], 0, NULL, (uint64_t)reply, 0, talk, n, arena);
            EngineStats stats;
            assert_ok(
                engine_sample(engine, b[cache], &c, RNG_EVAL, NULL, NULL, NULL, &stats, arena));
            computed[cache] += stats.n_computed_tokens;
            if (cache && reply > 0) // all but the last page of what was known, and the new question
                assert_true(stats.n_computed_tokens <= KV_PAGE_TOKENS + 5 + 2 * 9);
            n = b[cache]->token_end[0];
            memcpy(talk, b[cache]->token, (size_t)n * sizeof *talk);
            for (int t = 0; t < 5; t++) talk[n++] = t;
        }
        engine_free(engine);
        fake_free(policy);
    }
    assert_true(computed[1] * 2 < computed[0]);
    for (int i = 0; i < 2; i++) assert_same_samples(b[0], i, b[1], i);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_joins_the_next_step),
        cmocka_unit_test(a_paused_sample_costs_no_rows),
        cmocka_unit_test(texts_are_not_found_across_injections),
        cmocka_unit_test(failures_of_the_policy_lose_nothing),
        cmocka_unit_test(requests_that_cannot_be_are_refused),
        cmocka_unit_test(kept_pages_do_not_depend_on_others),
        cmocka_unit_test(a_prefix_is_computed_once),
    };
    return cmocka_run_group_tests_name("rollout/engine: sessions", tests, NULL, NULL);
}
