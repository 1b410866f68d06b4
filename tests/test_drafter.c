// tests/test_drafter.c -- drafts, verified: the samples are those of an engine without drafts, to
// the bit, and have the distribution that the policy's probabilities say.
#include "rollout/drafter.h"

#include <stdlib.h>

#include "base/arena.h"
#include "rollout/engine.h"
#include "tests/models.h"
#include "tests/test.h"

enum { CONTEXT = 64, SEQS = 12, ROWS = 60 };

typedef struct DraftSetup {
    DraftKind kind;
    int n_drafts, seqs, rows, pages, threads;
    bool prefix_cache;
} DraftSetup;

typedef struct DraftRun {
    Policy *policy;
    Pool *pool;
    Engine *engine;
} DraftRun;

// Logits of a new model are nearly equal; with a larger head they are not.
static void sharpen_head(Policy *p, float by) {
    int n, i = 0;
    const Param *param = policy_params(p, &n);
    while (strcmp(param[i].name, "lm_head.weight") != 0) i++;
    const size_t count = param_count(&param[i]);
    float *head = malloc(count * sizeof *head);
    assert_non_null(head);
    assert_ok(policy_get(p, i, PARAM_WEIGHT, 0, count, head));
    for (size_t j = 0; j < count; j++) head[j] *= by;
    assert_ok(policy_set(p, i, PARAM_WEIGHT, 0, count, head));
    policy_sync(p);
    free(head);
}

static DraftRun run_open(const DraftSetup *s, const ModelConfig *model) {
    DraftRun r = {0};
    if (s->threads > 1) r.pool = pool_new(s->threads);
    const PolicyOpts o = {.pool = r.pool,
                          .chunk_tokens = 256,
                          .max_seq_tokens = CONTEXT,
                          .kv_pages = s->pages,
                          .max_decode_rows = s->rows};
    assert_ok(policy_new(model, &o, &r.policy));
    policy_init(r.policy, 7);
    sharpen_head(r.policy, 10);
    assert_ok(engine_new(&(EngineOpts){.policy = r.policy,
                                       .pool = r.pool,
                                       .max_seqs = s->seqs,
                                       .kv_pages = s->pages,
                                       .max_decode_rows = s->rows,
                                       .max_seq_tokens = CONTEXT,
                                       .draft = s->kind,
                                       .draft_tokens = s->n_drafts,
                                       .prefix_cache = s->prefix_cache,
                                       .seed = 5},
                         &r.engine));
    return r;
}

static void run_close(DraftRun *r) {
    engine_free(r->engine);
    policy_free(r->policy);
    pool_free(r->pool);
}

static ModelConfig model_of(int n_mtp) {
    ModelConfig m = tiny_model;
    m.n_mtp = n_mtp;
    return m;
}

// Groups of 4 on prompts of 3, 8, 16 (a whole page), 17, ... tokens, some of them periodic.
static Batch *ask_groups(int n_groups, Arena *arena) {
    Batch *b = batch_new(n_groups, 4, arena);
    for (int g = 0; g < n_groups; g++) {
        static const int length[] = {3, 8, 16, 17, 31, 5};
        int32_t prompt[32];
        const int n = length[g % 6];
        for (int t = 0; t < n; t++) prompt[t] = g % 2 ? 1 + t % 3 : 1 + (t * (g + 2)) % 11;
        batch_ask(b, g, NULL, (uint64_t)g, (uint64_t)g, prompt, n, arena);
    }
    return b;
}

static Batch *sample(const DraftSetup *s, const SampleConfig *c, EngineStats *stats, Arena *arena) {
    const ModelConfig model = model_of(2);
    DraftRun r = run_open(s, &model);
    Batch *b = ask_groups(11, arena);
    assert_ok(engine_sample(r.engine, b, c, RNG_SAMPLE, NULL, NULL, NULL, stats, arena));
    EngineCounts counts;
    engine_counts(r.engine, &counts);
    if (!s->prefix_cache) assert_int_equal(counts.pages_held, 0);
    run_close(&r);
    return b;
}

