// tests/test_mtp.c -- MTP modules: their gradients against finite differences; that they change
// nothing where they are not trained.
//
// Loss = main loss (a_t ln p_t with random a) + scale / n * sum over modules of -ln p of the tokens
// they predict. Routes of the model are replayed; the modules' selection bias is so large that
// their choice never moves.
#include <math.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/rng.h"
#include "policy/policy.h"
#include "tests/param.h"
#include "tests/test.h"

enum { N_SEQS = 5, N_TOKENS = 2 + 60 + 1 + 16 + 3 };

static const ModelConfig tiny = {
    .family = FAMILY_MLA_MOE,
    .vocab_size = 37,
    .hidden_size = 40,
    .intermediate_size = 56,
    .n_layers = 2,
    .n_heads = 3,
    .max_position = 128,
    .rms_norm_eps = 1e-5,
    .bos_id = -1,
    .eos_id = 0,
    .rope = {.theta = 10000},
    .q_lora_rank = 24,
    .kv_lora_rank = 20,
    .qk_nope_head_dim = 12,
    .qk_rope_head_dim = 6,
    .v_head_dim = 10,
    .first_k_dense = 1,
    .moe_layer_freq = 1,
    .moe_intermediate_size = 24,
    .n_routed_experts = 8,
    .n_shared_experts = 1,
    .n_experts_per_tok = 3,
    .n_group = 4,
    .topk_group = 2,
    .norm_topk_prob = true,
    .routed_scaling_factor = 1.5,
    .scoring = ROUTER_SIGMOID,
    .topk_method = TOPK_NOAUX_TC,
};

typedef struct MtpProblem {
    Arena *arena;
    Policy *policy;
    Pool *pool;
    int32_t token[N_TOKENS];
    uint8_t want[N_TOKENS];
    Seq seq[N_SEQS];
    Pack *chunk;
    int n_chunks, n_mtp;
    float a[N_TOKENS];
    double main_sum[N_SEQS];
    Routes routes;
    ScoreOpts opts;
} MtpProblem;

static const double scale = 0.05;

static Status linear_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                          const float *entropy, float *dlogp, float *dentropy) {
    (void)entropy, (void)dentropy;
    MtpProblem *q = ctx;
    double sum = 0;
    for (int s = 0; s < chunk->n_seqs; s++)
        for (int t = 0; t < chunk->seq[s].end - chunk->seq[s].begin; t++) {
            const int at = chunk->offset[s] + t;
            dlogp[at] = q->a[chunk->seq[s].begin + t];
            sum += (double)dlogp[at] * (double)logp[at];
        }
    q->main_sum[c] = sum;
    return ST_OK;
}

static void open_problem(MtpProblem *q, ModelConfig m, int cap, int chunk_tokens, int threads) {
    Rng rng = rng_open((RngKey){.seed = 3, .stream = RNG_TEST});
    *q = (MtpProblem){.arena = arena_new(1 << 16), .n_mtp = m.n_mtp};
    const int length[N_SEQS] = {2, 60, 1, 16, 3};
    for (int s = 0, at = 0; s < N_SEQS; at += length[s++]) q->seq[s] = (Seq){at, at + length[s], s};
    for (int i = 0; i < N_TOKENS; i++) {
        q->token[i] = (int32_t)rng_below(&rng, 37);
        q->want[i] = rng_below(&rng, 4) > 0;
        q->a[i] = (float)rng_normal(&rng) * 0.3f;
    }
    for (int s = 0; s < N_SEQS; s++) q->want[q->seq[s].begin] = 0;
    for (int i = 0; i < N_TOKENS; i++)
        if (!q->want[i]) q->a[i] = 0;
    q->chunk =
        pack_chunks(q->token, q->want, q->seq, NULL, N_SEQS, chunk_tokens, &q->n_chunks, q->arena);
    PolicyOpts o = {.trainable = true, .chunk_tokens = cap, .max_seq_tokens = 60};
    if (threads > 1) o.pool = q->pool = pool_new(threads);
    assert_ok(policy_new(&m, &o, &q->policy));
    policy_init(q->policy, 11);
    int n;
    ParamCopy *p = params_read(q->policy, &n);
    for (int i = 0; i < n; i++) // gains and bias away from 1 and 0
        for (int j = 0; p[i].cols == 0 && j < p[i].rows; j++)
            p[i].master[j] += (float)rng_normal(&rng) * (p[i].trainable ? 0.2f : 0.05f);
    for (int i = 0; i < n; i++) {
        if (strcmp(p[i].name, "lm_head.weight") == 0)
            for (int j = 0; j < p[i].rows * p[i].cols; j++) p[i].master[j] *= 8;
        int layer = -1;
        if (p[i].trainable || sscanf(p[i].name, "model.layers.%d.", &layer) != 1) continue;
        for (int j = 0; layer >= m.n_layers && j < p[i].rows; j++)
            p[i].master[j] = (float)((j * 5) % 8) * 10;
    }
    params_write(q->policy, p);
    policy_sync(q->policy);
    int layers = 0;
    for (int l = 0; l < m.n_layers; l++) layers += model_is_moe(&m, l);
    q->routes.n_moe_layers = layers;
    q->routes.k = m.n_experts_per_tok;
    q->routes.route = ARENA_ARRAY(q->arena, int16_t, N_TOKENS * (layers + 1) * m.n_experts_per_tok);
    float logp[N_TOKENS];
    Pack all = pack_make(q->token, q->want, q->seq, N_SEQS, q->arena);
    assert_ok(policy_score(q->policy, &all, &(ScoreOpts){.temperature = 1, .record = &q->routes},
                           logp, NULL));
    q->opts = (ScoreOpts){.temperature = 1, .replay = &q->routes, .mtp_scale = scale};
}

