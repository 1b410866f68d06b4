// tests/test_gradients.c -- the whole model's gradients against finite differences in fp32.
//
// Loss = sum of a_t ln p_t + b_t H_t with random a, b. For every tensor the derivatives along
// random signs and along its own gradient, restricted to random halves of its entries, are compared
// with Richardson-extrapolated central differences. Routes are recorded once and replayed, since a
// choice has no derivative.
#include <math.h>

#include "base/arena.h"
#include "base/rng.h"
#include "policy/policy.h"
#include "tests/param.h"
#include "tests/test.h"

static const ModelConfig tiny = {
    .family = FAMILY_MLA_MOE,
    .vocab_size = 37,
    .hidden_size = 40,
    .intermediate_size = 56,
    .n_layers = 3,
    .n_heads = 3,
    .max_position = 128,
    .rms_norm_eps = 1e-5,
    .bos_id = -1,
    .eos_id = 0,
    .rope = {.theta = 10000,
             .yarn = true,
             .factor = 4,
             .beta_fast = 32,
             .beta_slow = 1,
             .mscale = 1,
             .mscale_all_dim = 1,
             .original_max_position = 64},
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

static int partial_sums; // of policies that tests open; 0 = as many as is usual
enum { N_SEQS = 3, N_TOKENS = 7 + 90 + 16 };

typedef struct Problem {
    Arena *arena;
    Policy *policy;
    int32_t token[N_TOKENS];
    uint8_t want[N_TOKENS];
    Seq seq[N_SEQS];
    Pack pack;
    float a[N_TOKENS], b[N_TOKENS];
    Routes routes;
    int64_t kept_begin[N_TOKENS + 1]; // sets to draw from, of two thirds of the tokens
    int32_t kept_token[N_TOKENS * 37];
    KeptTokens kept;
    ScoreOpts opts;
} Problem;

static Status linear_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                          const float *entropy, float *dlogp, float *dentropy) {
    (void)c, (void)logp, (void)entropy;
    const Problem *q = ctx;
    for (int s = 0; s < chunk->n_seqs; s++)
        for (int t = 0; t < chunk->seq[s].end - chunk->seq[s].begin; t++) {
            dlogp[chunk->offset[s] + t] = q->a[chunk->seq[s].begin + t];
            dentropy[chunk->offset[s] + t] = q->b[chunk->seq[s].begin + t];
        }
    return ST_OK;
}

static void open_problem(Problem *q, ModelConfig m, int chunk_tokens) {
    Rng rng = rng_open((RngKey){.seed = 3, .stream = RNG_TEST});
    q->arena = arena_new(1 << 16);
    const int length[N_SEQS] = {7, 90, 16};
    for (int s = 0, at = 0; s < N_SEQS; at += length[s++]) q->seq[s] = (Seq){at, at + length[s], s};
    for (int i = 0; i < N_TOKENS; i++) {
        q->token[i] = (int32_t)rng_below(&rng, 37);
        q->want[i] = rng_below(&rng, 4) > 0;
        q->a[i] = (float)rng_normal(&rng) * 0.3f;
        q->b[i] = (float)rng_normal(&rng) * 0.3f;
    }
    for (int s = 0; s < N_SEQS; s++) q->want[q->seq[s].begin] = 0;
    q->pack = pack_make(q->token, q->want, q->seq, N_SEQS, q->arena);
    PolicyOpts o = {.trainable = true,
                    .chunk_tokens = chunk_tokens,
                    .max_seq_tokens = 90,
                    .partial_sums = partial_sums};
    assert_ok(policy_new(&m, &o, &q->policy));
    policy_init(q->policy, 11);
    int n;
    ParamCopy *p = params_read(q->policy, &n); // gains and bias away from 1 and 0
    for (int i = 0; i < n; i++)
        for (int j = 0; p[i].cols == 0 && j < p[i].rows; j++)
            p[i].master[j] += (float)rng_normal(&rng) * (p[i].trainable ? 0.2f : 0.05f);
    for (int i = 0; i < n; i++) // a head that matters
        if (strcmp(p[i].name, "lm_head.weight") == 0)
            for (int j = 0; j < p[i].rows * p[i].cols; j++) p[i].master[j] *= 8;
    params_write(q->policy, p);
    policy_sync(q->policy);
    int layers = 0;
    for (int l = 0; l < m.n_layers; l++) layers += model_is_moe(&m, l);
    q->routes.n_moe_layers = layers;
    q->routes.k = m.n_experts_per_tok;
    q->routes.route =
        ARENA_ARRAY(q->arena, int16_t, N_TOKENS * (layers > 0 ? layers : 1) * m.n_experts_per_tok);
    float logp[N_TOKENS];
    assert_ok(policy_score(q->policy, &q->pack,
                           &(ScoreOpts){.temperature = 0.8, .record = &q->routes}, logp, NULL));
    q->opts = (ScoreOpts){.temperature = 0.8, .replay = &q->routes};
}