static void assert_same_batch(const Batch *a, const Batch *b) {
    assert_int_equal(a->n_tokens, b->n_tokens);
    const size_t n = (size_t)a->n_tokens;
    assert_memory_equal(a->token, b->token, n * sizeof *a->token);
    assert_memory_equal(a->logp_roll, b->logp_roll, n * sizeof *a->logp_roll);
    assert_memory_equal(a->finish, b->finish, (size_t)a->n_samples);
    assert_memory_equal(a->token_end, b->token_end, (size_t)a->n_samples * sizeof *a->token_end);
}

static void drafts_change_no_bit(void **state) {
    (void)state;
    Arena *arena = arena_new(1 << 18);
    static const int32_t stop[] = {0};
    const SampleConfig configs[] = {
        {.temperature = 1, .top_p = 1, .max_new_tokens = 24},
        {.temperature = 0.7, .top_p = 0.95, .max_new_tokens = 24},
        {.temperature = 0, .top_p = 1, .max_new_tokens = 30},
        {.temperature = 0.3, .top_p = 1, .top_k = 3, .max_new_tokens = 24, .repeat_window = 8},
        {.temperature = 1.3,
         .top_p = 1,
         .min_p = 0.02,
         .max_new_tokens = 1000,
         .stop_token = stop,
         .n_stop_tokens = 1}};
    const DraftSetup plain = {DRAFT_NONE, 0, SEQS, ROWS, 200, 1, false};
    const DraftSetup setups[] = {
        {DRAFT_MTP, 1, SEQS, ROWS, 200, 1, false}, {DRAFT_MTP, 2, SEQS, ROWS, 200, 3, false},
        {DRAFT_MTP, 2, 3, 7, 200, 1, false},       {DRAFT_MTP, 2, SEQS, ROWS, 6, 1, false},
        {DRAFT_MTP, 2, SEQS, ROWS, 200, 1, true},  {DRAFT_LOOKUP, 4, SEQS, ROWS, 200, 1, false},
        {DRAFT_LOOKUP, 8, 5, 9, 8, 2, false},      {DRAFT_LOOKUP, 0, SEQS, ROWS, 200, 1, true},
        {DRAFT_MTP, 0, SEQS, SEQS, 200, 1, false}, {DRAFT_LOOKUP, 1, 1, 2, 200, 1, false}};
    int64_t accepted = 0, refused = 0, preempted = 0;
    for (size_t c = 0; c < sizeof configs / sizeof *configs; c++) {
        EngineStats stats;
        const Batch *want = sample(&plain, &configs[c], &stats, arena);
        assert_int_equal(stats.n_drafts, 0);
        assert_int_equal(stats.n_draws, stats.n_new_tokens);
        for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
            const Batch *got = sample(&setups[i], &configs[c], &stats, arena);
            assert_same_batch(want, got);
            assert_true(stats.n_accepted <= stats.n_drafts);
            if (setups[i].pages > 100) // what a preempted one drew is not drawn again
                assert_int_equal(stats.n_draws + stats.n_accepted, stats.n_new_tokens);
            accepted += stats.n_accepted;
            refused += stats.n_drafts - stats.n_accepted;
            preempted += stats.n_preempted;
        }
    }
    assert_true(accepted > 500 && refused > 500 && preempted > 10);
    print_message("%d guesses right, %d wrong\n", (int)accepted, (int)refused);
    arena_free(arena);
}