static void close_problem(MtpProblem *q) {
    policy_free(q->policy);
    pool_free(q->pool);
    arena_free(q->arena);
}

static double train(MtpProblem *q, MtpLoss *loss) {
    memset(loss, 0, (size_t)q->n_mtp * sizeof *loss);
    q->opts.mtp_loss = loss;
    assert_ok(train_all(q->policy, q->chunk, q->n_chunks, &q->opts, linear_loss, q));
    double sum = 0;
    for (int c = 0; c < q->n_chunks; c++) sum += q->main_sum[c];
    for (int k = 0; k < q->n_mtp; k++) sum += scale / q->n_mtp * loss[k].sum;
    return sum;
}

static double value_at(MtpProblem *q, int i, ParamCopy *p, const float *base, const double *dir,
                       int n, double h) {
    MtpLoss loss[2];
    for (int j = 0; j < n; j++) p->master[j] = (float)((double)base[j] + h * dir[j]);
    param_write(q->policy, i, p);
    policy_sync(q->policy);
    const double value = train(q, loss);
    policy_zero_grad(q->policy);
    return value;
}

static double check_direction(MtpProblem *q, int i, ParamCopy *p, const float *base,
                              const double *dir, int size, double h, double unit, double bound) {
    double want = 0, norm = 0, len = 0;
    for (int j = 0; j < size; j++) {
        want += dir[j] * (double)p->grad[j];
        norm += (double)p->grad[j] * (double)p->grad[j];
        len += dir[j] * dir[j];
    }
    if (len == 0) return 0;
    const double wide =
        (value_at(q, i, p, base, dir, size, h) - value_at(q, i, p, base, dir, size, -h)) / (2 * h);
    const double near =
        (value_at(q, i, p, base, dir, size, h / 2) - value_at(q, i, p, base, dir, size, -h / 2)) /
        h;
    memcpy(p->master, base, (size_t)size * sizeof *base);
    param_write(q->policy, i, p);
    const double got = (4 * near - wide) / 3, off = fabs(got - want) / (sqrt(norm) * unit + 1e-4);
    if (off > bound)
        fail_msg("%s: |g| %.3g, derivative %.7g, finite difference %.7g, off by %.2g", p->name,
                 sqrt(norm), want, got, off);
    return off;
}

static void check_model(ModelConfig m) {
    MtpProblem q;
    MtpLoss loss[2];
    open_problem(&q, m, 128, 128, 1);
    train(&q, loss);
    int n;
    ParamCopy *p = params_read(q.policy, &n);
    policy_zero_grad(q.policy);
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST});
    double worst[2] = {0};
    int of_modules = 0;
    for (int i = 0; i < n; i++) {
        if (!p[i].trainable) continue;
        int layer = -1;
        sscanf(p[i].name, "model.layers.%d.", &layer);
        of_modules += layer >= m.n_layers;
        // experts: the first and the last layer's; others are like them
        if (p[i].expert && strstr(p[i].name, ".experts.2.") == NULL) continue;
        const int size = p[i].rows * (p[i].cols > 0 ? p[i].cols : 1);
        ArenaMark mark = arena_mark(q.arena);
        double *dir = ARENA_ARRAY(q.arena, double, size);
        float *base = ARENA_ARRAY(q.arena, float, size);
        memcpy(base, p[i].master, (size_t)size * sizeof *base);
        double norm = 0, rms = 0;
        for (int j = 0; j < size; j++) {
            norm += (double)p[i].grad[j] * (double)p[i].grad[j];
            rms += (double)base[j] * (double)base[j];
        }
        norm = sqrt(norm), rms = sqrt(rms / size);
        if (norm == 0 && !p[i].expert) fail_msg("%s has no gradient", p[i].name);
        for (int j = 0; j < size; j++) dir[j] = rng_below(&rng, 2) ? 1 : -1;
        const double h = fmin(0.05 / (norm + 1e-3), 0.1 * rms);
        worst[0] = fmax(worst[0], check_direction(&q, i, &p[i], base, dir, size, h, 1, 1e-2));
        double len = 0;
        for (int j = 0; j < size && norm > 0; j++) {
            dir[j] = rng_below(&rng, 2) ? (double)p[i].grad[j] / norm : 0;
            len += dir[j] * dir[j];
        }
        if (norm > 0)
            worst[1] = fmax(worst[1], check_direction(&q, i, &p[i], base, dir, size,
                                                      fmin(0.05, 0.05 / norm) / sqrt(len + 1e-30),
                                                      sqrt(len), 4e-3));
        arena_rewind(q.arena, mark);
    }
    assert_true(of_modules > 10);
    print_message("worst difference %.1e by random signs, %.1e by halves\n", worst[0], worst[1]);
    close_problem(&q);
}

