// tests/test_checkpoint.c -- policy/files/checkpoint and runstate: what is saved comes back, what
// is damaged changes nothing, and a failing disk leaves the older one.
#include "policy/files/checkpoint.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "policy/files/config_hf.h"
#include "policy/files/safewrite.h"
#include "tests/param.h"
#include "tests/test.h"

static Arena *arena;
static char folder[] = "/tmp/test_checkpoint.XXXXXX";

static char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static Policy *make(const char *golden, uint64_t seed) {
    ModelConfig model;
    Policy *p = NULL;
    assert_ok(config_hf_read(arena_printf(arena, "tests/golden/%s", golden), &model));
    model.precision = PRECISION_FP32;
    model.mla_form = MLA_EXPANDED;
    const PolicyOpts opts = {.trainable = true, .chunk_tokens = 64, .max_seq_tokens = 64};
    assert_ok(policy_new(&model, &opts, &p));
    policy_init(p, seed);
    return p;
}

static size_t count(const ParamCopy *p) {
    return (size_t)p->rows * (size_t)(p->cols ? p->cols : 1);
}

static void assert_same(Policy *a, Policy *b, bool moments) {
    int n, m;
    const ParamCopy *pa = params_read(a, &n), *pb = params_read(b, &m);
    assert_int_equal(n, m);
    for (int i = 0; i < n; i++) {
        assert_memory_equal(pa[i].master, pb[i].master, count(&pa[i]) * 4);
        if (!moments || !pa[i].m) continue;
        assert_memory_equal(pa[i].m, pb[i].m, count(&pa[i]) * 4);
        assert_memory_equal(pa[i].v, pb[i].v, count(&pa[i]) * 4);
    }
}

static Status plain_loss(void *ctx, int chunk_index, const Pack *chunk, const float *logp,
                         const float *entropy, float *dlogp, float *dentropy) {
    (void)ctx, (void)chunk_index, (void)logp, (void)entropy, (void)dentropy;
    for (int i = 0; i < chunk->n_tokens; i++) dlogp[i] = -1.0f / 31;
    return ST_OK;
}

// One optimiser step, so that moments and counters are not zero.
static void step(Policy *p) {
    int32_t token[32];
    uint8_t want[32];
    for (int i = 0; i < 32; i++) token[i] = i * 7 % 61, want[i] = i > 0;
    const Seq seq = {0, 32, 0};
    Pack pack = pack_make(token, want, &seq, 1, arena);
    const ScoreOpts opts = {.temperature = 1};
    const AdamWConfig adamw = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01};
    StepReport report;
    assert_ok(train_all(p, &pack, 1, &opts, plain_loss, NULL));
    assert_ok(policy_step(p, &adamw, 1e-2, &report));
}

static void a_model_folder_comes_back(void **state) {
    (void)state;
    static const char *const golden[] = {"deepseek-v3", "deepseek-v3-plain-q", "deepseek-v2"};
    Tokenizer *tokenizer = NULL;
    assert_ok(tokenizer_load("datasets/desk/tokenizer.json", &tokenizer));
    for (int i = 0; i < 3; i++) {
        char *path = in_folder("model");
        Policy *a = make(golden[i], 1), *b = make(golden[i], 2);
        assert_ok(checkpoint_save(path, a, tokenizer, "f32"));
        assert_ok(checkpoint_save(arena_printf(arena, "%s/", path), a, tokenizer, "f32")); // again
        ModelConfig model;
        assert_ok(checkpoint_config(path, &model));
        ModelConfig saved = *policy_model(a);
        saved.n_mtp_published = 0; // nothing of the golden folder's config is carried along
        assert_memory_equal(&model, &saved, sizeof model);
        assert_ok(checkpoint_load(path, b));
        assert_same(a, b, false);
        Tokenizer *back = NULL;
        assert_ok(tokenizer_load(path, &back));
        assert_int_equal(tokenizer_size(back), tokenizer_size(tokenizer));
        tokenizer_free(back);
        assert_false(file_exists(in_folder("model.tmp")));
        assert_true(file_exists(in_folder("model/generation_config.json")));
        policy_free(a);
        policy_free(b);
    }
    tokenizer_free(tokenizer);
}

