// tests/test_ratio.c -- log-probs recomputed at the sampling weights are the sampler's, bit for
// bit.
//
// The real policy under the real engine, small: MLA with a dense and two MoE layers, in fp32, bf16
// and fp8, for every kernel set that this machine has.
#include <stdlib.h>

#include "base/rng.h"
#include "policy/cpu/gemm.h"
#include "policy/cpu/gemm_set.h"
#include "rollout/engine.h"
#include "tests/models.h"
#include "tests/param.h"
#include "tests/test.h"

enum { VOCAB = 53, STOP = 3, PAGES = 400, ROWS = 256 };
static const int32_t stop_token[] = {STOP};
static const SampleConfig rules = {.temperature = 0.8,
                                   .top_p = 1,
                                   .max_new_tokens = 45,
                                   .stop_token = stop_token,
                                   .n_stop_tokens = 1};

static ModelConfig model_of(Precision precision, MlaForm form) {
    ModelConfig m = small_moe;
    m.initializer_range = 0.1;
    m.eos_id = STOP;
    m.q_lora_rank = 48, m.kv_lora_rank = 32, m.v_head_dim = 16;
    m.precision = precision;
    m.mla_form = form;
    return m;
}

extern const GemmKernel gemm_amx_emulated; // gemm_amx.c built with TILE_EMULATED

typedef struct RatioSetup {
    Precision precision;
    MlaForm form;
    const char *set; // of kernels
    int threads, seqs, pages, rows;
} RatioSetup;
static const RatioSetup standard = {PRECISION_FP32, MLA_ABSORBED, NULL, 1, 64, PAGES, ROWS};

typedef struct World {
    Pool *pool;
    Policy *policy;
    Engine *engine;
    Arena *arena;
} World;

static World world_open(RatioSetup s) {
    World w = {.pool = pool_new(s.threads), .arena = arena_new(1 << 20)};
    assert_ok(gemm_select(s.set));
    ModelConfig model = model_of(s.precision, s.form);
    PolicyOpts opts = {.pool = w.pool,
                       .chunk_tokens = 512,
                       .max_seq_tokens = 128,
                       .kv_pages = s.pages,
                       .max_decode_rows = s.rows};
    assert_ok(policy_new(&model, &opts, &w.policy));
    policy_init(w.policy, 4);
    EngineOpts engine = {.policy = w.policy,
                         .pool = w.pool,
                         .max_seqs = s.seqs,
                         .kv_pages = s.pages,
                         .max_decode_rows = s.rows,
                         .max_seq_tokens = 128,
                         .seed = 6};
    assert_ok(engine_new(&engine, &w.engine));
    return w;
}

static void world_close(World *w) {
    engine_free(w->engine);
    policy_free(w->policy);
    pool_free(w->pool);
    arena_free(w->arena);
}

// n groups of 3; prompts of 1 to 40 tokens, one of them exactly a page.
static Batch *ask(int first, int n, Arena *arena) {
    Batch *b = batch_new(n, 3, arena);
    for (int g = 0; g < n; g++) {
        uint64_t id = (uint64_t)(first + g);
        Rng rng = rng_open((RngKey){.seed = 2, .stream = RNG_TEST, .task = id});
        int32_t prompt[40];
        int length = id == 2 ? KV_PAGE_TOKENS : rng_range(&rng, 1, 40);
        for (int t = 0; t < length; t++) prompt[t] = rng_range(&rng, 4, VOCAB - 1);
        batch_ask(b, g, NULL, id, id, prompt, length, arena);
    }
    return b;
}

static Batch *sampled(World *w, int first, int n, FinishedFn *fn, void *ctx, EngineStats *stats) {
    Batch *b = ask(first, n, w->arena);
    assert_ok(engine_sample(w->engine, b, &rules, RNG_SAMPLE, fn, ctx, NULL, stats, w->arena));
    return b;
}

// How many sampled tokens have another log-prob, to the bit, when scored in one go. Those before
// place skip[i] of sample i's response are left out (NULL: none).
static int n_off(World *w, const Batch *b, const int *skip) {
    Seq *seq = ARENA_ARRAY(w->arena, Seq, b->n_samples);
    for (int i = 0; i < b->n_samples; i++) seq[i] = (Seq){b->token_begin[i], b->token_end[i], i};
    Pack pack = pack_make(b->token, b->kind, seq, b->n_samples, w->arena);
    float *logp = ARENA_ARRAY(w->arena, float, pack.n_tokens);
    ScoreOpts opts = {.temperature = rules.temperature};
    assert_ok(policy_score(w->policy, &pack, &opts, logp, NULL));
    int off = 0;
    for (int i = 0; i < b->n_samples; i++)
        for (int t = 0; t < b->token_end[i] - b->token_begin[i]; t++) {
            int at = b->token_begin[i] + t;
            if (b->kind[at] != TOKEN_SAMPLED) continue;
            if (skip && at - b->response_begin[i] < skip[i]) continue;
            off += memcmp(&b->logp_roll[at], &logp[pack.offset[i] + t], sizeof(float)) != 0;
        }
    return off;
}

