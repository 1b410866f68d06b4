// tests/test_bits.c -- policy: log-probs, gradients, weights and draws are the bits they were.
//
// tests/golden/bits/policy.txt holds a hash of every result below, first computed at commit
// b5f713d. Every kernel set of this processor must give them (AMX: a few, on emulated tiles, where
// it is not here); those that are not run are named. Settings: three dense models and DeepSeek's in
// both forms (tests/same_bits.h), fp32, bf16 and fp8, one thread; a second run of the same in
// tests/ test_policy.c and others shows that threads change nothing.
//
// A change that is meant to change bits rewrites the file: BITS=write make ONLY=bits test; the
// commit that does so says why. Commands (zero, rl, sft, eval, generate) are test_bits.sh's.
#include <stdlib.h>

#include "rollout/engine.h"
#include "tests/same_bits.h"

enum { N_MODELS = N_DENSE + 2, MAX_LINES = 200 };
static const char *const model_name[N_MODELS] = {"llama", "qwen2", "qwen3", "absorbed", "expanded"};
static const char *const precision_name[] = {"fp32", "bf16", "fp8"};

static ModelConfig model_of(int which, int precision) {
    ModelConfig m = which < N_DENSE ? dense_model(which) : small_moe;
    if (which >= N_DENSE) m.mla_form = which == N_DENSE ? MLA_ABSORBED : MLA_EXPANDED;
    m.precision = (Precision)precision;
    m.initializer_range = 0.1;
    return m;
}

// ---- the file: "name hash" a line

typedef struct KnownBits {
    char name[MAX_LINES][64];
    uint64_t hash[MAX_LINES];
    int n;
    bool write;
} KnownBits;

static const char path[] = "tests/golden/bits/policy.txt";

static void known_open(KnownBits *k) {
    const char *how = getenv("BITS");
    memset(k, 0, sizeof *k);
    k->write = how && strcmp(how, "write") == 0;
    FILE *f = k->write ? NULL : fopen(path, "r");
    if (!k->write) assert_non_null(f);
    unsigned long long hash;
    while (f && k->n < MAX_LINES && fscanf(f, "%63s %llx", k->name[k->n], &hash) == 2)
        k->hash[k->n++] = hash;
    if (f) fclose(f);
}

static void known_close(const KnownBits *k) {
    if (!k->write) return;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < k->n; i++)
        fprintf(f, "%s %016llx\n", k->name[i], (unsigned long long)k->hash[i]);
    assert_int_equal(fclose(f), 0);
}

// The hash is the file's; when writing, the first kernel set says it and the others agree.
static void known_check(KnownBits *k, const char *name, uint64_t hash) {
    int at = 0;
    while (at < k->n && strcmp(k->name[at], name) != 0) at++;
    if (at == k->n && k->write && at < MAX_LINES) {
        snprintf(k->name[at], sizeof k->name[at], "%s", name);
        k->hash[k->n++] = hash;
    }
    if (at == k->n) fail_msg("%s is not in %s", name, path);
    if (k->hash[at] != hash)
        fail_msg("%s on %s: %016llx, was %016llx", name, gemm_set_name(gemm_set()),
                 (unsigned long long)hash, (unsigned long long)k->hash[at]);
}

static uint64_t add_hash(uint64_t hash, const void *data, size_t bytes) { // FNV-1a
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return hash;
}
static const uint64_t empty = 0xcbf29ce484222325u;

// ---- what is hashed

static uint64_t hash_params(Policy *p, bool grad) {
    size_t n;
    const float *all = params_part(p, grad ? PARAM_GRAD : PARAM_WEIGHT, &n);
    return add_hash(empty, all, n * sizeof *all);
}

static Status two_sided_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                             const float *entropy, float *dlogp, float *dentropy) {
    TRY(mean_loss(ctx, c, chunk, logp, entropy, dlogp, dentropy));
    for (int i = 0; i < chunk->n_tokens; i++) {
        dlogp[i] *= (float)(i % 3 - 1);
        dentropy[i] = dlogp[i] * 0.125f;
    }
    return ST_OK;
}