static void bf16_halves_the_file_and_rounds(void **state) {
    (void)state;
    Policy *a = make("deepseek-v3", 1), *b = make("deepseek-v3", 2);
    assert_ok(checkpoint_save(in_folder("bf16"), a, NULL, "bf16"));
    assert_ok(checkpoint_load(in_folder("bf16"), b));
    int n;
    const ParamCopy *pa = params_read(a, &n), *pb = params_read(b, &n);
    for (int i = 0; i < n; i++)
        assert_close(pb[i].master, pa[i].master, count(&pa[i]), 0, 1.0 / 256);
    assert_int_equal(checkpoint_save(in_folder("bf16"), a, NULL, "f8"), ST_CONFIG);
    policy_free(a);
    policy_free(b);
}

// Writes the weights of p, but with one entry changed by `edit`, and loads them into another.
static void refused_weights(TensorSource (*edit)(TensorSource), const char *word) {
    Policy *p = make("deepseek-v3", 1);
    int n;
    const ParamCopy *param = params_read(p, &n);
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, n);
    for (int i = 0; i < n; i++)
        source[i] = tensor_source(param[i].name, param[i].rows, param[i].cols, param[i].master);
    int at = n / 2;
    source[at] = edit(source[at]);
    assert_ok(file_mkdirs(in_folder("bad")));
    assert_ok(safewrite_model(in_folder("bad"), source, n, DTYPE_F32, (size_t)1 << 30));
    assert_int_equal(checkpoint_load(in_folder("bad"), p), ST_FORMAT);
    if (!strstr(status_text(), word)) fail_msg("'%s' not in: %s", word, status_text());
    assert_non_null(strstr(status_text(), "model.safetensors"));
    policy_free(p);
}

static TensorSource renamed(TensorSource s) {
    return s.name = "model.stranger.weight", s;
}
static TensorSource reshaped(TensorSource s) {
    return s.dim[0]--, s;
}
static float nans[1 << 16];
static TensorSource poisoned(TensorSource s) {
    return s.value = nans, s;
}

static void weights_that_do_not_fit_are_named(void **state) {
    (void)state;
    for (int i = 0; i < 1 << 16; i++) nans[i] = NAN;
    refused_weights(renamed, "model.stranger.weight");
    refused_weights(reshaped, "wanted");
    refused_weights(poisoned, "not finite");
    Policy *p = make("deepseek-v3", 1);
    assert_int_equal(checkpoint_load("tests/golden/deepseek-v2", p), ST_FORMAT); // fewer layers
    assert_non_null(strstr(status_text(), "model.layers."));
    assert_int_equal(checkpoint_load(in_folder("nowhere"), p), ST_FORMAT);
    policy_free(p);
}

static void run_state_comes_back_to_the_bit(void **state) {
    (void)state;
    char *path = in_folder("state");
    Policy *a = make("deepseek-v3", 1), *b = make("deepseek-v3", 2);
    step(a);
    step(a);
    assert_ok(checkpoint_state_save(path, a, "position 7\0x", 12));
    void *extra;
    size_t size;
    assert_ok(checkpoint_state_load(path, b, &extra, &size, arena));
    assert_same(a, b, true);
    assert_int_equal(size, 12);
    assert_memory_equal(extra, "position 7\0x", 12);
    assert_int_equal(policy_steps(b), 2);
    assert_int_equal(policy_version(b), policy_version(a));
    step(a); // and goes on as if it had never stopped
    step(b);
    assert_same(a, b, true);
    policy_free(a);
    policy_free(b);
}