static void assert_same_sample(const Batch *a, int i, const Batch *b, int j) {
    int n = a->token_end[i] - a->token_begin[i];
    assert_int_equal(n, b->token_end[j] - b->token_begin[j]);
    assert_memory_equal(a->token + a->token_begin[i], b->token + b->token_begin[j],
                        (size_t)n * sizeof *a->token);
    assert_memory_equal(a->logp_roll + a->token_begin[i], b->logp_roll + b->token_begin[j],
                        (size_t)n * sizeof(float));
}

// ThreadSanitizer watches threads, and they are the same on every row: the slow ones are left out.
#if defined(__SANITIZE_THREAD__)
enum { WATCHED = 1 };
#else
enum { WATCHED = 0 };
#endif

static void the_ratio_is_one_on_every_row_of_the_table(void **state) {
    (void)state;
    for (int p = PRECISION_FP32; p <= PRECISION_FP8; p++) {
        for (int form = MLA_ABSORBED; form <= MLA_EXPANDED; form++) {
            World first = {0};
            Batch *want = NULL;
            for (int set = WATCHED ? GEMM_AVX2 : 0; set < GEMM_SETS; set++) {
                bool emulated = false;
                if (!gemm_set_supported((GemmSet)set)) {
                    // emulated tiles are slow: once in bf16, once in fp8; fp32 is AVX-512's
                    emulated = set == GEMM_AMX && !WATCHED && p > 0 && (int)form == p - 1 &&
                               gemm_set_supported(GEMM_AVX512);
                    if (emulated)
                        gemm_emulate(&gemm_amx_emulated);
                    else if (p + form == 0)
                        print_message("not here: %s%s\n", gemm_set_name((GemmSet)set),
                                      set == GEMM_AMX ? " (emulated below)" : "");
                    if (!emulated) continue;
                }
                RatioSetup s = standard;
                s.precision = (Precision)p, s.form = (MlaForm)form;
                s.set = gemm_set_name((GemmSet)set);
                World w = world_open(s);
                Batch *b = sampled(&w, 0, 5, NULL, NULL, NULL);
                assert_true(b->n_tokens > 300);
                assert_int_equal(n_off(&w, b, NULL), 0);
                if (!want) {
                    first = w, want = b;
                    continue;
                }
                for (int i = 0; i < b->n_samples; i++) assert_same_sample(want, i, b, i);
                world_close(&w);
                if (emulated) gemm_emulate(NULL);
            }
            world_close(&first);
        }
    }
    assert_ok(gemm_select(NULL));
}

static void composition_places_pages_and_threads_do_not_show(void **state) {
    (void)state;
    World w = world_open(standard);
    Batch *want = sampled(&w, 0, 6, NULL, NULL, NULL);
    const RatioSetup setups[] = {{PRECISION_FP32, MLA_ABSORBED, NULL, 2, 64, PAGES, ROWS},
                                 {PRECISION_FP32, MLA_ABSORBED, NULL, 1, 1, PAGES, ROWS},
                                 {PRECISION_FP32, MLA_ABSORBED, NULL, 2, 3, PAGES, 5},
                                 {PRECISION_FP32, MLA_ABSORBED, NULL, 1, 64, 8, ROWS},
                                 {PRECISION_FP32, MLA_ABSORBED, NULL, 2, 64, 12, 64}};
    for (size_t k = 0; k < sizeof setups / sizeof setups[0]; k++) {
        World other = world_open(setups[k]);
        EngineStats stats;
        Batch *b = sampled(&other, 0, 6, NULL, NULL, &stats);
        for (int i = 0; i < b->n_samples; i++) assert_same_sample(want, i, b, i);
        assert_true((setups[k].pages < PAGES) == (stats.n_preempted > 0));
        world_close(&other);
    }
    for (int g = 0; g < 6; g++) {
        Batch *one = sampled(&w, g, 1, NULL, NULL, NULL);
        for (int i = 0; i < 3; i++) assert_same_sample(want, 3 * g + i, one, i);
    }
    world_close(&w);
}

static void another_token_is_noticed(void **state) {
    (void)state;
    World w = world_open(standard);
    Batch *b = sampled(&w, 0, 4, NULL, NULL, NULL);
    assert_int_equal(n_off(&w, b, NULL), 0);
    int at = b->response_begin[5]; // as if the text had been tokenised again
    b->token[at] = b->token[at] == 9 ? 10 : 9;
    assert_true(n_off(&w, b, NULL) > 0);
    world_close(&w);
}

