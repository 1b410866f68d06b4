// tests/test_golden.c -- whole models against Hugging Face's code, forward and backward.
//
// tests/golden/make_deepseek.py and make_dense.py wrote weights, tokens, log-probs, entropies and
// gradients; both forms of MLA, and the dense families, must give them in fp32. Tolerances: fp32
// sums of at most a few hundred terms in another order; the absorbed form multiplies through the
// latent and rounds a little more.
#include <stdlib.h>

#include "base/arena.h"
#include "policy/files/checkpoint.h"
#include "policy/files/safetensors.h"
#include "tests/param.h"
#include "tests/test.h"

enum { N_SEQS = 3, CHUNK = 128 };

static const char *const models[] = {"deepseek-v3", "deepseek-v3-plain-q",
                                     "deepseek-v2", "deepseek-v2-lite",
                                     "llama3",      "llama-bias",
                                     "smollm2",     "qwen2",
                                     "qwen3",       "mistral"};
enum { N_MODELS = sizeof models / sizeof *models, N_DEEPSEEK = 4 };

static int forms_of(int model) {
    return model < N_DEEPSEEK ? 2 : 1;
}
// Dense models do without the latent and come closer.
static double tolerance_of(int model) {
    return model < N_DEEPSEEK ? 1e-5 : 2e-6;
}

typedef struct Golden {
    Arena *arena;
    Policy *policy;
    SafeTensors *file;
    Pack pack;
    float *logp, *entropy, *dlogp, *dentropy; // what they must be; the loss
    double temperature;
} Golden;

static float *values(const Golden *g, const char *name, int n) {
    float *v = ARENA_ARRAY(g->arena, float, n);
    assert_ok(safetensors_read(g->file, name, n, 0, v));
    return v;
}

static Golden open_golden(const char *name, MlaForm form) {
    Golden g = {.arena = arena_new(1 << 16)};
    const char *folder = arena_printf(g.arena, "tests/golden/%s", name);
    ModelConfig model;
    assert_ok(checkpoint_config(folder, &model));
    model.precision = PRECISION_FP32;
    model.mla_form = form;
    const PolicyOpts opts = {.trainable = true, .chunk_tokens = CHUNK, .max_seq_tokens = CHUNK};
    assert_ok(policy_new(&model, &opts, &g.policy));
    assert_ok(checkpoint_load(folder, g.policy));
    assert_ok(safetensors_open(arena_printf(g.arena, "%s/golden.safetensors", folder), &g.file));

    int n = (int)safetensors_find(g.file, "tokens")->dim[0];
    float *number = values(&g, "tokens", n), *begin = values(&g, "begin", N_SEQS);
    int32_t *token = ARENA_ARRAY(g.arena, int32_t, n);
    uint8_t *want = ARENA_ARRAY(g.arena, uint8_t, n);
    Seq *seq = ARENA_ARRAY(g.arena, Seq, N_SEQS);
    for (int i = 0; i < n; i++) token[i] = (int32_t)number[i], want[i] = 1;
    for (int s = 0; s < N_SEQS; s++) {
        seq[s] = (Seq){(int)begin[s], s + 1 < N_SEQS ? (int)begin[s + 1] : n, s};
        want[seq[s].begin] = 0;
    }
    g.pack = pack_make(token, want, seq, N_SEQS, g.arena);
    g.logp = values(&g, "logp", n), g.entropy = values(&g, "entropy", n);
    g.dlogp = values(&g, "dlogp", n), g.dentropy = values(&g, "dentropy", n);
    g.temperature = (double)*values(&g, "temperature", 1);
    return g;
}

static void close_golden(Golden *g) {
    policy_free(g->policy);
    safetensors_close(g->file);
    arena_free(g->arena);
}

static void log_probs_are_those_of_hugging_face(void **state) {
    (void)state;
    for (int m = 0; m < N_MODELS; m++)
        for (int form = 0; form < forms_of(m); form++) {
            Golden g = open_golden(models[m], (MlaForm)form);
            size_t n = (size_t)g.pack.n_tokens;
            float *logp = ARENA_ARRAY(g.arena, float, n), *entropy = ARENA_ARRAY(g.arena, float, n);
            const ScoreOpts opts = {.temperature = g.temperature};
            assert_ok(policy_score(g.policy, &g.pack, &opts, logp, entropy));
            assert_close(logp, g.logp, n, tolerance_of(m), 0);
            assert_close(entropy, g.entropy, n, tolerance_of(m), 0);
            close_golden(&g);
        }
}

