// tests/test_engine.c -- rollout/engine on a policy that shows every mistake in page tables.
#include "rollout/engine.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/io/tokenizer.h"
#include "rollout/sampler.h"
#include "tests/fake_policy.h"
#include "tests/test.h"

// The tokenizer that stop texts need: token v is one letter.
int tokenizer_size(const Tokenizer *tokenizer) {
    (void)tokenizer;
    return FAKE_VOCAB;
}
const char *tokenizer_bytes(const Tokenizer *tokenizer, int32_t id, size_t *size) {
    (void)tokenizer;
    *size = 1;
    return &"abcdefghijklmnopqrstuvwx"[id];
}

static const int32_t stop_token[] = {FAKE_STOP};
static const SampleConfig plain = {.temperature = 1,
                                   .top_p = 1,
                                   .max_new_tokens = 70,
                                   .stop_token = stop_token,
                                   .n_stop_tokens = 1};
enum { SEED = 42 };

// n groups of 4, numbered from `first`; prompts of 1 to 50 tokens, full pages among them.
static Batch *ask(int first, int n, Arena *arena) {
    Batch *b = batch_new(n, 4, arena);
    b->step = 5;
    for (int g = 0; g < n; g++) {
        uint64_t id = (uint64_t)(first + g);
        Rng rng = rng_open((RngKey){.seed = 1, .stream = RNG_TEST, .task = id});
        int32_t prompt[50];
        int length = (first + g) % 3 == 0 ? KV_PAGE_TOKENS * (1 + (first + g) / 3 % 3)
                                          : 1 + (int)rng_below(&rng, 50);
        for (int t = 0; t < length; t++) prompt[t] = (int32_t)rng_below(&rng, FAKE_VOCAB);
        batch_ask(b, g, NULL, rng_mix(id), id, prompt, length, arena);
    }
    return b;
}

typedef struct Setup {
    int pages, seqs, rows, threads, context; // context 0 = endless
} Setup;
static const Setup roomy = {.pages = 2000, .seqs = 64, .rows = 512, .threads = 1};

static Status sample_with(Setup setup, Batch *b, const SampleConfig *cfg, EngineStats *stats,
                          Policy **keep, Arena *arena) {
    Pool *pool = pool_new(setup.threads);
    Policy *policy = fake_new(setup.pages, setup.rows, pool);
    EngineOpts opts = {.policy = policy,
                       .pool = pool,
                       .tokenizer = (const Tokenizer *)&plain,
                       .max_seqs = setup.seqs,
                       .kv_pages = setup.pages,
                       .max_decode_rows = setup.rows,
                       .max_seq_tokens = setup.context,
                       .seed = SEED};
    Engine *engine;
    Status st = engine_new(&opts, &engine);
    if (st == ST_OK) st = engine_sample(engine, b, cfg, RNG_SAMPLE, NULL, NULL, NULL, stats, arena);
    engine_free(engine); // CHECKs that no page leaked
    if (keep)
        *keep = policy;
    else
        fake_free(policy);
    pool_free(pool);
    return st;
}

static void assert_same_samples(const Batch *a, int sample_a, const Batch *b, int sample_b) {
    const int32_t *x = a->token + a->token_begin[sample_a],
                  *y = b->token + b->token_begin[sample_b];
    int n = a->token_end[sample_a] - a->token_begin[sample_a];
    assert_int_equal(n, b->token_end[sample_b] - b->token_begin[sample_b]);
    assert_memory_equal(x, y, (size_t)n * sizeof *x);
    assert_memory_equal(a->logp_roll + a->token_begin[sample_a],
                        b->logp_roll + b->token_begin[sample_b], (size_t)n * sizeof(float));
    assert_int_equal(a->finish[sample_a], b->finish[sample_b]);
}

