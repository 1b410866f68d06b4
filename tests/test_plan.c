// tests/test_plan.c -- policy/plan: what is large and not used at the same time is one place.
#include "tests/same_bits.h"

// Room that is never touched costs nothing.
static PolicyOpts opts_of(bool large, Pool *pool) {
    return (PolicyOpts){.pool = pool,
                        .trainable = true,
                        .partial_sums = 1,
                        .chunk_tokens = large ? 1 << 15 : 256,
                        .max_seq_tokens = MAX_SEQ,
                        .kv_pages = large ? 1 << 14 : 128,
                        .max_decode_rows = 1024};
}

static size_t parts(const PolicyPlan *p) {
    return p->weights + p->packed + p->gradients + p->moments + p->activations + p->kv + p->scratch;
}

static void only_what_is_large_takes_turns(void **state) {
    (void)state;
    const ModelConfig model = dense_model(0);
    PolicyPlan plan, alone;
    PolicyOpts o = opts_of(false, NULL);
    assert_ok(policy_plan(&model, &o, &plan));
    assert_int_equal(plan.in_turn, 0);
    assert_int_equal(plan.total, parts(&plan));
    o = opts_of(true, NULL);
    assert_ok(policy_plan(&model, &o, &plan));
    assert_true(plan.in_turn >= 64 << 20);
    assert_int_equal(plan.total, parts(&plan) - plan.in_turn);
    o.kv_pages = 0;
    assert_ok(policy_plan(&model, &o, &alone));
    assert_int_equal(alone.in_turn, 0);
    assert_true(plan.total < alone.total + plan.kv); // cheaper than side by side
    o = opts_of(true, NULL);
    o.trainable = false;
    assert_ok(policy_plan(&model, &o, &plan));
    assert_int_equal(plan.in_turn, 0);
}

static void same_gradients(Policy *p, Policy *q) {
    size_t n, m;
    const float *a = params_part(p, PARAM_GRAD, &n), *b = params_part(q, PARAM_GRAD, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n * sizeof *a);
}

static Status both(void *ctx, int c, const Pack *chunk, const float *logp, const float *entropy,
                   float *dlogp, float *dentropy) {
    (void)ctx, (void)c;
    for (int i = 0; i < chunk->n_tokens; i++) {
        dlogp[i] = 0.01f * logp[i];
        dentropy[i] = 0.003f * entropy[i];
    }
    return ST_OK;
}

// One lane packs W^T before each product and takes the head by columns, two keep it and take the
// head by 256 rows. One chunk is one sum either way; of more rows the head's differs in rounding.
static void a_matrix_turned_when_it_is_used_gives_the_bits_of_a_kept_one(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    Pool *pool = pool_new(2);
    for (int precision = 0; precision < 3; precision++) {
        ModelConfig m = dense_model(0);
        m.vocab_size = 2 * 2048 + 404;
        m.precision = (Precision)precision;
        m.intermediate_size = 456; // pieces of more than a panel
        m.mlp_bias = true;
        Policy *p[2];
        PolicyPlan plan[2];
        for (int i = 0; i < 2; i++) {
            PolicyOpts o = opts_of(false, pool);
            o.partial_sums = 1 + i;
            o.chunk_tokens = N_TOKENS;
            assert_ok(policy_plan(&m, &o, &plan[i]));
            assert_ok(policy_new(&m, &o, &p[i]));
            policy_init(p[i], 7);
            const Pack few = pack_make(x.token, x.want, x.seq, 4, x.arena);
            assert_ok(train_all(p[i], &few, 1, &warm, both, NULL));
        }
        assert_int_equal(plan[0].packed < plan[1].packed, m.precision != PRECISION_FP8);
        same_gradients(p[0], p[1]);
        int n;
        for (int i = 0; i < 2; i++) {
            policy_zero_grad(p[i]);
            assert_ok(train_all(p[i], &x.pack, 1, &warm, both, NULL));
        }
        const ParamCopy *a = params_read(p[0], &n), *b = params_read(p[1], &n);
        assert_close(a[0].grad, b[0].grad, (size_t)a[0].rows * (size_t)a[0].cols, 1e-6, 1e-4);
        assert_memory_equal(a[1].grad, b[1].grad, sizeof(float) * (size_t)a[1].rows);
        policy_free(p[0]);
        policy_free(p[1]);
    }
    pool_free(pool);
    arena_free(x.arena);
}

// Sampling, training, sampling, scoring and training once more, in one place or in two.
static void taking_turns_changes_no_bit(void **state) {
    (void)state;
    static const BatchCut cut = {40, 7, 3, 0x1ff};
    WaysText x;
    open_text(&x);
    Pool *pool = pool_new(2);
    Policy *p[2];
    const ModelConfig model = dense_model(0);
    float logp[2][3][N_TOKENS];
    for (int i = 0; i < 2; i++) {
        const PolicyOpts o = opts_of(i, pool);
        assert_ok(policy_new(&model, &o, &p[i]));
        policy_init(p[i], 7);
        Mean mean = {.denominator = 100};
        decode_text(p[i], &x, cut, logp[i][0]);
        int n;
        Pack *chunk = pack_chunks(x.token, x.want, x.seq, NULL, N_SEQS, 256, &n, x.arena);
        assert_ok(train_all(p[i], chunk, n, &warm, mean_loss, &mean));
        decode_text(p[i], &x, cut, logp[i][1]);
        assert_ok(policy_score(p[i], &x.pack, &warm, logp[i][2], NULL));
        assert_ok(train_all(p[i], chunk, n, &warm, mean_loss, &mean));
        assert_int_equal(differing(&x, logp[i][0], logp[i][1], 0x1ff), 0);
        assert_int_equal(differing(&x, logp[i][0], logp[i][2], 0x1ff), 0);
    }
    assert_int_equal(differing(&x, logp[0][0], logp[1][0], 0x1ff), 0);
    same_gradients(p[0], p[1]);
    policy_free(p[0]);
    policy_free(p[1]);
    pool_free(pool);
    arena_free(x.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_large_takes_turns),
        cmocka_unit_test(a_matrix_turned_when_it_is_used_gives_the_bits_of_a_kept_one),
        cmocka_unit_test(taking_turns_changes_no_bit),
    };
    return cmocka_run_group_tests_name("policy/plan", tests, NULL, NULL);
}