// A sample that was stopped goes on, with drafts of other lengths, to the same tokens.
static void a_stopped_sample_goes_on_the_same(void **state) {
    (void)state;
    const ModelConfig model = model_of(2);
    const SampleConfig c = {.temperature = 0.8, .top_p = 1, .max_new_tokens = 30};
    const int32_t prompt[] = {1, 2, 3, 1, 2, 3, 4};
    const DraftSetup setups[] = {{DRAFT_NONE, 0, 4, 20, 40, 1, false},
                                 {DRAFT_MTP, 2, 4, 20, 40, 1, false},
                                 {DRAFT_LOOKUP, 4, 4, 20, 40, 1, false}};
    int32_t token[3][64];
    float logp[3][64];
    for (int k = 0; k < 3; k++) {
        DraftRun r = run_open(&setups[k], &model);
        GivenTokens given = {.n = k > 0 ? 9 + k : 0, .token = token[0], .logp = logp[0]};
        const EngineRequest request = {.prompt = prompt,
                                       .n_prompt = 7,
                                       .sampling = &c,
                                       .key = {.seed = 1, .stream = RNG_SAMPLE},
                                       .given = &given};
        SampleId id;
        SampleView v;
        assert_ok(engine_submit(r.engine, &request, &id));
        for (int n = 1; n > 0;) assert_ok(engine_step(r.engine, &n));
        assert_true(engine_view(r.engine, id, &v));
        assert_int_equal(v.n_tokens, 37);
        memcpy(token[k], v.token + 7, 30 * sizeof **token);
        memcpy(logp[k], v.logp + 7, 30 * sizeof **logp);
        for (int t = 0; t < 36; t++) assert_int_equal(v.kv_version[t], v.kv_version[0]);
        run_close(&r);
    }
    for (int k = 1; k < 3; k++) {
        assert_memory_equal(token[k], token[0], 30 * sizeof **token);
        assert_memory_equal(logp[k], logp[0], 30 * sizeof **logp);
    }
}

// Pauses after a number of tokens and at a token, tokens injected there: as without drafts.
static void pauses_and_injections_are_the_same(void **state) {
    (void)state;
    static const int32_t pause[] = {5}, tool[] = {7, 8, 9};
    const ModelConfig model = model_of(2);
    const SampleConfig c = {.temperature = 1,
                            .top_p = 1,
                            .max_new_tokens = 20,
                            .pause_token = pause,
                            .n_pause_tokens = 1,
                            .pause_after = 6};
    const int32_t prompt[] = {1, 2, 3, 1, 2, 3, 4};
    const DraftSetup setups[] = {{DRAFT_NONE, 0, 6, 30, 60, 1, false},
                                 {DRAFT_MTP, 2, 6, 30, 60, 1, false},
                                 {DRAFT_LOOKUP, 4, 6, 30, 60, 1, false}};
    int32_t token[3][8][CONTEXT];
    float logp[3][8][CONTEXT];
    int n_tokens[3][8], n_pauses[3] = {0};
    memset(token, 0, sizeof token);
    memset(logp, 0, sizeof logp);
    for (int k = 0; k < 3; k++) {
        DraftRun r = run_open(&setups[k], &model);
        const EngineRequest request = {.prompt = prompt,
                                       .n_prompt = 7,
                                       .n_samples = 8,
                                       .sampling = &c,
                                       .key = {.seed = 2, .stream = RNG_SAMPLE}};
        SampleId first;
        SampleView v;
        assert_ok(engine_submit(r.engine, &request, &first));
        for (int n = 1, again = 1; n > 0 || again;) {
            assert_ok(engine_step(r.engine, &n));
            again = 0;
            while (engine_poll(r.engine, &v)) {
                if (v.state == SAMPLE_PAUSED && v.n_tokens < 40) {
                    n_pauses[k]++;
                    again = 1;
                    assert_ok(engine_inject(r.engine, v.id, tool, 3, 5));
                    continue;
                }
                const int s = (int)(v.id - first);
                n_tokens[k][s] = v.n_tokens;
                memcpy(token[k][s], v.token, (size_t)v.n_tokens * sizeof(int32_t));
                memcpy(logp[k][s], v.logp, (size_t)v.n_tokens * sizeof(float));
            }
        }
        run_close(&r);
    }
    assert_true(n_pauses[0] > 8);
    for (int k = 1; k < 3; k++) {
        assert_int_equal(n_pauses[k], n_pauses[0]);
        assert_memory_equal(n_tokens[k], n_tokens[0], sizeof n_tokens[0]);
        assert_memory_equal(token[k], token[0], sizeof token[0]);
        assert_memory_equal(logp[k], logp[0], sizeof logp[0]);
    }
}

// ---- the distribution

enum { TOY = 8, DRAWN = 4, SAMPLES = 25000 };

static void copy_logits(void *ctx, const DecodeSeq *seq, int row, const float *logits) {
    (void)seq, (void)row;
    memcpy(ctx, logits, TOY * sizeof *logits);
}

