// tests/test_sharing.c -- policy: sequences of a group that share their prompt give what each would
// alone.
//
// Log-probabilities to the bit; gradients to what another order of the same sums may change.
#include "tests/same_bits.h"

enum { MAX_TOKENS = 4000, N_GROUPS = 8, CHUNK_SEQS = 40 };

// Prompt lengths, and answers of each group; what is odd about a group is said in open_groups.
static const int prompt_of[N_GROUPS] = {40, 30, 20, 30, 1, 150, 65, 3};
static const int answers[N_GROUPS][6] = {
    {30, 1, 17, 64, 2}, {10, 20, 5, 9, 13},    {40},  {12, 12, 30}, {5, 9, 70},
    {9, 20, 31, 1, 49}, {60, 3, 64, 1, 65, 9}, {8, 8}};

typedef struct Groups {
    Arena *arena;
    int32_t token[MAX_TOKENS];
    uint8_t want[MAX_TOKENS];
    Seq seq[CHUNK_SEQS];
    int group[CHUNK_SEQS], n_seqs, n_tokens;
    Pack plain, shared;
} Groups;

static void open_groups(Groups *x) {
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST});
    memset(x, 0, sizeof *x);
    x->arena = arena_new(1 << 16);
    for (int g = 0; g < N_GROUPS; g++) {
        int32_t prompt[2][MAX_SEQ];
        for (int i = 0; i < 2 * MAX_SEQ; i++)
            prompt[i / MAX_SEQ][i % MAX_SEQ] = (int32_t)rng_below(&rng, 53);
        memcpy(prompt[1], prompt[0], 3 * sizeof(int32_t));
        for (int i = 0; i < 6 && answers[g][i] > 0; i++) {
            const int begin = x->n_tokens, n = prompt_of[g];
            x->seq[x->n_seqs] = (Seq){begin, begin + n + answers[g][i], x->n_seqs};
            x->group[x->n_seqs++] = g;
            // group 1 has two prompts that begin alike
            memcpy(x->token + begin, prompt[g == 1 && i > 1], (size_t)n * sizeof *prompt[0]);
            x->n_tokens += n;
            for (int t = 0; t < answers[g][i]; t++, x->n_tokens++) {
                x->token[x->n_tokens] = (int32_t)rng_below(&rng, 53);
                if (g == 3 && t < 8) x->token[x->n_tokens] = t; // answers that begin alike
                if (g == 7) x->token[x->n_tokens] = 7;          // that are alike
                x->want[x->n_tokens] = t % 7 != 5;              // some are not wanted
            }
        }
    }
    x->plain = pack_make(x->token, x->want, x->seq, x->n_seqs, x->arena);
    x->shared = x->plain;
    pack_share(&x->shared, x->group, x->arena);
    assert_true(x->shared.n_rows < x->plain.n_rows * 2 / 3);
}

// The dense models, and DeepSeek's in both forms.
enum { N_MODELS = N_DENSE + 2 };
static ModelConfig model_of(int which) {
    if (which < N_DENSE) return dense_model(which);
    ModelConfig m = small_moe;
    m.mla_form = which == N_DENSE ? MLA_ABSORBED : MLA_EXPANDED;
    return m;
}

static const ScoreOpts balanced = {.temperature = 0.7, .balance_alpha = 0.3};

typedef struct KeptLogits { // log-prob and entropy of every token by its place in the text
    float logp[MAX_TOKENS], entropy[MAX_TOKENS];
    const Groups *text;
} KeptLogits;

// A loss with a gradient of its own for every token.
static Status odd_loss(void *ctx, int c, const Pack *chunk, const float *logp, const float *entropy,
                       float *dlogp, float *dentropy) {
    (void)c;
    KeptLogits *k = ctx;
    for (int s = 0; s < chunk->n_seqs; s++)
        for (int t = chunk->seq[s].begin; t < chunk->seq[s].end; t++) {
            const int at = chunk->offset[s] + t - chunk->seq[s].begin;
            k->logp[t] = logp[at], k->entropy[t] = entropy[at];
            if (!chunk->want[t]) continue;
            dlogp[at] = (float)(t % 5 - 2) * 0.01f;
            dentropy[at] = (float)(t % 3 - 1) * 0.005f;
        }
    return ST_OK;
}