static void one_module_agrees(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.n_mtp = 1;
    check_model(m);
    m.mla_form = MLA_EXPANDED;
    m.tie_word_embeddings = true;
    check_model(m);
}

static void two_modules_agree(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.n_mtp = 2;
    check_model(m);
    m.n_routed_experts = 0;
    m.q_lora_rank = 0;
    check_model(m);
}

// Tokens that module k predicts: wanted ones with k + 1 tokens before them.
static void predicted_tokens_are_counted(void **state) {
    (void)state;
    MtpProblem q;
    MtpLoss loss[2];
    ModelConfig m = tiny;
    m.n_mtp = 2;
    open_problem(&q, m, 128, 128, 1);
    train(&q, loss);
    for (int k = 1; k <= 2; k++) {
        int n = 0;
        for (int s = 0; s < N_SEQS; s++)
            for (int t = q.seq[s].begin + 1 + k; t < q.seq[s].end; t++) n += q.want[t];
        assert_int_equal(loss[k - 1].tokens, n);
        assert_true(loss[k - 1].sum > 0);
    }
    close_problem(&q);
}

static float *gradients(const MtpProblem *q, size_t *n) {
    return params_part(q->policy, PARAM_GRAD, n);
}

// A chunk larger than the plan, other threads: the same gradients, to rounding and to the bit.
static void pieces_and_threads_change_nothing(void **state) {
    (void)state;
    MtpProblem a, b, c;
    MtpLoss loss[3][2];
    ModelConfig m = tiny;
    m.n_mtp = 2;
    size_t n;
    open_problem(&a, m, 128, 128, 1);
    const double va = train(&a, loss[0]);
    const float *ga = gradients(&a, &n);
    open_problem(&b, m, 62, 128, 1); // its one chunk goes in pieces
    const double vb = train(&b, loss[1]);
    const float *gb = gradients(&b, &n);
    assert_true(fabs(va - vb) < 1e-5);
    double off = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        off += ((double)ga[i] - (double)gb[i]) * ((double)ga[i] - (double)gb[i]);
        size += (double)ga[i] * (double)ga[i];
    }
    assert_true(sqrt(off / size) < 1e-5);
    close_problem(&b);
    open_problem(&b, m, 64, 64, 1);
    open_problem(&c, m, 64, 64, 3);
    assert_true(train(&b, loss[1]) == train(&c, loss[2]));
    gb = gradients(&b, &n);
    assert_memory_equal(gb, gradients(&c, &n), n * sizeof *gb);
    close_problem(&a);
    close_problem(&b);
    close_problem(&c);
}

// Samples of one prompt: chunks that share it are trained as those that do not, for the token ahead
// of its last rows is another one in each sample.
static void shared_prompts_are_computed_for_each_sample(void **state) {
    (void)state;
    MtpProblem a, b;
    MtpLoss loss[2][2];
    ModelConfig m = tiny;
    m.n_mtp = 2;
    MtpProblem *const both[] = {&a, &b};
    double value[2];
    const float *grad[2];
    size_t n;
    for (int i = 0; i < 2; i++) {
        MtpProblem *q = both[i];
        open_problem(q, m, 128, 128, 1);
        for (int s = 0; s < 4; s++) {
            q->seq[s] = (Seq){s * 20, s * 20 + 20, s};
            for (int t = 0; t < 20; t++) {
                const int at = s * 20 + t;
                if (t < 12) q->token[at] = q->token[t];
                q->want[at] = t >= 12;
                q->a[at] = t < 12 ? 0 : 0.1f;
            }
        }
        const int group[] = {0, 0, 0, 0};
        q->opts.replay = NULL;
        q->chunk = pack_chunks(q->token, q->want, q->seq, i ? group : NULL, 4, 128, &q->n_chunks,
                               q->arena);
        assert_int_equal(q->n_chunks, 1);
        assert_true((q->chunk[0].n_rows < 80) == (i == 1));
        value[i] = train(q, loss[i]);
        grad[i] = gradients(q, &n);
    }
    assert_true(value[0] == value[1]);
    for (int k = 0; k < 2; k++) assert_true(loss[0][k].sum == loss[1][k].sum);
    assert_int_equal(loss[0][1].tokens, 4 * 8);
    assert_memory_equal(grad[0], grad[1], n * sizeof **grad);
    close_problem(&a);
    close_problem(&b);
}

