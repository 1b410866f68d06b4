// tests/test_mtp_files.c -- MTP layers of a DeepSeek-V3 folder: computed as the reference of
// tests/golden/make_mtp.py says, saved, dropped, or started anew.
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "policy/files/checkpoint.h"
#include "policy/files/safetensors.h"
#include "policy/files/safewrite.h"
#include "tests/param.h"
#include "tests/test.h"

enum { N_SEQS = 4, CHUNK = 64 };
#define GOLDEN "tests/golden/deepseek-mtp"

static Arena *arena;
static char folder[] = "/tmp/test_mtp_files.XXXXXX";

static char *in_folder(const char *name) {
    return arena_printf(arena, "%s/%s", folder, name);
}

static Policy *load(const char *path, int n_mtp, bool drop, MlaForm form) {
    ModelConfig model;
    Policy *p = NULL;
    assert_ok(checkpoint_config(path, &model));
    model.precision = PRECISION_FP32;
    model.mla_form = form;
    model.n_mtp = n_mtp;
    model.drop_mtp = drop;
    const PolicyOpts opts = {.trainable = true, .chunk_tokens = CHUNK, .max_seq_tokens = CHUNK};
    assert_ok(policy_new(&model, &opts, &p));
    assert_ok(checkpoint_load(path, p));
    return p;
}

static float *golden_values(const SafeTensors *file, const char *name, int rows, int cols) {
    float *v = ARENA_ARRAY(arena, float, rows *(cols > 0 ? cols : 1));
    assert_ok(safetensors_read(file, name, rows, cols, v));
    return v;
}

typedef struct GoldenLoss {
    const float *dlogp, *logp;
    double sum;
} GoldenLoss;

static Status golden_loss(void *ctx, int chunk_index, const Pack *chunk, const float *logp,
                          const float *entropy, float *dlogp, float *dentropy) {
    (void)chunk_index, (void)entropy, (void)dentropy;
    GoldenLoss *g = ctx;
    assert_close(logp, g->logp, (size_t)chunk->n_tokens, 1e-5, 0);
    memcpy(dlogp, g->dlogp, (size_t)chunk->n_tokens * sizeof *dlogp);
    for (int i = 0; i < chunk->n_tokens; i++) g->sum += (double)dlogp[i] * (double)logp[i];
    return ST_OK;
}

static double sum_of(const float *v, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)v[i];
    return sum;
}

static void check_golden(const SafeTensors *file, int modules, MlaForm form) {
    Policy *p = load(GOLDEN, modules, false, form);
    const int n = (int)safetensors_find(file, "tokens")->dim[0];
    const float *number = golden_values(file, "tokens", n, 0);
    const float *begin = golden_values(file, "begin", N_SEQS, 0);
    int32_t *token = ARENA_ARRAY(arena, int32_t, n);
    uint8_t *want = ARENA_ARRAY(arena, uint8_t, n);
    Seq seq[N_SEQS];
    for (int i = 0; i < n; i++) token[i] = (int32_t)number[i], want[i] = 1;
    for (int s = 0; s < N_SEQS; s++) {
        seq[s] = (Seq){(int)begin[s], s + 1 < N_SEQS ? (int)begin[s + 1] : n, s};
        want[seq[s].begin] = 0;
    }
    const Pack pack = pack_make(token, want, seq, N_SEQS, arena);
    const double scale = (double)*golden_values(file, "mtp_scale", 1, 0);
    GoldenLoss g = {.dlogp = golden_values(file, "dlogp", n, 0),
                    .logp = golden_values(file, "logp", n, 0)};
    MtpLoss mtp[2] = {{0}};
    const ScoreOpts opts = {.temperature = 1, .mtp_scale = scale, .mtp_loss = mtp};
    assert_ok(train_all(p, &pack, 1, &opts, golden_loss, &g));
    double loss = g.sum;
    for (int k = 0; k < modules; k++) {
        const double sum = -sum_of(golden_values(file, k ? "mtp2" : "mtp1", n, 0), n);
        assert_true(fabs(mtp[k].sum - sum) < 2e-4);
        loss += scale / modules * mtp[k].sum;
    }
    assert_true(
        fabs(loss - (double)*golden_values(file, modules == 1 ? "loss_1" : "loss_2", 1, 0)) < 1e-5);
    int n_params, compared = 0, given = 0;
    const ParamCopy *param = params_read(p, &n_params);
    double worst = 0;
    const char *name = "";
    for (int i = 0; i < n_params; i++) {
        const ParamCopy *q = &param[i];
        if (!q->trainable) continue;
        const size_t size = (size_t)q->rows * (size_t)(q->cols ? q->cols : 1);
        const float *want_grad = golden_values(
            file, arena_printf(arena, "grad_%d.%s", modules, q->name), q->rows, q->cols);
        double largest = 1e-7, off = 0;
        for (size_t k = 0; k < size; k++) {
            largest = fmax(largest, fabs((double)want_grad[k]));
            const double by = fabs((double)want_grad[k] - (double)q->grad[k]);
            off = by <= off ? off : by; // a NaN stays
        }
        if (!(off / largest <= worst)) worst = off / largest, name = q->name;
        compared++;
    }
    if (!(worst <= 1e-5)) fail_msg("gradient of %s is off by %.2e of its largest", name, worst);
    char prefix[24];
    snprintf(prefix, sizeof prefix, "grad_%d.", modules);
    for (int i = 0; i < safetensors_count(file); i++)
        given += strncmp(safetensors_at(file, i)->name, prefix, strlen(prefix)) == 0;
    assert_int_equal(compared, given);
    policy_free(p);
}