// Every set has the token itself and others of every density.
static void open_kept(Problem *q) {
    Rng rng = rng_open((RngKey){.seed = 8, .stream = RNG_TEST});
    int64_t n = 0;
    for (int t = 0; t < N_TOKENS; t++) {
        const uint32_t of_six = rng_below(&rng, 6);
        q->kept_begin[t] = n;
        for (int32_t v = 0; t % 3 > 0 && v < 37; v++)
            if (v == q->token[t] || rng_below(&rng, 6) < of_six) q->kept_token[n++] = v;
    }
    q->kept_begin[N_TOKENS] = n;
    q->kept = (KeptTokens){q->kept_begin, q->kept_token};
    q->opts.kept = &q->kept;
}

static void close_problem(Problem *q) {
    policy_free(q->policy);
    arena_free(q->arena);
}

static double value(Problem *q) {
    float logp[N_TOKENS], entropy[N_TOKENS];
    policy_sync(q->policy);
    assert_ok(policy_score(q->policy, &q->pack, &q->opts, logp, entropy));
    double sum = 0;
    for (int i = 0; i < N_TOKENS; i++)
        if (q->want[i])
            sum += (double)q->a[i] * (double)logp[i] + (double)q->b[i] * (double)entropy[i];
    return sum;
}

static double central(Problem *q, int i, ParamCopy *p, const float *base, const double *dir, int n,
                      double h) {
    for (int j = 0; j < n; j++) p->master[j] = (float)((double)base[j] + h * dir[j]);
    param_write(q->policy, i, p);
    double up = value(q);
    for (int j = 0; j < n; j++) p->master[j] = (float)((double)base[j] - h * dir[j]);
    param_write(q->policy, i, p);
    double down = value(q);
    return (up - down) / (2 * h);
}

// The derivative along dir: analytic against measured, in units of |gradient| `unit`.
static double check_direction(Problem *q, int i, ParamCopy *p, const float *base, const double *dir,
                              int size, double h, double unit, double bound) {
    double want = 0, len = 0, norm = 0;
    for (int j = 0; j < size; j++) {
        want += dir[j] * (double)p->grad[j];
        norm += (double)p->grad[j] * (double)p->grad[j];
        len += dir[j] * dir[j];
    }
    if (len == 0) return 0;
    const double got =
        (4 * central(q, i, p, base, dir, size, h / 2) - central(q, i, p, base, dir, size, h)) / 3;
    memcpy(p->master, base, (size_t)size * sizeof *base);
    param_write(q->policy, i, p);
    const double off = fabs(got - want) / (sqrt(norm) * unit + 1e-4);
    if (off > bound)
        fail_msg("%s: |g| %.3g, derivative %.7g, finite difference %.7g, off by %.2g", p->name,
                 sqrt(norm), want, got, off);
    return off;
}

static void check_problem(ModelConfig m, bool kept) {
    Problem q;
    open_problem(&q, m, 128);
    if (kept) open_kept(&q);
    assert_ok(train_all(q.policy, &q.pack, 1, &q.opts, linear_loss, &q));
    int n;
    ParamCopy *p = params_read(q.policy, &n);
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST});
    double worst[2] = {0};
    for (int i = 0; i < n; i++) {
        if (!p[i].trainable) continue;
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
        // random signs, which know nothing of the gradient: what it lacks shows
        for (int round = 0; round < 2; round++) {
            for (int j = 0; j < size; j++) dir[j] = rng_below(&rng, 2) ? 1 : -1;
            const double h = fmin(0.05 / (norm + 1e-3), 0.1 * rms);
            worst[0] = fmax(worst[0], check_direction(&q, i, &p[i], base, dir, size, h, 1, 1e-2));
        }
        // halves of the gradient itself, along which its size shows
        for (int round = 0; round < 2 && norm > 0; round++) {
            double len = 0;
            for (int j = 0; j < size; j++) {
                dir[j] = rng_below(&rng, 2) ? (double)p[i].grad[j] / norm : 0;
                len += dir[j] * dir[j];
            }
            const double h = fmin(0.05, 0.05 / norm) / sqrt(len + 1e-30);
            worst[1] =
                fmax(worst[1], check_direction(&q, i, &p[i], base, dir, size, h, sqrt(len), 4e-3));
        }
        arena_rewind(q.arena, mark);
    }
    print_message("worst difference %.1e by random signs, %.1e by halves\n", worst[0], worst[1]);
    close_problem(&q);
}

static void check_model(ModelConfig m) {
    check_problem(m, false);
}