// Bits of log-probs; gradients tensor by tensor, by the largest value in each.
static void assert_same(Policy *a, Policy *b, double rtol) {
    int n;
    const ParamCopy *x = params_read(a, &n), *y = params_read(b, &n);
    for (int i = 0; i < n; i++) {
        const size_t size = (size_t)x[i].rows * (size_t)(x[i].cols ? x[i].cols : 1);
        double most = 0, off = 0;
        for (size_t k = 0; x[i].trainable && k < size; k++) {
            most = fmax(most, fabs((double)x[i].grad[k]));
            const double by = fabs((double)x[i].grad[k] - (double)y[i].grad[k]);
            off = by <= off ? off : by; // a NaN stays
        }
        if (x[i].trainable && !x[i].expert && !(most > 0))
            fail_msg("%s has no gradient", x[i].name);
        if (!(off <= rtol * most))
            fail_msg("gradient of %s is off by %.3g of %.3g", x[i].name, off, most);
    }
}

static void shared_tokens_score_with_the_bits_of_their_own(void **state) {
    (void)state;
    Groups x;
    open_groups(&x);
    for (int set = GEMM_SETS - 1; set >= 0; set--) {
        bool emulated;
        if (!set_is_here((GemmSet)set, &emulated)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int f = 0; f < 3 * N_MODELS; f++) {
            if ((set == GEMM_PORTABLE || emulated) && f % N_MODELS != f / N_MODELS)
                continue; // slow
            ModelConfig m = model_of(f % N_MODELS);
            m.precision = (Precision)(f / N_MODELS);
            // blocks of the least, or one that holds all
            static float logp[2][MAX_TOKENS], entropy[2][MAX_TOKENS];
            Policy *p = make(m, NULL, false, 0, (set + f) % 2 ? 4000 : 200);
            assert_ok(policy_score(p, &x.plain, &warm, logp[0], entropy[0]));
            assert_ok(policy_score(p, &x.shared, &warm, logp[1], entropy[1]));
            assert_memory_equal(logp[0], logp[1], (size_t)x.n_tokens * sizeof(float));
            assert_memory_equal(entropy[0], entropy[1], (size_t)x.n_tokens * sizeof(float));
            policy_free(p);
        }
        done_with_row(emulated);
    }
    arena_free(x.arena);
}

// Chunks of one size, planned for chunks of another.
static Policy *train(ModelConfig m, const Groups *x, Pool *pool, int chunk_tokens, int planned,
                     KeptLogits *k) {
    Policy *p = make(m, pool, true, 0, planned);
    int n;
    Pack *chunk =
        pack_chunks(x->token, x->want, x->seq, x->group, x->n_seqs, chunk_tokens, &n, x->arena);
    memset(k, 0, sizeof *k);
    assert_ok(train_all(p, chunk, n, &balanced, odd_loss, k));
    return p;
}
static Policy *train_plain(ModelConfig m, const Groups *x, KeptLogits *k) {
    Policy *p = make(m, NULL, true, 0, MAX_TOKENS);
    memset(k, 0, sizeof *k);
    assert_ok(train_all(p, &x->plain, 1, &balanced, odd_loss, k));
    return p;
}

// A step of no size but for the experts' bias, which goes by how many tokens each one got: a shared
// token counts for every sequence.
static void assert_same_load(Policy *a, Policy *b) {
    const AdamWConfig cfg = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .router_bias_step = 1e-3};
    StepReport x, y;
    int n;
    assert_ok(policy_step(a, &cfg, 0, &x));
    assert_ok(policy_step(b, &cfg, 0, &y));
    assert_true(x.load_max > 0 && x.load_max == y.load_max && x.load_min == y.load_min);
    const ParamCopy *p = params_read(a, &n), *q = params_read(b, &n);
    for (int i = 0; i < n; i++)
        if (!p[i].trainable)
            assert_memory_equal(p[i].master, q[i].master, (size_t)p[i].rows * sizeof(float));
}