// Scored, trained for two chunks or more, stepped, scored again. `shared`: sequences 0 to 2 of a
// group begin with the same tokens, which are computed once.
static void check_training(KnownBits *k, const char *name, ModelConfig m, int n_sums, bool shared) {
    WaysText x;
    open_text(&x);
    int group[N_SEQS];
    for (int s = 0; s < N_SEQS; s++) group[s] = s / 3;
    for (int s = 0; shared && s < N_SEQS; s++) {
        const Seq *to = &x.seq[s], *from = &x.seq[s / 3 * 3 + 2];
        const int n = to->end - to->begin < 40 ? to->end - to->begin - 1 : 39;
        for (int t = 0; t < n; t++) {
            x.token[to->begin + t] = x.token[from->begin + t % (from->end - from->begin)];
            x.want[to->begin + t] = 0;
        }
    }
    int n_chunks;
    lanes = n_sums;
    Policy *p = make(m, NULL, true, 1, 400);
    lanes = 0;
    Pack *chunk = pack_chunks(x.token, x.want, x.seq, group, N_SEQS, 200, &n_chunks, x.arena);
    float logp[2 * N_TOKENS] = {0};
    assert_ok(policy_score(p, &x.pack, &warm, logp, logp + N_TOKENS));
    uint64_t hash = add_hash(empty, logp, sizeof logp);
    Mean sum = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    const AdamWConfig adam = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1, .router_bias_step = 1e-3};
    StepReport r;
    assert_ok(train_all(p, chunk, n_chunks, &o, two_sided_loss, &sum));
    char line[64];
    snprintf(line, sizeof line, "%s/logp", name);
    known_check(k, line, hash);
    snprintf(line, sizeof line, "%s/gradient", name);
    known_check(k, line, hash_params(p, true));
    assert_ok(policy_step(p, &adam, 1e-3, &r));
    assert_ok(policy_score(p, &x.pack, &warm, logp, NULL));
    snprintf(line, sizeof line, "%s/step", name);
    hash = add_hash(hash_params(p, false), logp, N_TOKENS * sizeof *logp);
    known_check(k, line, add_hash(hash, &r.grad_norm, sizeof r.grad_norm));
    policy_free(p);
    arena_free(x.arena);
}

// Prompts in pieces and tokens one by one; then samples of an engine, with nucleus and top-k.
static void check_drawing(KnownBits *k, const char *name, ModelConfig m) {
    WaysText x;
    open_text(&x);
    Policy *p = make(m, NULL, false, 1, 256);
    float logp[N_TOKENS];
    decode_text(p, &x, (BatchCut){180, 33, 5, 0x1ff}, logp);
    uint64_t hash = add_hash(empty, logp, sizeof logp);
    static const int32_t stop[] = {3};
    const SampleConfig rules = {.temperature = 0.8,
                                .top_k = 40,
                                .top_p = 0.95,
                                .min_p = 0.001,
                                .max_new_tokens = 24,
                                .stop_token = stop,
                                .n_stop_tokens = 1};
    const EngineOpts opts = {.policy = p,
                             .max_seqs = 12,
                             .kv_pages = 128,
                             .max_decode_rows = 1024,
                             .max_seq_tokens = MAX_SEQ,
                             .seed = 6};
    Engine *engine;
    assert_ok(engine_new(&opts, &engine));
    Batch *b = batch_new(4, 3, x.arena);
    for (int g = 0; g < 4; g++)
        batch_ask(b, g, NULL, (uint64_t)g, (uint64_t)g, x.token + 100 * g, 10 + 15 * g, x.arena);
    assert_ok(engine_sample(engine, b, &rules, RNG_SAMPLE, NULL, NULL, NULL, NULL, x.arena));
    for (int i = 0; i < b->n_samples; i++)
        for (int t = b->response_begin[i]; t < b->token_end[i]; t++) {
            hash = add_hash(hash, &b->token[t], sizeof b->token[t]);
            hash = add_hash(hash, &b->logp_roll[t], sizeof b->logp_roll[t]);
        }
    char line[64];
    snprintf(line, sizeof line, "%s/draws", name);
    known_check(k, line, hash);
    engine_free(engine);
    policy_free(p);
    arena_free(x.arena);
}

static void check_all(KnownBits *k, bool few) {
    for (int f = 0; f < 3 * N_MODELS; f++) {
        const int which = f % N_MODELS, precision = f / N_MODELS;
        if (few && which != (precision == 1 ? 0 : N_DENSE)) continue;
        if (few && precision == 0) continue;
        const ModelConfig m = model_of(which, precision);
        char name[48];
        snprintf(name, sizeof name, "%s/%s", model_name[which], precision_name[precision]);
        check_drawing(k, name, m);
        if (few || UNDER_TSAN) continue;
        snprintf(name, sizeof name, "%s/%s/lanes8", model_name[which], precision_name[precision]);
        check_training(k, name, m, 8, false);
        snprintf(name, sizeof name, "%s/%s/shared", model_name[which], precision_name[precision]);
        check_training(k, name, m, 1, true);
    }
}

static void every_kernel_set_gives_the_bits_of_before(void **state) {
    (void)state;
    static KnownBits k;
    known_open(&k);
    for (int set = GEMM_AVX2; set < GEMM_SETS; set++) {
        bool emulated;
        if (!set_is_here((GemmSet)set, &emulated)) {
            print_message("skipped: kernel set %s is not on this machine\n",
                          gemm_set_name((GemmSet)set));
            continue;
        }
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        check_all(&k, emulated);
        done_with_row(emulated);
    }
    known_close(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_set_gives_the_bits_of_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
