// tests/test_optim.c -- policy/optim: AdamW by hand, clipping, the bias rule, the report, refusals.
#include "base/arena.h"
#include "policy/policy.h"
#include "tests/param.h"
#include "tests/test.h"

static const ModelConfig model = {.family = FAMILY_MLA_MOE,
                                  .vocab_size = 11,
                                  .hidden_size = 16,
                                  .intermediate_size = 24,
                                  .n_layers = 2,
                                  .n_heads = 2,
                                  .rms_norm_eps = 1e-6,
                                  .rope = {.theta = 10000},
                                  .q_lora_rank = 8,
                                  .kv_lora_rank = 8,
                                  .qk_nope_head_dim = 8,
                                  .qk_rope_head_dim = 4,
                                  .v_head_dim = 8,
                                  .first_k_dense = 1,
                                  .moe_intermediate_size = 8,
                                  .n_routed_experts = 4,
                                  .n_shared_experts = 1,
                                  .n_experts_per_tok = 1,
                                  .norm_topk_prob = false,
                                  .routed_scaling_factor = 1,
                                  .topk_method = TOPK_NOAUX_TC};
static const AdamWConfig adam = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8};

static Policy *make(void) {
    PolicyOpts o = {.trainable = true, .chunk_tokens = 64, .max_seq_tokens = 32};
    ModelConfig m = model;
    m.n_group = m.topk_group = 1;
    Policy *p = NULL;
    assert_ok(policy_new(&m, &o, &p));
    policy_init(p, 1);
    return p;
}

static ParamCopy *find(Policy *p, const char *part) {
    int n;
    ParamCopy *q = params_read(p, &n);
    for (int i = 0; i < n; i++)
        if (strstr(q[i].name, part)) return &q[i];
    fail_msg("no %s", part);
    return NULL;
}

static void put_grad(Policy *p, const char *part, size_t at, float value) {
    int n;
    const Param *q = policy_params(p, &n);
    for (int i = 0; i < n; i++)
        if (strstr(q[i].name, part)) {
            assert_ok(policy_set(p, i, PARAM_GRAD, at, 1, &value));
            return;
        }
    fail_msg("no %s", part);
}

static void two_steps_by_hand(void **state) {
    (void)state;
    Policy *p = make();
    StepReport r;
    const ParamCopy *w = find(p, "o_proj");
    AdamWConfig cfg = adam;
    cfg.weight_decay = 0.1;
    const double lr = 0.01, start = (double)w->master[3];
    const uint32_t version = policy_version(p);
    put_grad(p, "o_proj", 3, 0.5f);
    assert_ok(policy_step(p, &cfg, lr, &r));
    w = find(p, "o_proj");
    double want = start - lr * 0.1 * start - lr * 1; // m and v corrected: g / |g|
    assert_true(fabs((double)w->master[3] - want) < 1e-7);
    assert_true(fabs(r.grad_norm - 0.5) < 1e-7);
    assert_int_equal(policy_version(p), version + 1);
    assert_true(w->grad[3] == 0);
    put_grad(p, "o_proj", 3, -1);
    assert_ok(policy_step(p, &cfg, lr, &r));
    w = find(p, "o_proj");
    const double m = 0.9 * 0.05 - 0.1, v = 0.95 * 0.0125 + 0.05;
    want -= lr * 0.1 * want + lr * (m / (1 - 0.81)) / sqrt(v / (1 - 0.9025));
    assert_true(fabs((double)w->master[3] - want) < 1e-7);
    assert_int_equal(policy_steps(p), 2);
    policy_free(p);
}

static void norms_and_embedding_do_not_decay(void **state) {
    (void)state;
    Policy *p = make();
    assert_false(find(p, "embed_tokens")->decay);
    assert_false(find(p, "input_layernorm")->decay);
    assert_true(find(p, "lm_head")->decay);
    assert_false(find(p, "e_score_correction_bias")->trainable);
    policy_free(p);
}

static void clipping_scales_the_whole_gradient(void **state) {
    (void)state;
    Policy *p = make();
    StepReport r;
    AdamWConfig cfg = adam;
    cfg.clip_norm = 1;
    put_grad(p, "o_proj", 0, 30);
    put_grad(p, "o_proj", 1, 40);
    assert_ok(policy_step(p, &cfg, 1e-3, &r));
    const ParamCopy *w = find(p, "o_proj");
    assert_true(fabs(r.grad_norm - 50) < 1e-6);
    assert_true(fabs((double)w->m[0] - 0.06) < 1e-7 && fabs((double)w->m[1] - 0.08) < 1e-7);
    policy_free(p);
}

static void a_gradient_that_is_no_number_stops_the_step(void **state) {
    (void)state;
    Policy *p = make();
    StepReport r;
    const ParamCopy *w = find(p, "o_proj");
    const float keep = w->master[0];
    put_grad(p, "o_proj", 0, 1);
    put_grad(p, "o_proj", 1, INFINITY);
    assert_int_equal(policy_step(p, &adam, 1e-3, &r), ST_FORMAT);
    assert_non_null(strstr(status_text(), "o_proj"));
    w = find(p, "o_proj");
    assert_true(w->master[0] == keep && w->grad[0] == 1 && policy_steps(p) == 0);
    policy_free(p);
}

