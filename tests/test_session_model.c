// tests/test_session_model.c -- sessions on a real policy: the log-prob of every drawn token is, to
// the bit, the one that scoring gives under the weights that drew it.
#include "rollout/engine.h"
#include "tests/tiny_run.h"

enum { CONTEXT = 64, PAGES = 60, ROWS = 40 };

static Policy *policy_of(uint64_t seed) {
    const PolicyOpts o = {
        .chunk_tokens = 256, .max_seq_tokens = CONTEXT, .kv_pages = PAGES, .max_decode_rows = ROWS};
    Policy *p;
    assert_ok(policy_new(&tiny_model, &o, &p));
    policy_init(p, seed);
    return p;
}

static Engine *engine_of(Policy *policy, WeightRule rule, bool prefix_cache) {
    Engine *e;
    assert_ok(engine_new(&(EngineOpts){.policy = policy,
                                       .max_seqs = 12,
                                       .kv_pages = PAGES,
                                       .max_decode_rows = ROWS,
                                       .max_seq_tokens = CONTEXT,
                                       .new_weights = rule,
                                       .prefix_cache = prefix_cache},
                         &e));
    return e;
}

static const SampleConfig sampling = {.temperature = 0.9, .top_p = 1, .max_new_tokens = 24};

static void submit(Engine *e, int n_requests, const SampleConfig *c) {
    for (int i = 0; i < n_requests; i++) {
        int32_t prompt[30];
        for (int t = 0; t < 30; t++) prompt[t] = t < 17 ? 1 + t % 9 : 1 + (t * (i + 2)) % 11;
        const EngineRequest r = {.prompt = prompt,
                                 .n_prompt = 18 + i,
                                 .n_samples = 2,
                                 .sampling = c,
                                 .key = {.seed = 3, .stream = RNG_SAMPLE, .task = (uint64_t)i}};
        SampleId id;
        assert_ok(engine_submit(e, &r, &id));
    }
}

// Steps until all are finished or paused.
static void run_out(Engine *e) {
    for (int n = 1; n > 0;) assert_ok(engine_step(e, &n));
}

// How many drawn tokens of the engine's samples, of those with `version`, have another log-prob
// when `policy` scores them in one go; *n: tokens compared.
static int n_off(const Engine *e, Policy *policy, uint32_t version, int *n) {
    Arena *arena = arena_new(1 << 16);
    int off = 0;
    SampleView v;
    *n = 0;
    for (SampleId id = engine_next(e, 0); id; id = engine_next(e, id)) {
        assert_true(engine_view(e, id, &v));
        uint8_t *want = ARENA_ARRAY(arena, uint8_t, v.n_tokens);
        for (int t = 0; t < v.n_tokens; t++) want[t] = v.kind[t] == TOKEN_SAMPLED;
        const Seq seq = {0, v.n_tokens, 0};
        const Pack pack = pack_make(v.token, want, &seq, 1, arena);
        float *logp = ARENA_ARRAY(arena, float, v.n_tokens);
        const ScoreOpts opts = {.temperature = sampling.temperature};
        assert_ok(policy_score(policy, &pack, &opts, logp, NULL));
        for (int t = 0; t < v.n_tokens; t++) {
            if (!want[t] || v.version[t] != version) continue;
            off += memcmp(&v.logp[t], &logp[t], sizeof(float)) != 0;
            ++*n;
        }
    }
    arena_free(arena);
    return off;
}

// Nine steps under the weights of seed 4, the rest under those of seed 5.
static void other_weights_in_the_middle(WeightRule rule, int *off_before, int *off_after) {
    Policy *p = policy_of(4), *before = policy_of(4), *after = policy_of(5);
    Engine *e = engine_of(p, rule, false);
    const uint32_t first = policy_version(p);
    int n;
    submit(e, 6, &sampling);
    for (int i = 0; i < 9; i++) assert_ok(engine_step(e, NULL));
    assert_ok(policy_copy(p, after));
    run_out(e);
    *off_before = n_off(e, before, first, &n);
    assert_true(n > 40);
    *off_after = n_off(e, after, policy_version(p), &n);
    assert_true(n > 40);
    engine_free(e);
    policy_free(p), policy_free(before), policy_free(after);
}

static void recomputed_pages_give_the_log_probs_of_fresh_ones(void **state) {
    (void)state;
    int before, after;
    other_weights_in_the_middle(WEIGHTS_RECOMPUTE, &before, &after);
    assert_int_equal(before, 0);
    assert_int_equal(after, 0);
}

// Drawn by the new weights from keys and values of the old ones: recorded, and not the same.
static void kept_pages_give_others(void **state) {
    (void)state;
    int before, after;
    other_weights_in_the_middle(WEIGHTS_KEEP, &before, &after);
    assert_int_equal(before, 0);
    assert_true(after > 20);
}

static void injected_tokens_and_found_prefixes_are_as_computed(void **state) {
    (void)state;
    Policy *p = policy_of(4);
    SampleConfig c = sampling;
    c.pause_after = 5;
    int64_t shared[2];
    for (int cache = 0; cache < 2; cache++) {
        Engine *e = engine_of(p, WEIGHTS_FIXED, cache);
        SampleView v;
        int n, pauses = 0;
        for (int again = 0; again < 2; again++) {
            submit(e, 6, &c);
            run_out(e);
            while (engine_poll(e, &v)) {
                const int32_t text[] = {7, 2, 9, (int32_t)(v.id % 9) + 1};
                if (v.state == SAMPLE_PAUSED && pauses++ < 30)
                    assert_ok(engine_inject(e, v.id, text, (int)(v.id % 5), 6));
                else if (v.state == SAMPLE_PAUSED)
                    engine_end(e, v.id, FINISH_STOP);
                run_out(e);
            }
        }
        assert_int_equal(n_off(e, p, policy_version(p), &n), 0);
        assert_true(n > 200 && pauses > 20);
        EngineCounts count;
        engine_counts(e, &count);
        shared[cache] = count.stats.n_shared_tokens;
        engine_free(e);
    }
    assert_true(shared[1] >= shared[0] + 6 * 16);
    policy_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recomputed_pages_give_the_log_probs_of_fresh_ones),
        cmocka_unit_test(kept_pages_give_others),
        cmocka_unit_test(injected_tokens_and_found_prefixes_are_as_computed),
    };
    return cmocka_run_group_tests_name("rollout/engine: sessions on the policy", tests, NULL, NULL);
}