static void log_probs_over_kept_tokens_agree(void **state) {
    (void)state;
    check_problem(tiny, true);
    ModelConfig m = tiny; // the head goes by columns
    m.family = FAMILY_DENSE, m.n_routed_experts = m.n_experts_per_tok = 0;
    m.n_heads = 4, m.n_kv_heads = 2, m.head_dim = 10, m.rope.yarn = false;
    partial_sums = 1;
    check_problem(m, true);
    partial_sums = 0;
    Problem q; // and are what the logits say
    open_problem(&q, tiny, 128);
    float all[N_TOKENS], part[N_TOKENS], h[N_TOKENS];
    assert_ok(policy_score(q.policy, &q.pack, &q.opts, all, NULL));
    open_kept(&q);
    assert_ok(policy_score(q.policy, &q.pack, &q.opts, part, h));
    int one = 0, more = 0;
    for (int t = 0; t < N_TOKENS; t++) {
        if (!q.want[t]) continue;
        const int64_t n = q.kept_begin[t + 1] - q.kept_begin[t];
        if (n == 0) assert_true(part[t] == all[t]);
        if (n == 1) assert_true(part[t] == 0 && h[t] == 0);
        if (n > 1) assert_true(part[t] >= all[t] && (double)h[t] <= log((double)n) + 1e-5);
        one += n == 1, more += n > 1 && part[t] > all[t];
    }
    assert_true(one > 3 && more > 20);
    close_problem(&q);
}

static void the_absorbed_model_agrees(void **state) {
    (void)state;
    check_model(tiny);
}
static void the_expanded_model_agrees(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.mla_form = MLA_EXPANDED;
    check_model(m);
}
static void plain_queries_softmax_router_tied_head_agree(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.q_lora_rank = 0;
    m.scoring = ROUTER_SOFTMAX;
    m.topk_method = TOPK_GROUP_LIMITED;
    m.norm_topk_prob = false;
    m.tie_word_embeddings = true;
    m.n_shared_experts = 0;
    check_model(m);
    m.norm_topk_prob = true;
    m.topk_method = TOPK_GREEDY;
    m.n_shared_experts = 2;
    m.rope.yarn = false;
    check_model(m);
}
static void the_dense_model_agrees(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.n_routed_experts = 0;
    check_model(m);
}
static void grouped_queries_biases_and_head_norms_agree(void **state) {
    (void)state;
    ModelConfig m = tiny;
    m.family = FAMILY_DENSE;
    m.n_routed_experts = m.n_experts_per_tok = 0;
    m.n_heads = 4;
    m.n_kv_heads = 2;
    m.head_dim = 10;
    m.rope.yarn = false;
    m.qkv_bias = m.o_bias = m.mlp_bias = m.qk_norm = true;
    check_model(m);
}

static float *gradients(Problem *q, int *n_out) {
    size_t n;
    float *out = params_part(q->policy, PARAM_GRAD, &n);
    *n_out = (int)n;
    return out;
}

// |a - b| / |a| over everything.
static double distance(const float *a, const float *b, int n) {
    double num = 0, den = 0;
    for (int i = 0; i < n; i++) {
        num += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        den += (double)a[i] * (double)a[i];
    }
    return sqrt(num / den);
}

static void the_two_forms_agree_within_rounding(void **state) {
    (void)state;
    Problem a, b;
    ModelConfig m = tiny;
    open_problem(&a, m, 128);
    m.mla_form = MLA_EXPANDED;
    open_problem(&b, m, 128);
    int n;
    float x[N_TOKENS], y[N_TOKENS];
    b.opts.replay = &a.routes;
    assert_ok(policy_score(a.policy, &a.pack, &a.opts, x, NULL));
    assert_ok(policy_score(b.policy, &b.pack, &b.opts, y, NULL));
    assert_close(x, y, N_TOKENS, 2e-5, 0);
    assert_ok(train_all(a.policy, &a.pack, 1, &a.opts, linear_loss, &a));
    assert_ok(train_all(b.policy, &b.pack, 1, &b.opts, linear_loss, &b));
    const float *ga = gradients(&a, &n), *gb = gradients(&b, &n);
    assert_true(distance(ga, gb, n) < 1e-5);
    close_problem(&a);
    close_problem(&b);
}

static void halving_the_chunks_changes_only_rounding(void **state) {
    (void)state;
    Problem q;
    open_problem(&q, tiny, 128);
    int n_chunks, n;
    assert_ok(train_all(q.policy, &q.pack, 1, &q.opts, linear_loss, &q));
    const float *whole = gradients(&q, &n);
    policy_zero_grad(q.policy);
    Pack *chunk = pack_chunks(q.token, q.want, q.seq, NULL, N_SEQS, 64, &n_chunks, q.arena);
    assert_int_equal(n_chunks, 3);
    assert_ok(train_all(q.policy, chunk, n_chunks, &q.opts, linear_loss, &q));
    const float *cut = gradients(&q, &n);
    const double off = distance(whole, cut, n);
    print_message("relative difference %.1e\n", off);
    assert_true(off > 0 && off < 1e-5);
    close_problem(&q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_absorbed_model_agrees),
        cmocka_unit_test(log_probs_over_kept_tokens_agree),
        cmocka_unit_test(the_expanded_model_agrees),
        cmocka_unit_test(plain_queries_softmax_router_tied_head_agree),
        cmocka_unit_test(the_dense_model_agrees),
        cmocka_unit_test(grouped_queries_biases_and_head_norms_agree),
        cmocka_unit_test(the_two_forms_agree_within_rounding),
        cmocka_unit_test(halving_the_chunks_changes_only_rounding),
    };
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