static void another_kernel_is_noticed(void **state) {
    (void)state;
    RatioSetup s = standard;
    World absorbed = world_open(s);
    s.form = MLA_EXPANDED;
    World expanded = world_open(s);
    s = standard, s.precision = PRECISION_BF16;
    World bf16 = world_open(s);
    Batch *b = sampled(&absorbed, 0, 4, NULL, NULL, NULL);
    assert_int_equal(n_off(&absorbed, b, NULL), 0);
    assert_true(n_off(&expanded, b, NULL) > 0);
    assert_true(n_off(&bf16, b, NULL) > 0);
    world_close(&absorbed), world_close(&expanded), world_close(&bf16);
}

// A kernel with a second formula for few rows, as fast libraries have: K in two halves, each summed
// by itself. What a row gives then depends on how many rows are with it.
static bool skinny_is_other;
static void multiply_by_halves(const GemmJob *job) {
    const int kpad = up(job->k, K_BLOCK);
    if (!skinny_is_other || job->m > 4 || job->sa || job->from || kpad < 3 * K_BLOCK) {
        gemm_amx_emulated.multiply(job);
        return;
    }
    for (int n = 0; n < job->n; n += GEMM_PANEL) {
        GemmJob half = *job;
        half.n = least(GEMM_PANEL, job->n - n);
        half.b16 += (ptrdiff_t)n * kpad;
        half.c += n;
        half.k = K_BLOCK;
        gemm_amx_emulated.multiply(&half);
        half.k = job->k - K_BLOCK;
        half.a16 += K_BLOCK;
        half.b16 += K_BLOCK * GEMM_PANEL;
        half.accumulate = true;
        gemm_amx_emulated.multiply(&half);
    }
}

static void a_kernel_that_knows_its_batch_is_noticed(void **state) {
    (void)state;
    if (!gemm_set_supported(GEMM_AVX512)) {
        print_message("needs AVX-512 for emulated tiles\n");
        skip();
    }
    GemmKernel planted = gemm_amx_emulated;
    planted.multiply = multiply_by_halves;
    gemm_emulate(&planted);
    RatioSetup s = standard;
    s.precision = PRECISION_BF16, s.set = "amx", s.seqs = 4; // four rows a step, at most
    World w = world_open(s);
    for (int other = 0; other < 2; other++) {
        skinny_is_other = other;
        Batch *b = sampled(&w, 0, 2, NULL, NULL, NULL);
        const int off = n_off(&w, b, NULL);
        assert_true(other ? off > 0 : off == 0);
    }
    world_close(&w);
    gemm_emulate(NULL);
    assert_ok(gemm_select(NULL));
}

typedef struct Change {
    Policy *policy;
    bool changed;
    int length[32]; // of each response when the weights changed
} Change;

// New weights under the old version number, while pages made by the old ones are held.
static void change_weights(void *ctx, Batch *batch, int sample) {
    (void)sample;
    Change *c = ctx;
    if (c->changed) return;
    c->changed = true;
    for (int i = 0; i < batch->n_samples; i++) c->length[i] = batch_response_length(batch, i);
    int n;
    uint32_t version = policy_version(c->policy);
    ParamCopy *param = params_read(c->policy, &n);
    for (int i = 0; i < n; i++) {
        size_t size = (size_t)param[i].rows * (size_t)(param[i].cols ? param[i].cols : 1);
        for (size_t k = 0; k < size; k++) param[i].master[k] *= 1.01f;
    }
    params_write(c->policy, param);
    policy_sync(c->policy);
    policy_set_version(c->policy, version);
}

static void a_stale_page_is_noticed(void **state) {
    (void)state;
    RatioSetup s = standard;
    s.seqs = 4; // some begin after the change, on fresh pages
    World w = world_open(s);
    Change change = {.policy = w.policy};
    Batch *b = sampled(&w, 0, 6, change_weights, &change, NULL);
    assert_true(change.changed);
    // Drawn by the new weights, from keys and values made by the old ones.
    int stale = n_off(&w, b, change.length);
    for (int i = 0; i < 12; i++) change.length[i] = 1 << 20;
    assert_true(stale > 0);
    assert_int_equal(n_off(&w, b, change.length), 0); // the last two groups are clean
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ratio_is_one_on_every_row_of_the_table),
        cmocka_unit_test(composition_places_pages_and_threads_do_not_show),
        cmocka_unit_test(another_token_is_noticed),
        cmocka_unit_test(another_kernel_is_noticed),
        cmocka_unit_test(a_kernel_that_knows_its_batch_is_noticed),
        cmocka_unit_test(a_stale_page_is_noticed),
    };
    return cmocka_run_group_tests_name("rollout/engine on the policy", tests, NULL, NULL);
}