// Probabilities of the next token under the sampling rule, from the logits in double.
static void exact(Policy *p, const int32_t *token, int n, const SampleConfig *c, double *out) {
    float logits[TOY];
    int32_t page[CONTEXT / KV_PAGE_TOKENS];
    for (int i = 0; i < CONTEXT / KV_PAGE_TOKENS; i++) page[i] = i;
    const DecodeSeq seq = {.token = token, .n_new = n, .page = page, .n_logits = 1};
    assert_ok(policy_logits(p, &seq, 1, copy_logits, logits));
    int order[TOY];
    double sum = 0, kept = 0;
    for (int i = 0; i < TOY; i++) {
        order[i] = i;
        out[i] = exp((double)logits[i] / c->temperature);
        sum += out[i];
    }
    for (int i = 1; i < TOY; i++)
        for (int j = i; j > 0 && out[order[j]] > out[order[j - 1]]; j--) {
            const int swap = order[j];
            order[j] = order[j - 1], order[j - 1] = swap;
        }
    bool over = false;
    for (int i = 0; i < TOY; i++) {
        if (over) out[order[i]] = 0;
        kept += out[order[i]];
        over = over || kept >= c->top_p * sum;
    }
    for (int i = 0; i < TOY; i++) out[i] /= kept;
}

// Samples of four tokens: the chi-square sum of tokens 3 and 4, which drafts reach, over every
// beginning; *n: degrees of freedom.
static double chi_square(DraftKind kind, const SampleConfig *c, int *freedom, EngineStats *stats) {
    ModelConfig m = model_of(2);
    m.vocab_size = TOY;
    const DraftSetup setup = {kind, 2, 64, 256, 600, 1, false},
                     one = {DRAFT_NONE, 0, 1, 64, 8, 1, false};
    DraftRun r = run_open(&setup, &m), exactly = run_open(&one, &m);
    const int32_t prompt[] = {1, 2, 3, 1, 2, 3, 1, 2};
    static int count[TOY * TOY * TOY * TOY];
    memset(count, 0, sizeof count);
    const EngineRequest request = {.prompt = prompt,
                                   .n_prompt = 8,
                                   .n_samples = SAMPLES,
                                   .sampling = c,
                                   .key = {.seed = 17, .stream = RNG_SAMPLE}};
    SampleId id;
    SampleView v;
    assert_ok(engine_submit(r.engine, &request, &id));
    for (int n = 1; n > 0;) {
        assert_ok(engine_step(r.engine, &n));
        while (engine_poll(r.engine, &v)) {
            int at = 0;
            assert_int_equal(v.n_sampled, DRAWN);
            for (int t = 8; t < 8 + DRAWN; t++) at = at * TOY + v.token[t];
            count[at]++;
            engine_release(r.engine, v.id);
        }
    }
    EngineCounts counts;
    engine_counts(r.engine, &counts);
    *stats = counts.stats;
    double sum = 0;
    *freedom = 0;
    for (int depth = 2; depth < DRAWN; depth++) { // the token behind `depth` drawn ones
        const int inside = depth == 3 ? 1 : TOY;  // count cells below one token of this depth
        const int paths = depth == 3 ? TOY * TOY * TOY : TOY * TOY;
        for (int path = 0; path < paths; path++) {
            int32_t token[8 + DRAWN];
            double p[TOY], n = 0, seen[TOY] = {0};
            memcpy(token, prompt, sizeof prompt);
            for (int d = depth - 1, rest = path; d >= 0; d--, rest /= TOY)
                token[8 + d] = rest % TOY;
            for (int i = 0; i < TOY; i++) {
                for (int k = 0; k < inside; k++) seen[i] += count[(path * TOY + i) * inside + k];
                n += seen[i];
            }
            if (n < 200) continue;
            exact(exactly.policy, token, 8 + depth, c, p);
            int used = 0;
            for (int i = 0; i < TOY; i++) {
                if (p[i] * n < 5) {
                    if (p[i] == 0) assert_true(seen[i] == 0); // outside the nucleus
                    continue;
                }
                sum += (seen[i] - p[i] * n) * (seen[i] - p[i] * n) / (p[i] * n);
                used++;
            }
            *freedom += used > 1 ? used - 1 : 0;
        }
    }
    run_close(&r);
    run_close(&exactly);
    return sum;
}