// Without mtp_scale a model with modules is the model without: log-probs, gradients, a step; and
// the modules stay as they are.
static void modules_that_are_not_trained_change_nothing(void **state) {
    (void)state;
    MtpProblem a, b;
    ModelConfig m = tiny;
    MtpLoss loss[2];
    open_problem(&a, m, 128, 128, 1);
    m.n_mtp = 2;
    open_problem(&b, m, 128, 128, 1);
    int n_a, n_b;
    ParamCopy *pa = params_read(a.policy, &n_a), *pb = params_read(b.policy, &n_b);
    assert_true(n_b > n_a + 20);
    for (int i = 0; i < n_a; i++) { // the same start
        assert_string_equal(pa[i].name, pb[i].name);
        assert_ok(policy_set(b.policy, i, PARAM_WEIGHT, 0,
                             (size_t)pa[i].rows * (size_t)(pa[i].cols ? pa[i].cols : 1),
                             pa[i].master));
    }
    policy_sync(b.policy);
    b.routes = a.routes;
    b.opts.mtp_scale = 0;
    a.opts.mtp_scale = 0;
    const AdamWConfig adamw = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1, .clip_norm = 1};
    for (int step = 0; step < 2; step++) {
        StepReport ra, rb;
        b.n_mtp = 0;
        train(&a, loss);
        train(&b, loss);
        assert_ok(policy_step(a.policy, &adamw, 1e-2, &ra));
        assert_ok(policy_step(b.policy, &adamw, 1e-2, &rb));
        assert_true(ra.grad_norm == rb.grad_norm);
        assert_int_equal(ra.n_without_grad, rb.n_without_grad);
        assert_int_equal(rb.n_unmoved, ra.n_unmoved);
    }
    pa = params_read(a.policy, &n_a);
    ParamCopy *after = params_read(b.policy, &n_b);
    for (int i = 0; i < n_b; i++) {
        const size_t n = (size_t)pb[i].rows * (size_t)(pb[i].cols ? pb[i].cols : 1);
        const float *want = i < n_a ? pa[i].master : pb[i].master;
        assert_memory_equal(after[i].master, want, n * sizeof *want);
    }
    // and with it they learn, and are reported
    StepReport r;
    b.opts.mtp_scale = scale;
    b.n_mtp = 2;
    train(&b, loss);
    assert_ok(policy_step(b.policy, &adamw, 1e-2, &r));
    assert_int_equal(r.n_without_grad, 0);
    assert_int_equal(r.n_unmoved, 0);
    close_problem(&a);
    close_problem(&b);
}

static void models_that_cannot_have_modules_are_refused(void **state) {
    (void)state;
    Policy *p = NULL;
    const PolicyOpts o = {.chunk_tokens = 16, .max_seq_tokens = 16};
    ModelConfig m = tiny;
    m.n_mtp = 9;
    assert_int_equal(policy_new(&m, &o, &p), ST_CONFIG);
    m = (ModelConfig){.family = FAMILY_DENSE,
                      .vocab_size = 37,
                      .hidden_size = 40,
                      .intermediate_size = 56,
                      .n_layers = 1,
                      .n_heads = 2,
                      .n_kv_heads = 2,
                      .head_dim = 10,
                      .rms_norm_eps = 1e-5,
                      .rope = {.theta = 10000},
                      .n_mtp = 1};
    assert_int_equal(policy_new(&m, &o, &p), ST_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_module_agrees),
        cmocka_unit_test(two_modules_agree),
        cmocka_unit_test(predicted_tokens_are_counted),
        cmocka_unit_test(pieces_and_threads_change_nothing),
        cmocka_unit_test(shared_prompts_are_computed_for_each_sample),
        cmocka_unit_test(modules_that_are_not_trained_change_nothing),
        cmocka_unit_test(models_that_cannot_have_modules_are_refused),
    };
    return cmocka_run_group_tests_name("mtp", tests, NULL, NULL);
}