static Status push_up(void *ctx, int c, const Pack *chunk, const float *logp, const float *entropy,
                      float *dlogp, float *dentropy) {
    (void)ctx, (void)c, (void)logp, (void)entropy, (void)dentropy;
    for (int i = 0; i < chunk->n_tokens; i++) dlogp[i] = -1;
    return ST_OK;
}

static void the_report_names_what_did_not_learn_and_the_bias_follows_the_load(void **state) {
    (void)state;
    Policy *p = make();
    Arena *arena = arena_new(1 << 12);
    const int32_t token[] = {1, 2, 3, 4, 5, 6, 7, 8};
    const uint8_t want[] = {0, 1, 1, 1, 1, 1, 1, 1};
    const Seq seq = {0, 8, 0};
    Pack pack = pack_make(token, want, &seq, 1, arena);
    // everything goes to expert 2; gradients are then made to vanish in one tensor
    int16_t route[8];
    for (int i = 0; i < 8; i++) route[i] = i < 6 ? 2 : 0;
    Routes replay = {route, 1, 1};
    ScoreOpts o = {.temperature = 1, .replay = &replay};
    AdamWConfig cfg = adam;
    cfg.router_bias_step = 0.001;
    StepReport r;
    assert_ok(train_all(p, &pack, 1, &o, push_up, NULL));
    const ParamCopy *gone = find(p, "layers.1.self_attn.o_proj");
    for (size_t i = 0; i < (size_t)gone->rows * (size_t)gone->cols; i++)
        put_grad(p, "layers.1.self_attn.o_proj", i, 0);
    assert_ok(policy_step(p, &cfg, 1e-3, &r));
    assert_int_equal(r.n_without_grad, 1);
    assert_string_equal(r.first_without_grad, gone->name);
    assert_int_equal(r.n_unmoved, 1);
    assert_int_equal(r.n_idle_experts, 2);
    assert_true(r.load_max == 3 && r.load_min == 0);
    const float bias[] = {0, .001f, -.001f, .001f}; // loads 2 0 6 0, mean 2: sign(0) = 0
    assert_close(find(p, "e_score_correction_bias")->master, bias, 4, 1e-9, 0);
    arena_free(arena);
    policy_free(p);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    PolicyPlan plan, small;
    ModelConfig m = model;
    PolicyOpts o = {.trainable = true, .chunk_tokens = 4096, .max_seq_tokens = 32};
    Pool *pool = pool_new(2);
    assert_ok(policy_plan(&m, &o, &small));
    o.pool = pool;
    assert_ok(policy_plan(&m, &o, &plan));
    assert_true(plan.total > small.total);
    assert_int_equal(plan.total, plan.weights + plan.packed + plan.gradients + plan.moments +
                                     plan.activations + plan.kv + plan.scratch);
    o.memory_bytes = plan.total - 1; // one chunk in flight instead of two
    assert_ok(policy_plan(&m, &o, &plan));
    assert_true(plan.total <= o.memory_bytes);
    o.memory_bytes = 1 << 20;
    Policy *p;
    assert_int_equal(policy_new(&m, &o, &p), ST_NOMEM);
    assert_null(p);
    assert_non_null(strstr(status_text(), "1048576"));
    o.memory_bytes = 0;
    m.n_experts_per_tok = 5;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_CONFIG);
    m = model;
    m.qk_rope_head_dim = 3;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_CONFIG);
    pool_free(pool);
}

static void a_foreign_token_is_named(void **state) {
    (void)state;
    Policy *p = make();
    Arena *arena = arena_new(1 << 12);
    const int32_t token[] = {1, 2, 11};
    const uint8_t want[] = {0, 1, 1};
    const Seq seq = {0, 3, 77};
    float logp[3];
    Pack pack = pack_make(token, want, &seq, 1, arena);
    assert_int_equal(policy_score(p, &pack, &(ScoreOpts){.temperature = 1}, logp, NULL), ST_FORMAT);
    assert_non_null(strstr(status_text(), "sequence 77, token 2: id 11"));
    assert_int_equal(policy_score(p, &pack, &(ScoreOpts){.temperature = 0}, logp, NULL), ST_CONFIG);
    arena_free(arena);
    policy_free(p);
}

static void a_copy_scores_the_same(void **state) {
    (void)state;
    Policy *p = make(), *q = make();
    Arena *arena = arena_new(1 << 12);
    const int32_t token[] = {1, 2, 3, 4};
    const uint8_t want[] = {0, 1, 1, 1};
    const Seq seq = {0, 4, 0};
    const ScoreOpts o = {.temperature = 1};
    float a[4], b[4];
    Pack pack = pack_make(token, want, &seq, 1, arena);
    policy_init(q, 2);
    assert_ok(policy_score(p, &pack, &o, a, NULL));
    assert_ok(policy_score(q, &pack, &o, b, NULL));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(policy_copy(q, p));
    assert_ok(policy_score(q, &pack, &o, b, NULL));
    assert_memory_equal(a, b, sizeof a);
    arena_free(arena);
    policy_free(p);
    policy_free(q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_steps_by_hand),
        cmocka_unit_test(norms_and_embedding_do_not_decay),
        cmocka_unit_test(clipping_scales_the_whole_gradient),
        cmocka_unit_test(a_gradient_that_is_no_number_stops_the_step),
        cmocka_unit_test(the_report_names_what_did_not_learn_and_the_bias_follows_the_load),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_foreign_token_is_named),
        cmocka_unit_test(a_copy_scores_the_same),
    };
    return cmocka_run_group_tests_name("policy/optim", tests, NULL, NULL);
}
