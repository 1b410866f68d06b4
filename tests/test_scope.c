// tests/test_scope.c -- policy_train by parts of a step: calls, ranks, frozen tensors.
#include "tests/same_bits.h"

enum { CHUNK = 150 };

typedef struct Chunks {
    Pack *chunk;
    int n;
    TrainScope whole;
} Chunks;

static Chunks cut(WaysText *x) {
    Chunks c;
    c.chunk = pack_chunks(x->token, x->want, x->seq, NULL, N_SEQS, CHUNK, &c.n, x->arena);
    c.whole = train_scope(c.chunk, c.n);
    assert_true(c.n >= 4);
    return c;
}

// Chunk numbers count from 0 in each call: the loss is told where the call begins.
static Status loss_of(Policy *p, const Chunks *c, TrainScope scope, int n) {
    Mean sum = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    return policy_train(p, c->chunk + scope.first, n, &scope, &o, mean_loss, &sum);
}

static Policy *policy_of(ModelConfig m, Pool *pool, int sums, const char *const *frozen, int n) {
    const PolicyOpts o = {.pool = pool,
                          .trainable = true,
                          .partial_sums = sums,
                          .frozen = frozen,
                          .n_frozen = n,
                          .chunk_tokens = CHUNK,
                          .max_seq_tokens = MAX_SEQ};
    Policy *p = NULL;
    assert_ok(policy_new(&m, &o, &p));
    policy_init(p, 7);
    return p;
}

static void any_cut_into_calls_gives_the_bits_of_one(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    const Chunks c = cut(&x);
    Pool *pool = pool_new(3);
    for (int sums = 1; sums <= 8; sums *= 2) {
        Policy *one = policy_of(small_moe, pool, sums, NULL, 0),
               *other = policy_of(small_moe, pool, sums, NULL, 0);
        assert_int_equal(policy_partial_sums(one), sums);
        size_t n;
        assert_ok(loss_of(one, &c, c.whole, c.n));
        const float *want = params_part(one, PARAM_GRAD, &n);
        for (unsigned mask = 0; mask < 1u << (c.n - 1); mask += 1 + mask / 4) {
            policy_zero_grad(other);
            TrainScope at = c.whole;
            for (int end = 1; end <= c.n; end++) { // a call ends where the mask has a bit
                if (end < c.n && !(mask >> (end - 1) & 1)) continue;
                assert_ok(loss_of(other, &c, at, end - at.first));
                at.first = end;
            }
            assert_memory_equal(want, params_part(other, PARAM_GRAD, &n), n * sizeof *want);
        }
        policy_free(one);
        policy_free(other);
    }
    pool_free(pool);
    arena_free(x.arena);
}

// Two policies with half of the partial sums each: their gradients add up to those of one.
static void ranks_with_whole_partial_sums_add_up(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    const Chunks c = cut(&x);
    for (int sums = 2; sums <= 8; sums *= 2) {
        Policy *p[3];
        float *grad[3];
        size_t n;
        const int half = train_sum_begins(sums / 2, sums, c.n);
        for (int i = 0; i < 3; i++) {
            p[i] = policy_of(small_moe, NULL, sums, NULL, 0);
            TrainScope s = c.whole;
            if (i == 1) s.end = half;
            if (i == 2) s.first = s.begin = half;
            assert_ok(loss_of(p[i], &c, s, s.end - s.begin));
            grad[i] = params_part(p[i], PARAM_GRAD, &n);
        }
        for (size_t i = 0; i < n; i++) grad[1][i] += grad[2][i];
        assert_memory_equal(grad[0], grad[1], n * sizeof **grad);
        for (int i = 0; i < 3; i++) policy_free(p[i]);
    }
    arena_free(x.arena);
}

static Status failing(void *ctx, int c, const Pack *chunk, const float *logp, const float *entropy,
                      float *dlogp, float *dentropy) {
    (void)ctx, (void)c, (void)chunk, (void)logp, (void)entropy, (void)dlogp, (void)dentropy;
    return FAIL(ST_FORMAT, "a loss that fails");
}

static void a_failed_call_ends_the_step(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    const Chunks c = cut(&x);
    Policy *p = policy_of(small_moe, NULL, 2, NULL, 0), *q = policy_of(small_moe, NULL, 2, NULL, 0);
    TrainScope first = c.whole, second = c.whole;
    second.first = 1;
    assert_ok(loss_of(p, &c, first, 1));
    assert_int_equal(policy_train(p, c.chunk + 1, c.n - 1, &second, &warm, failing, NULL),
                     ST_FORMAT);
    policy_zero_grad(p);
    assert_ok(loss_of(p, &c, c.whole, c.n));
    assert_ok(loss_of(q, &c, c.whole, c.n));
    size_t n;
    const float *want = params_part(q, PARAM_GRAD, &n);
    assert_memory_equal(want, params_part(p, PARAM_GRAD, &n), n * sizeof *want);
    policy_free(p);
    policy_free(q);
    arena_free(x.arena);
}