// 100,000 drawn tokens each. The sum has mean f and deviation sqrt(2 f): five of them are a chance
// of about 1e-6, and a sampler that is wrong by some percent is far outside.
static void the_distribution_is_that_of_plain_sampling(void **state) {
    (void)state;
    const SampleConfig configs[] = {{.temperature = 1, .top_p = 1, .max_new_tokens = DRAWN},
                                    {.temperature = 0.7, .top_p = 1, .max_new_tokens = DRAWN},
                                    {.temperature = 1, .top_p = 0.95, .max_new_tokens = DRAWN},
                                    {.temperature = 0.7, .top_p = 0.95, .max_new_tokens = DRAWN}};
    for (int c = 0; c < 4; c++)
        for (int kind = DRAFT_NONE; kind <= DRAFT_LOOKUP; kind++) {
            int f;
            EngineStats stats;
            const double sum = chi_square((DraftKind)kind, &configs[c], &f, &stats);
            print_message("temperature %.1f, top-p %.2f, %s: %.0f over %d degrees of freedom, "
                          "%d of %d guesses right\n",
                          configs[c].temperature, configs[c].top_p,
                          kind == DRAFT_NONE  ? "none"
                          : kind == DRAFT_MTP ? "mtp"
                                              : "lookup",
                          sum, f, (int)stats.n_accepted, (int)stats.n_drafts);
            if (kind != DRAFT_NONE) assert_true(stats.n_accepted > 300);
            assert_true(f > 40);
            assert_true(sum < f + 5 * sqrt(2.0 * f));
        }
}

static void lookup_finds_what_followed(void **state) {
    (void)state;
    int32_t draft[8];
    const int32_t a[] = {1, 2, 3, 4, 5, 9, 1, 2, 3};
    assert_int_equal(draft_lookup(a, 9, draft, 4), 4); // 1 2 3 -> 4 5 9 1
    assert_int_equal(draft[0], 4);
    assert_int_equal(draft[3], 1);
    const int32_t b[] = {7, 7, 7, 7, 7, 7}; // the last appearance: one token behind it
    assert_int_equal(draft_lookup(b, 6, draft, 4), 1);
    assert_int_equal(draft[0], 7);
    const int32_t c[] = {1, 2, 8, 1, 2, 9, 1, 2}; // the last one wins
    assert_int_equal(draft_lookup(c, 8, draft, 2), 2);
    assert_int_equal(draft[0], 9);
    const int32_t none[] = {1, 2, 3, 4, 5};
    assert_int_equal(draft_lookup(none, 5, draft, 4), 0);
    assert_int_equal(draft_lookup(none, 1, draft, 4), 0);
}

static void drafts_that_cannot_be_are_refused(void **state) {
    (void)state;
    const ModelConfig without = model_of(0), with = model_of(1);
    const ModelConfig *const model[] = {&without, &with, &with};
    const EngineOpts wrong[] = {{.draft = DRAFT_MTP},
                                {.draft = DRAFT_MTP, .draft_tokens = 2},
                                {.draft = DRAFT_LOOKUP, .draft_tokens = 9}};
    for (int i = 0; i < 3; i++) {
        Policy *p;
        Engine *e;
        const PolicyOpts o = {
            .chunk_tokens = 64, .max_seq_tokens = 64, .kv_pages = 8, .max_decode_rows = 8};
        assert_ok(policy_new(model[i], &o, &p));
        EngineOpts opts = wrong[i];
        opts.policy = p, opts.max_seqs = 2, opts.kv_pages = 8, opts.max_decode_rows = 8;
        assert_int_equal(engine_new(&opts, &e), ST_CONFIG);
        policy_free(p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup_finds_what_followed),
        cmocka_unit_test(drafts_that_cannot_be_are_refused),
        cmocka_unit_test(drafts_change_no_bit),
        cmocka_unit_test(a_stopped_sample_goes_on_the_same),
        cmocka_unit_test(pauses_and_injections_are_the_same),
        cmocka_unit_test(the_distribution_is_that_of_plain_sampling),
    };
    return cmocka_run_group_tests_name("rollout/drafter", tests, NULL, NULL);
}
