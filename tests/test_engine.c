// tests/test_engine.c -- rollout/engine: a sample is what it would be alone, whoever is beside it.
#include "tests/fake_engine.h"

static void samples_are_what_each_would_be_alone(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *b = ask(0, 12, arena);
    EngineStats stats;
    assert_ok(sample_with(roomy, b, &plain, &stats, NULL, arena));
    assert_int_equal(b->stage, STAGE_SAMPLED);
    assert_as_drawn_alone(b, &plain);
    int by_finish[5] = {0}, at = 0, prompts = 0;
    for (int i = 0; i < b->n_samples; i++) {
        by_finish[b->finish[i]]++;
        assert_int_equal(b->token_begin[i], at); // compact, in order
        at = b->token_end[i];
    }
    for (int g = 0; g < 12; g++) prompts += b->prompt_begin[g + 1] - b->prompt_begin[g];
    assert_int_equal(b->n_tokens, at);
    assert_true(by_finish[FINISH_STOP] > 5 && by_finish[FINISH_LENGTH] > 5);
    assert_int_equal(stats.n_prompt_tokens, 4 * prompts);
    assert_true(stats.n_shared_tokens >= 2 * prompts && stats.n_shared_tokens <= 3 * prompts);
    assert_int_equal(stats.n_preempted, 0);
    // the prompt once a group; of a sample all but its last token
    assert_int_equal(stats.n_computed_tokens, prompts + stats.n_new_tokens - b->n_samples);
    assert_int_equal(stats.n_new_tokens, b->n_tokens - 4 * prompts);
    arena_free(arena);
}

static void pages_rows_places_and_threads_do_not_show(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *want = ask(0, 12, arena);
    assert_ok(sample_with(roomy, want, &plain, NULL, NULL, arena));
    const FakeSetup setups[] = {{2000, 1, 512, 1, 0}, {2000, 3, 512, 2, 0}, {2000, 64, 512, 2, 0},
                                {2000, 64, 7, 1, 0},  {2000, 5, 5, 2, 0},   {8, 64, 512, 1, 0},
                                {8, 64, 512, 2, 0},   {8, 3, 11, 2, 0},     {11, 5, 64, 1, 0},
                                {20, 64, 64, 2, 0},   {40, 16, 512, 2, 0},  {60, 64, 33, 1, 0}};
    int64_t preempted = 0;
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        Batch *got = ask(0, 12, arena);
        EngineStats stats;
        Policy *policy;
        assert_ok(sample_with(setups[i], got, &plain, &stats, &policy, arena));
        assert_true(policy->max_seen_seqs <= setups[i].seqs);
        assert_true(stats.pages_peak <= setups[i].pages);
        fake_free(policy);
        for (int s = 0; s < want->n_samples; s++) assert_same_samples(want, s, got, s);
        preempted += stats.n_preempted;
        if (setups[i].pages == 8 && setups[i].seqs == 64) assert_true(stats.n_preempted > 0);
    }
    assert_true(preempted > 10);
    arena_free(arena);
}

static void who_else_is_asked_does_not_show(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *all = ask(0, 12, arena);
    assert_ok(sample_with(roomy, all, &plain, NULL, NULL, arena));
    for (int g = 0; g < 12; g++) {
        Batch *one = ask(g, 1, arena);
        assert_ok(sample_with(roomy, one, &plain, NULL, NULL, arena));
        for (int s = 0; s < 4; s++) assert_same_samples(all, 4 * g + s, one, s);
    }
    arena_free(arena);
}