static Status loss(void *ctx, int chunk_index, const Pack *chunk, const float *logp,
                   const float *entropy, float *dlogp, float *dentropy) {
    const Golden *g = (const Golden *)ctx;
    (void)chunk_index, (void)logp, (void)entropy;
    memcpy(dlogp, g->dlogp, (size_t)chunk->n_tokens * sizeof *dlogp);
    memcpy(dentropy, g->dentropy, (size_t)chunk->n_tokens * sizeof *dentropy);
    return ST_OK;
}

// Every gradient, by the largest magnitude in its tensor.
static void gradients_are_those_of_hugging_face(void **state) {
    (void)state;
    for (int m = 0; m < N_MODELS; m++)
        for (int form = 0; form < forms_of(m); form++) {
            Golden g = open_golden(models[m], (MlaForm)form);
            const ScoreOpts opts = {.temperature = g.temperature};
            assert_ok(train_all(g.policy, &g.pack, 1, &opts, loss, &g));
            int n_params, n_compared = 0;
            const ParamCopy *param = params_read(g.policy, &n_params);
            double worst = 0;
            const char *worst_name = "";
            for (int i = 0; i < n_params; i++) {
                const ParamCopy *p = &param[i];
                if (!p->trainable) continue;
                size_t n = (size_t)p->rows * (size_t)(p->cols ? p->cols : 1);
                float *want = ARENA_ARRAY(g.arena, float, n);
                assert_ok(safetensors_read(g.file, arena_printf(g.arena, "grad.%s", p->name),
                                           p->rows, p->cols, want));
                double largest = 1e-7, off = 0;
                for (size_t k = 0; k < n; k++) {
                    largest = fmax(largest, fabs((double)want[k]));
                    double by = fabs((double)want[k] - (double)p->grad[k]);
                    off = by <= off ? off : by; // a NaN stays
                }
                if (!(off / largest <= worst)) worst = off / largest, worst_name = p->name;
                n_compared++;
            }
            if (!(worst <= 1e-5))
                fail_msg("%s, %s form: gradient of %s is off by %.2e of its largest", models[m],
                         form == MLA_ABSORBED ? "absorbed" : "expanded", worst_name, worst);
            int n_grads = 0;
            for (int i = 0; i < safetensors_count(g.file); i++)
                n_grads += strncmp(safetensors_at(g.file, i)->name, "grad.", 5) == 0;
            assert_int_equal(n_compared, n_grads); // none left out
            close_golden(&g);
        }
}

// tests/golden/make_deepseek_eps.py: the latents' norms keep 1e-6 where rms_norm_eps is another.
static void the_norms_of_the_latents_keep_their_own_epsilon(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        Golden g = open_golden("deepseek-v3", (MlaForm)form);
        ModelConfig model = *policy_model(g.policy);
        const PolicyOpts opts = {.trainable = true, .chunk_tokens = CHUNK, .max_seq_tokens = CHUNK};
        SafeTensors *file;
        policy_free(g.policy);
        model.rms_norm_eps = 0.02;
        assert_ok(policy_new(&model, &opts, &g.policy));
        assert_ok(checkpoint_load("tests/golden/deepseek-v3", g.policy));
        assert_ok(safetensors_open("tests/golden/deepseek-v3/eps.safetensors", &file));
        int n = g.pack.n_tokens;
        float *want = ARENA_ARRAY(g.arena, float, n), *logp = ARENA_ARRAY(g.arena, float, n);
        assert_ok(safetensors_read(file, "logp", n, 0, want));
        ScoreOpts score = {.temperature = g.temperature};
        assert_ok(policy_score(g.policy, &g.pack, &score, logp, NULL));
        assert_close(logp, want, (size_t)n, 2e-5, 1e-5);
        safetensors_close(file);
        close_golden(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_norms_of_the_latents_keep_their_own_epsilon),
        cmocka_unit_test(log_probs_are_those_of_hugging_face),
        cmocka_unit_test(gradients_are_those_of_hugging_face),
    };
    return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