static void modules_are_those_of_the_reference(void **state) {
    (void)state;
    SafeTensors *file = NULL;
    assert_ok(safetensors_open(GOLDEN "/golden.safetensors", &file));
    for (int modules = 1; modules <= 2; modules++)
        for (int form = 0; form < 2; form++) check_golden(file, modules, (MlaForm)form);
    safetensors_close(file);
}

static int published_layers(const char *path) {
    ModelConfig model;
    assert_ok(checkpoint_config(path, &model));
    return model.n_mtp_published;
}

// Every tensor of folder a is in folder b with the same values; how many of layers 3, 4, ... b has.
static int assert_same_tensors(const char *a, const char *b, bool all) {
    SafeTensors *from = NULL, *to = NULL;
    int predicting = 0;
    assert_ok(safetensors_open(a, &from));
    assert_ok(safetensors_open(b, &to));
    for (int i = 0; i < safetensors_count(from); i++) {
        const SafeTensor *t = safetensors_at(from, i), *u = safetensors_find(to, t->name);
        int layer = -1;
        const bool ahead = sscanf(t->name, "model.layers.%d.", &layer) == 1 && layer >= 3;
        predicting += u && ahead;
        if (!u && !all && ahead) continue;
        if (!u) fail_msg("%s is lost", t->name);
        const int64_t rows = safetensors_n_rows(t), size = rows * safetensors_n_cols(t);
        float *x = ARENA_ARRAY(arena, float, size), *y = ARENA_ARRAY(arena, float, size);
        assert_ok(safetensors_rows(from, t, 0, rows, x));
        assert_ok(safetensors_rows(to, u, 0, rows, y));
        assert_memory_equal(x, y, (size_t)size * sizeof *x);
    }
    if (all) assert_int_equal(safetensors_count(from), safetensors_count(to));
    safetensors_close(from);
    safetensors_close(to);
    return predicting;
}

// Computed or carried along, a folder comes out with all its tensors.
static void a_folder_is_saved_with_its_modules(void **state) {
    (void)state;
    for (int n_mtp = 0; n_mtp <= 2; n_mtp++) {
        const char *out = in_folder(arena_printf(arena, "kept%d", n_mtp));
        Policy *p = load(GOLDEN, n_mtp, false, MLA_ABSORBED);
        assert_ok(checkpoint_save(out, p, NULL, "f32"));
        policy_free(p);
        assert_true(assert_same_tensors(GOLDEN, out, true) > 60);
        assert_int_equal(published_layers(out), 2);
    }
}