static bool is_frozen(const char *const *frozen, int n, const char *name) {
    for (int i = 0; i < n; i++) {
        const size_t size = strlen(frozen[i]) - 1;
        if (strcmp(frozen[i], name) == 0 || strncmp(frozen[i], name, size) == 0) return true;
    }
    return false;
}

// It has no place among gradients and moments and does not move; the others' bits are as they were.
static void check_frozen(ModelConfig m, const char *const *frozen, int n_frozen) {
    WaysText x;
    open_text(&x);
    const Chunks c = cut(&x);
    PolicyOpts o = {
        .trainable = true, .partial_sums = 4, .chunk_tokens = CHUNK, .max_seq_tokens = MAX_SEQ};
    PolicyPlan all, less;
    assert_ok(policy_plan(&m, &o, &all));
    o.frozen = frozen, o.n_frozen = n_frozen;
    assert_ok(policy_plan(&m, &o, &less));
    Policy *p = policy_of(m, NULL, 4, NULL, 0), *q = policy_of(m, NULL, 4, frozen, n_frozen);
    int n;
    const Param *param = policy_params(q, &n), *before = policy_params(p, &n);
    const ParamCopy *was = params_read(q, &n);
    assert_ok(loss_of(p, &c, c.whole, c.n));
    assert_ok(loss_of(q, &c, c.whole, c.n));
    size_t saved = 0;
    for (int i = 0; i < n; i++) {
        const size_t count = param_count(&param[i]);
        float *a = ARENA_ARRAY(x.arena, float, 2 * count), *b = a + count;
        if (!before[i].trainable) continue;
        assert_int_equal(param[i].trainable, !is_frozen(frozen, n_frozen, param[i].name));
        if (!param[i].trainable) {
            saved += (count + 31) / 32 * 32 * sizeof(float);
            continue;
        }
        assert_ok(policy_get(p, i, PARAM_GRAD, 0, count, a));
        assert_ok(policy_get(q, i, PARAM_GRAD, 0, count, b));
        assert_memory_equal(a, b, count * sizeof *a);
    }
    assert_true(saved > 0);
    assert_in_range(all.moments - less.moments, 2 * saved, 2 * saved + 1024);
    assert_true(all.gradients - less.gradients >= saved);
    const AdamWConfig adam = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8};
    StepReport r;
    assert_ok(policy_step(p, &adam, 1e-3, &r));
    assert_ok(policy_step(q, &adam, 1e-3, &r));
    for (int i = 0; i < n; i++) {
        const size_t count = param_count(&param[i]);
        float *a = ARENA_ARRAY(x.arena, float, 2 * count), *b = a + count;
        assert_ok(policy_get(p, i, PARAM_WEIGHT, 0, count, a));
        assert_ok(policy_get(q, i, PARAM_WEIGHT, 0, count, b));
        assert_memory_equal(is_frozen(frozen, n_frozen, param[i].name) ? was[i].master : a, b,
                            count * sizeof *b);
    }
    policy_free(p);
    policy_free(q);
    arena_free(x.arena);
}

static void a_frozen_tensor_has_no_gradient_no_moments_and_does_not_move(void **state) {
    (void)state;
    static const char *const embedding[] = {"model.embed_tokens.weight"};
    static const char *const some[] = {"model.layers.1.*", "lm_head.weight", "model.norm.weight"};
    static const char *const layers[] = {"model.layers.0.*"};
    check_frozen(small_moe, embedding, 1);
    check_frozen(small_moe, some, 3);
    for (int which = 0; which < N_DENSE; which++) { // of model 0 the embedding is the head
        check_frozen(dense_model(which), embedding, 1);
        check_frozen(dense_model(which), layers, 1);
    }
}

static void what_cannot_be_frozen_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"model.layers.9.*"};
    static const char *const one_expert[] = {"*.experts.3.up_proj.weight"};
    PolicyOpts o = {.trainable = true,
                    .frozen = wrong,
                    .n_frozen = 1,
                    .chunk_tokens = CHUNK,
                    .max_seq_tokens = MAX_SEQ};
    PolicyPlan plan;
    assert_int_equal(policy_plan(&small_moe, &o, &plan), ST_CONFIG);
    assert_non_null(strstr(status_text(), "model.layers.9.*"));
    o.frozen = one_expert;
    assert_int_equal(policy_plan(&small_moe, &o, &plan), ST_CONFIG);
    assert_non_null(strstr(status_text(), "frozen together"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_into_calls_gives_the_bits_of_one),
        cmocka_unit_test(ranks_with_whole_partial_sums_add_up),
        cmocka_unit_test(a_failed_call_ends_the_step),
        cmocka_unit_test(a_frozen_tensor_has_no_gradient_no_moments_and_does_not_move),
        cmocka_unit_test(what_cannot_be_frozen_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