// Tight pages above all: as few as the longest sequence needs, prompts of whole pages, groups of
// one.
static void random_setups_end_and_agree(void **state) {
    (void)state;
    Rng rng = rng_open((RngKey){.seed = 8, .stream = RNG_TEST});
    int64_t preempted = 0;
    for (int round = 0; round < 300; round++) {
        Arena *arena = arena_new(1 << 20);
        int n = rng_range(&rng, 1, 12), size = rng_range(&rng, 1, 4), longest = 0;
        size = size == 4 ? 9 : size;
        SampleConfig cfg = plain;
        cfg.max_new_tokens = rng_range(&rng, 1, 60);
        cfg.n_stop_tokens = round % 2;
        Batch *b[2];
        for (int k = 0; k < 2; k++) {
            Rng same = rng_open((RngKey){.seed = 9, .stream = RNG_TEST, .task = (uint64_t)round});
            b[k] = batch_new(n, size, arena);
            b[k]->step = 5;
            for (int g = 0; g < n; g++) {
                int32_t prompt[64];
                int length = rng_below(&same, 2) ? KV_PAGE_TOKENS * rng_range(&same, 1, 4)
                                                 : rng_range(&same, 1, 64);
                for (int t = 0; t < length; t++) prompt[t] = rng_range(&same, 0, FAKE_VOCAB - 1);
                if (length > longest) longest = length;
                batch_ask(b[k], g, NULL, (uint64_t)g, (uint64_t)round, prompt, length, arena);
            }
        }
        int least = (longest + cfg.max_new_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
        int seqs = rng_range(&rng, 1, 20);
        FakeSetup tight = {least + (int)rng_below(&rng, 4) * rng_range(&rng, 0, 6), seqs,
                           seqs + (round % 4 ? 0 : rng_range(&rng, 0, 40)), 1, 0};
        EngineStats stats;
        assert_ok(sample_with(tight, b[0], &cfg, &stats, NULL, arena));
        assert_ok(sample_with(roomy, b[1], &cfg, NULL, NULL, arena));
        for (int i = 0; i < b[0]->n_samples; i++) assert_same_samples(b[0], i, b[1], i);
        preempted += stats.n_preempted;
        arena_free(arena);
    }
    if (preempted < 300) fail_msg("only %d were put aside", (int)preempted);
}

// Three samples grow while the prompt of the last group, the youngest run, comes in by four tokens
// a call; before it is whole they need its pages. The group before it ends with its first token.
static void a_prompt_that_is_put_aside_is_begun_again(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    SampleConfig cfg = plain;
    cfg.n_stop_tokens = 0, cfg.max_new_tokens = 200;
    const FakeSetup setup[] = {{33, 4, 7, 1, 241}, {2000, 64, 512, 1, 241}};
    Batch *b[2];
    for (int k = 0; k < 2; k++) {
        int32_t prompt[240];
        for (int t = 0; t < 240; t++) prompt[t] = t * t % FAKE_VOCAB;
        b[k] = batch_new(5, 1, arena);
        for (int g = 0; g < 5; g++)
            batch_ask(b[k], g, NULL, 1, (uint64_t)g, prompt, g < 3 ? 1 : 240, arena);
        EngineStats stats;
        assert_ok(sample_with(setup[k], b[k], &cfg, &stats, NULL, arena));
        assert_int_equal(stats.n_preempted > 0, k == 0);
    }
    for (int i = 0; i < 5; i++) assert_same_samples(b[0], i, b[1], i);
    arena_free(arena);
}

static void the_rules_shape_the_draw(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    SampleConfig cfg = plain;
    cfg.temperature = 0.7, cfg.top_k = 9, cfg.top_p = 0.9, cfg.min_p = 0.05;
    Batch *b = ask(0, 6, arena);
    assert_ok(sample_with(roomy, b, &cfg, NULL, NULL, arena));
    assert_as_drawn_alone(b, &cfg);
    cfg = plain, cfg.temperature = 0;
    b = ask(0, 6, arena);
    assert_ok(sample_with(roomy, b, &cfg, NULL, NULL, arena));
    assert_as_drawn_alone(b, &cfg);
    for (int i = 0; i < b->n_samples; i++) assert_same_samples(b, i, b, i - i % 4); // greedy
    arena_free(arena);
}

static void a_task_asked_twice_is_answered_twice(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 20);
    Batch *b = batch_new(2, 2, arena);
    const int32_t prompt[] = {1, 2, 4};
    batch_ask(b, 0, NULL, 77, 0, prompt, 3, arena);
    batch_ask(b, 1, NULL, 77, 1, prompt, 3, arena);
    assert_ok(sample_with(roomy, b, &plain, NULL, NULL, arena));
    int n = batch_response_length(b, 0) < batch_response_length(b, 2) ? batch_response_length(b, 0)
                                                                      : batch_response_length(b, 2);
    bool same = batch_response_length(b, 0) == batch_response_length(b, 2);
    for (int t = 0; t < n; t++)
        same &= b->token[b->response_begin[0] + t] == b->token[b->response_begin[2] + t];
    assert_false(same);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_what_each_would_be_alone),
        cmocka_unit_test(pages_rows_places_and_threads_do_not_show),
        cmocka_unit_test(who_else_is_asked_does_not_show),
        cmocka_unit_test(random_setups_end_and_agree),
        cmocka_unit_test(a_prompt_that_is_put_aside_is_begun_again),
        cmocka_unit_test(the_rules_shape_the_draw),
        cmocka_unit_test(a_task_asked_twice_is_answered_twice),
    };
    return cmocka_run_group_tests_name("rollout/engine", tests, NULL, NULL);
}