static void modules_are_dropped_where_asked(void **state) {
    (void)state;
    for (int n_mtp = 0; n_mtp <= 2; n_mtp++) {
        const char *out = in_folder(arena_printf(arena, "dropped%d", n_mtp));
        Policy *p = load(GOLDEN, n_mtp, true, MLA_ABSORBED);
        assert_ok(checkpoint_save(out, p, NULL, "f32"));
        policy_free(p);
        assert_int_equal(assert_same_tensors(GOLDEN, out, false), 0);
        assert_int_equal(published_layers(out), 0);
        policy_free(load(out, 0, false, MLA_ABSORBED));
    }
}

// A model without modules gets new ones; saved, they are there, and the same from then on.
static void missing_modules_start_anew(void **state) {
    (void)state;
    const char *out = in_folder("new"), *again = in_folder("again");
    Policy *p = load("tests/golden/deepseek-v3", 1, false, MLA_ABSORBED);
    int n;
    const ParamCopy *param = params_read(p, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(param[i].name, "model.layers.3.eh_proj.weight") == 0)
            assert_true(param[i].master[0] != 0 && param[i].master[1] != param[i].master[0]);
    assert_ok(checkpoint_save(out, p, NULL, "f32"));
    policy_free(p);
    assert_int_equal(published_layers(out), 1);
    p = load(out, 1, false, MLA_ABSORBED);
    assert_ok(checkpoint_save(again, p, NULL, "f32"));
    policy_free(p);
    assert_same_tensors(out, again, true);
}

// A module whose head is not the model's would be computed wrongly: refused, but carried along.
static void a_module_with_a_head_of_its_own_is_refused(void **state) {
    (void)state;
    SafeTensors *file = NULL;
    const char *path = in_folder("own");
    assert_ok(safetensors_open(GOLDEN, &file));
    const int n = safetensors_count(file);
    TensorSource *source = ARENA_ARRAY(arena, TensorSource, n);
    for (int i = 0; i < n; i++) {
        const SafeTensor *t = safetensors_at(file, i);
        source[i] = (TensorSource){.name = t->name, .raw = t};
        if (strcmp(t->name, "model.layers.3.shared_head.head.weight") != 0) continue;
        float *head = ARENA_ARRAY(arena, float, t->dim[0] * t->dim[1]);
        assert_ok(safetensors_rows(file, t, 0, t->dim[0], head));
        head[1] += 0.5f;
        source[i] = tensor_source(t->name, (int)t->dim[0], (int)t->dim[1], head);
    }
    assert_ok(file_mkdirs(path));
    assert_ok(safewrite_model(path, source, n, DTYPE_F32, (size_t)1 << 30));
    safetensors_close(file);
    char *config = NULL;
    size_t size;
    assert_ok(file_read(GOLDEN "/config.json", &config, &size, arena));
    assert_ok(file_write_atomic(arena_printf(arena, "%s/config.json", path), config, size));
    policy_free(load(path, 0, false, MLA_ABSORBED));
    ModelConfig model;
    Policy *p = NULL;
    assert_ok(checkpoint_config(path, &model));
    model.n_mtp = 1;
    const PolicyOpts opts = {.chunk_tokens = 8, .max_seq_tokens = 8};
    assert_ok(policy_new(&model, &opts, &p));
    assert_int_equal(checkpoint_load(path, p), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "model.layers.3.shared_head.head.weight"));
    assert_non_null(strstr(status_text(), "model.mtp=0"));
    policy_free(p);
}

int main(void) {
    arena = arena_new(1 << 16);
    if (!mkdtemp(folder)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_those_of_the_reference),
        cmocka_unit_test(a_folder_is_saved_with_its_modules),
        cmocka_unit_test(modules_are_dropped_where_asked),
        cmocka_unit_test(missing_modules_start_anew),
        cmocka_unit_test(a_module_with_a_head_of_its_own_is_refused),
    };
    int failed = cmocka_run_group_tests_name("mtp files", tests, NULL, NULL);
    if (file_remove_tree(folder) != ST_OK) failed = 1;
    arena_free(arena);
    return failed;
}