static void a_damaged_state_changes_nothing(void **state) {
    (void)state;
    char *path = in_folder("state"), *bytes;
    size_t size, n;
    void *extra;
    Policy *a = make("deepseek-v3-plain-q", 1), *b = make("deepseek-v3-plain-q", 2);
    Policy *same = make("deepseek-v3-plain-q", 2);
    step(a);
    assert_ok(checkpoint_state_save(path, a, "extra", 5));
    assert_ok(file_read(path, &bytes, &size, arena));
    for (size_t k = 0; k < 60; k++) { // flip a bit here and there, also in header and extra
        size_t at = k < 8 ? k * 5 : k < 12 ? size - k + 7 : (size - 1) * k / 60;
        bytes[at] ^= 4;
        assert_ok(file_write_atomic(path, bytes, size));
        assert_int_equal(checkpoint_state_load(path, b, &extra, &n, arena), ST_FORMAT);
        assert_non_null(strstr(status_text(), path));
        bytes[at] ^= 4;
    }
    for (size_t cut = 0; cut < size; cut += size / 40) {
        assert_ok(file_write_atomic(path, bytes, cut));
        assert_int_equal(checkpoint_state_load(path, b, &extra, &n, arena), ST_FORMAT);
    }
    bytes[size] = 'x'; // where file_read put its zero
    assert_ok(file_write_atomic(path, bytes, size + 1));
    assert_int_equal(checkpoint_state_load(path, b, &extra, &n, arena), ST_FORMAT);
    assert_same(b, same, true);
    assert_ok(file_write_atomic(path, bytes, size));
    Policy *other = make("deepseek-v3", 1);
    assert_int_equal(checkpoint_state_load(path, other, &extra, &n, arena), ST_CONFIG);
    assert_non_null(strstr(status_text(), "another model"));
    assert_ok(checkpoint_state_load(path, b, &extra, &n, arena));
    assert_same(a, b, true);
    policy_free(a), policy_free(b), policy_free(same), policy_free(other);
}

// Files may not grow past `bytes`: what a full disk looks like to a writer.
static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_leaves_the_older_one(void **state) {
    (void)state;
    char *model = in_folder("kept"), *path = in_folder("kept.state");
    Policy *a = make("deepseek-v3", 1), *b = make("deepseek-v3", 2), *c = make("deepseek-v3", 3);
    void *extra;
    size_t n;
    assert_ok(checkpoint_save(model, a, NULL, "f32"));
    assert_ok(checkpoint_state_save(path, a, NULL, 0));
    signal(SIGXFSZ, SIG_IGN);
    limit_files(20000);
    Status st_model = checkpoint_save(model, b, NULL, "f32");
    bool named = strstr(status_text(), "model.safetensors") != NULL;
    Status st_state = checkpoint_state_save(path, b, NULL, 0);
    bool named_state = strstr(status_text(), "kept.state") != NULL;
    limit_files(RLIM_INFINITY);
    assert_int_equal(st_model, ST_IO);
    assert_int_equal(st_state, ST_IO);
    assert_true(named && named_state);
    assert_false(file_exists(in_folder("kept.tmp")));
    assert_ok(checkpoint_load(model, c));
    assert_same(c, a, false);
    assert_ok(checkpoint_state_load(path, c, &extra, &n, arena));
    assert_same(c, a, true);
    assert_int_equal(n, 0);
    policy_free(a), policy_free(b), policy_free(c);
}

int main(void) {
    arena = arena_new(1 << 20);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_folder_comes_back),
        cmocka_unit_test(bf16_halves_the_file_and_rounds),
        cmocka_unit_test(weights_that_do_not_fit_are_named),
        cmocka_unit_test(run_state_comes_back_to_the_bit),
        cmocka_unit_test(a_damaged_state_changes_nothing),
        cmocka_unit_test(a_full_disk_leaves_the_older_one),
    };
    int failed = cmocka_run_group_tests_name("policy/files/checkpoint", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    arena_free(arena);
    return failed;
}
