// tests/fake_engine.h -- the engine over a policy that shows every mistake in page tables.
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include "policy/cpu/drawrow.h"
#include "policy/text/tokenizer.h"
#include "rollout/engine.h"
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
static inline Batch *ask(int first, int n, Arena *arena) {
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

typedef struct FakeSetup {
    int pages, seqs, rows, threads, context; // context 0 = endless
} FakeSetup;
static const FakeSetup roomy = {.pages = 2000, .seqs = 64, .rows = 512, .threads = 1};

static inline Status sample_with(FakeSetup setup, Batch *b, const SampleConfig *cfg,
                                 EngineStats *stats, Policy **keep, Arena *arena) {
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

static inline void assert_same_samples(const Batch *a, int sample_a, const Batch *b, int sample_b) {
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
static inline void assert_as_drawn_alone(const Batch *b, const SampleConfig *cfg) {
    for (int i = 0; i < b->n_samples; i++) {
        int g = batch_group_of(b, i), n = b->token_end[i] - b->token_begin[i];
        const int32_t *token = b->token + b->token_begin[i];
        int n_prompt = b->response_begin[i] - b->token_begin[i];
        assert_int_equal(n_prompt, b->prompt_begin[g + 1] - b->prompt_begin[g]);
        assert_memory_equal(token, b->prompt_token + b->prompt_begin[g],
                            (size_t)n_prompt * sizeof *token);
        uint64_t prefix = 11;
        for (int t = 0; t < n_prompt; t++) prefix = fake_step(prefix, token[t]);
        DrawRule s = draw_rule(cfg->temperature, cfg->top_k, cfg->top_p, cfg->min_p);
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
            assert_int_equal(token[t], cpu_draw_row(&s, logits, FAKE_VOCAB, u, scratch));
            float want = policy_logprob_row(logits, FAKE_VOCAB, draw_logprob_scale(&s), token[t],
                                            NULL, NULL);
            assert_true(b->logp_roll[b->token_begin[i] + t] == want);
            assert_int_equal(b->kind[b->token_begin[i] + t], TOKEN_SAMPLED);
            prefix = fake_step(prefix, token[t]);
            assert_true((token[t] == FAKE_STOP) <= (t == n - 1));
        }
        for (int t = 0; t < n_prompt; t++)
            assert_true(b->kind[b->token_begin[i] + t] == TOKEN_PROMPT &&
                        b->logp_roll[b->token_begin[i] + t] == 0);
        if (token[n - 1] == FAKE_STOP)
            assert_int_equal(b->finish[i], FINISH_STOP);
        else
            assert_int_equal(b->finish[i], FINISH_LENGTH);
        if (b->finish[i] == FINISH_LENGTH)
            assert_int_equal(batch_response_length(b, i), cfg->max_new_tokens);
    }
}

#endif