// Draws sample after sample again from the tokens alone: no pages, no schedule.
static void assert_as_drawn_alone(const Batch *b, const SampleConfig *cfg) {
    for (int i = 0; i < b->n_samples; i++) {
        int g = batch_group_of(b, i), n = b->token_end[i] - b->token_begin[i];
        const int32_t *token = b->token + b->token_begin[i];
        int n_prompt = b->response_begin[i] - b->token_begin[i];
        assert_int_equal(n_prompt, b->prompt_begin[g + 1] - b->prompt_begin[g]);
        assert_memory_equal(token, b->prompt_token + b->prompt_begin[g],
                            (size_t)n_prompt * sizeof *token);
        uint64_t prefix = 11;
        for (int t = 0; t < n_prompt; t++) prefix = fake_step(prefix, token[t]);
        Sampler s = sampler_make(cfg->temperature, cfg->top_k, cfg->top_p, cfg->min_p);
        uint64_t scratch[2 * FAKE_VOCAB];
        for (int t = n_prompt; t < n; t++) {
            float logits[FAKE_VOCAB];
            fake_logits(prefix, logits);
            RngKey key = {.seed = SEED,
                          .stream = RNG_SAMPLE,
                          .step = 5,
                          .task = b->task_id[g] ^ rng_mix(b->task_index[g]),
                          .sample = (uint32_t)(i - b->group_begin[g])};
            double u = rng_uniform(&key, (uint32_t)(t - n_prompt));
            assert_int_equal(token[t], sampler_draw(&s, logits, FAKE_VOCAB, u, scratch));
            float want = policy_logprob_row(logits, FAKE_VOCAB, sampler_logprob_scale(&s), token[t],
                                            NULL, NULL);
            assert_true(b->logp_roll[b->token_begin[i] + t] == want);
            assert_int_equal(b->mask[b->token_begin[i] + t], TOKEN_SAMPLED);
            prefix = fake_step(prefix, token[t]);
            assert_true((token[t] == FAKE_STOP) <= (t == n - 1));
        }
        for (int t = 0; t < n_prompt; t++)
            assert_true(b->mask[b->token_begin[i] + t] == TOKEN_PROMPT &&
                        b->logp_roll[b->token_begin[i] + t] == 0);
        if (token[n - 1] == FAKE_STOP)
            assert_int_equal(b->finish[i], FINISH_STOP);
        else
            assert_int_equal(b->finish[i], FINISH_LENGTH);
        if (b->finish[i] == FINISH_LENGTH)
            assert_int_equal(batch_response_length(b, i), cfg->max_new_tokens);
    }
}

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
    const Setup setups[] = {{2000, 1, 512, 1, 0}, {2000, 3, 512, 2, 0}, {2000, 64, 512, 2, 0},
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
        Setup tight = {least + (int)rng_below(&rng, 4) * rng_range(&rng, 0, 6), seqs,
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
    const Setup setup[] = {{33, 4, 7, 1, 241}, {2000, 64, 512, 1, 241}};
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

typedef struct Watch {
    int n_done, order[64];
    Policy *bump_at_first;
    Pool *pool;
    int64_t sum[64];
    Batch *batch;
    volatile int stop;
    int stop_after;
} Watch;

static void add_up(void *ctx, int i, int worker) {
    (void)worker;
    Watch *w = ctx;
    for (int t = w->batch->token_begin[i]; t < w->batch->token_end[i]; t++)
        w->sum[i] += (t - w->batch->token_begin[i] + 1) * w->batch->token[t];
}

static void on_finished(void *ctx, Batch *batch, int sample) {
    Watch *w = ctx;
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
        Watch watch = {.pool = pool, .batch = b};
        assert_ok(engine_sample(engine, b, &plain, RNG_SAMPLE, on_finished, &watch, &watch.stop,
                                NULL, arena));
        assert_int_equal(watch.n_done, 40);
        for (int i = 0; i < 40; i++) {
            int64_t sum = 0;
            for (int t = b->token_begin[i]; t < b->token_end[i]; t++)
                sum += (t - b->token_begin[i] + 1) * b->token[t];
            assert_int_equal(watch.sum[i], sum);
            assert_true(b->version_min[i] == 9 && b->version_max[i] == 9);
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
    Watch watch = {.stop_after = 7};
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
    Setup setup = roomy;
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
        Watch watch = {.bump_at_first = policy};
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
        cmocka_unit_test(samples_are_what_each_would_be_alone),
        cmocka_unit_test(pages_rows_places_and_threads_do_not_show),
        cmocka_unit_test(who_else_is_asked_does_not_show),
        cmocka_unit_test(random_setups_end_and_agree),
        cmocka_unit_test(a_prompt_that_is_put_aside_is_begun_again),
        cmocka_unit_test(the_rules_shape_the_draw),
        cmocka_unit_test(a_task_asked_twice_is_answered_twice),
        cmocka_unit_test(texts_loops_and_the_context_end_samples),
        cmocka_unit_test(a_full_context_ends_or_skips),
        cmocka_unit_test(judging_goes_on_beside_sampling),
        cmocka_unit_test(giving_up_leaves_the_batch_asked),
        cmocka_unit_test(impossible_rules_are_refused_by_name),
        cmocka_unit_test(more_places_than_a_batch_can_have_are_refused),
        cmocka_unit_test(an_empty_batch_is_sampled_at_once),
        cmocka_unit_test(weights_that_change_under_the_pages_are_a_bug),
    };
    return cmocka_run_group_tests_name("rollout/engine", tests, NULL, NULL);
}