static void shared_tokens_train_as_their_own(void **state) {
    (void)state;
    // chunks that cut groups, whole groups, all in one, one that memory cuts into pieces
    static const int ways[][2] = {{100, 100}, {300, 300}, {4000, 4000}, {4000, 200}};
    static KeptLogits one, other;
    Groups x;
    open_groups(&x);
    for (int f = 0; f < 3 * N_MODELS; f++) {
        if (f >= N_MODELS && f % N_MODELS == f / N_MODELS) continue; // slow
        ModelConfig m = model_of(f % N_MODELS);
        m.precision = (Precision)(f / N_MODELS);
        Policy *plain = train_plain(m, &x, &one);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            if (f / N_MODELS > 0 && i != (size_t)f % 4) continue;
            Policy *shared = train(m, &x, NULL, ways[i][0], ways[i][1], &other);
            assert_memory_equal(one.logp, other.logp, sizeof one.logp);
            assert_memory_equal(one.entropy, other.entropy, sizeof one.entropy);
            // what shared rows pass back is rounded once, as a sum, and not for every sequence
            static const double rtol[] = {1e-5, 2e-2, 0.2};
            assert_same(plain, shared, rtol[m.precision]);
            if (m.family == FAMILY_MLA_MOE && (i == 3 || f >= N_MODELS))
                assert_same_load(plain, shared);
            policy_free(shared);
        }
        policy_free(plain);
    }
    arena_free(x.arena);
}

static void threads_that_share_a_chunk_change_no_bit(void **state) {
    (void)state;
    static KeptLogits kept;
    Groups x;
    open_groups(&x);
    for (int which = 0; which < N_MODELS; which++)
        for (lanes = 1; lanes <= (UNDER_TSAN ? 1 : 4); lanes += 3) { // one: all threads on a chunk
            float *want = NULL;
            size_t n;
            for (int threads = UNDER_TSAN ? 3 : 1; threads <= 3; threads++) {
                Pool *pool = pool_new(threads);
                Policy *p = train(model_of(which), &x, pool, 600, 600, &kept);
                const float *grad = params_part(p, PARAM_GRAD, &n);
                if (!want) {
                    want = ARENA_ARRAY(x.arena, float, n);
                    memcpy(want, grad, n * sizeof *want);
                }
                assert_memory_equal(want, grad, n * sizeof *want);
                policy_free(p);
                pool_free(pool);
            }
        }
    lanes = 0;
    arena_free(x.arena);
}

// Routes are of packed tokens: a shared one has its leader's. Those of another model make a
// difference.
static void routes_of_shared_tokens_are_those_of_their_own(void **state) {
    (void)state;
    enum { LAYERS = 2, K = 2 };
    static int16_t route[2][MAX_TOKENS * LAYERS * K];
    static float logp[3][MAX_TOKENS];
    static KeptLogits kept;
    Groups x;
    open_groups(&x);
    Policy *p = make(small_moe, NULL, true, 0, 400), *q = make(small_moe, NULL, false, 0, 400);
    policy_init(q, 8);
    Routes one = {route[0], LAYERS, K}, other = {route[1], LAYERS, K};
    const size_t size = (size_t)x.n_tokens * sizeof(float);
    ScoreOpts o = {.temperature = 1, .record = &one};
    assert_ok(policy_score(q, &x.plain, &o, logp[0], NULL));
    o.record = &other;
    assert_ok(policy_score(q, &x.shared, &o, logp[1], NULL));
    assert_memory_equal(route[0], route[1], (size_t)x.n_tokens * LAYERS * K * sizeof **route);
    memset(route[1], 0, sizeof route[1]);
    assert_ok(train_all(p, &x.shared, 1, &(ScoreOpts){.temperature = 1, .record = &other}, odd_loss,
                        &kept));
    o = (ScoreOpts){.temperature = 1, .record = &one};
    assert_ok(policy_score(p, &x.plain, &o, logp[2], NULL));
    assert_memory_equal(route[0], route[1], (size_t)x.n_tokens * LAYERS * K * sizeof **route);
    o.record = &other;
    assert_ok(policy_score(q, &x.plain, &o, logp[0], NULL)); // q's ways, taken by p
    o = (ScoreOpts){.temperature = 1, .replay = &other};
    assert_ok(policy_score(p, &x.plain, &o, logp[0], NULL));
    assert_ok(policy_score(p, &x.shared, &o, logp[1], NULL));
    assert_memory_equal(logp[0], logp[1], size);
    assert_true(memcmp(logp[0], logp[2], size) != 0);
    policy_free(p);
    policy_free(q);
    arena_free(x.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_tokens_score_with_the_bits_of_their_own),
        cmocka_unit_test(shared_tokens_train_as_their_own),
        cmocka_unit_test(threads_that_share_a_chunk_change_no_bit),
        cmocka_unit_test(routes_of_shared_tokens_are_those_of_their_own),
    };
    cmocka_set_test_filter(UNDER_TSAN ? "threads_*" : NULL); // the others run on one thread
    return cmocka_run_group_tests_name("policy/sharing", tests, NULL, NULL);
}
