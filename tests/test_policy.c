// tests/test_policy.c -- policy: the same bits however it is cut, and it learns.
#include "policy/policy.h"

#include "base/arena.h"
#include "base/rng.h"
#include "policy/cpu/gemm.h"
#include "tests/test.h"

static const ModelConfig desk = {
    .family = FAMILY_MLA_MOE,
    .vocab_size = 53,
    .hidden_size = 64,
    .intermediate_size = 96,
    .n_layers = 3,
    .n_heads = 4,
    .max_position = 256,
    .rms_norm_eps = 1e-6,
    .bos_id = -1,
    .eos_id = 0,
    .rope = {.theta = 10000},
    .q_lora_rank = 40,
    .kv_lora_rank = 48,
    .qk_nope_head_dim = 16,
    .qk_rope_head_dim = 8,
    .v_head_dim = 24,
    .first_k_dense = 1,
    .moe_layer_freq = 1,
    .moe_intermediate_size = 40,
    .n_routed_experts = 8,
    .n_shared_experts = 1,
    .n_experts_per_tok = 2,
    .n_group = 4,
    .topk_group = 2,
    .norm_topk_prob = true,
    .routed_scaling_factor = 1.5,
    .scoring = ROUTER_SIGMOID,
    .topk_method = TOPK_NOAUX_TC,
};

enum { MAX_SEQ = 200 };

static Policy *make(ModelConfig m, Pool *pool, bool train, int in_flight, int chunk) {
    PolicyOpts o = {.pool = pool,
                    .trainable = train,
                    .chunk_tokens = chunk,
                    .max_seq_tokens = MAX_SEQ,
                    .chunks_in_flight = in_flight,
                    .kv_pages = 128,
                    .max_decode_rows = 1024};
    Policy *p = NULL;
    assert_ok(policy_new(&m, &o, &p));
    policy_init(p, 7);
    return p;
}

static Status mean_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                        const float *entropy, float *dlogp, float *dentropy) {
    (void)c, (void)entropy, (void)dentropy;
    double *sum = ctx; // [0] denominator, [1] loss (one thread)
    for (int s = 0; s < chunk->n_seqs; s++)
        for (int t = 1; t < chunk->seq[s].end - chunk->seq[s].begin; t++) {
            if (!chunk->want[chunk->seq[s].begin + t]) continue;
            dlogp[chunk->offset[s] + t] = (float)(-1 / sum[0]);
            sum[1] -= (double)logp[chunk->offset[s] + t] / sum[0];
        }
    return ST_OK;
}

static void learns_a_repeating_pattern(void **state) {
    (void)state;
    enum { N = 8, LEN = 40 };
    Arena *arena = arena_new(1 << 16);
    int32_t token[N * LEN];
    uint8_t want[N * LEN];
    Seq seq[N];
    for (int i = 0; i < N * LEN; i++) {
        token[i] = (i / LEN * 5 + i % LEN % 7 * 3) % 53;
        want[i] = i % LEN != 0;
    }
    for (int s = 0; s < N; s++) seq[s] = (Seq){s * LEN, (s + 1) * LEN, s};
    Policy *p = make(desk, NULL, true, 1, 128);
    int n;
    Pack *chunk = pack_chunks(token, want, seq, NULL, N, 128, &n, arena);
    ScoreOpts o = {.temperature = 1};
    AdamWConfig a = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1};
    double first = 0, sum[2];
    for (int i = 0; i < 60; i++) {
        sum[0] = N * (LEN - 1);
        sum[1] = 0;
        StepReport r;
        assert_ok(policy_train(p, chunk, n, &o, mean_loss, sum));
        assert_ok(policy_step(p, &a, 5e-3, &r));
        if (i == 0) first = sum[1];
        if (i == 0) assert_int_equal(r.n_without_grad, 0);
    }
    print_message("loss %g -> %g\n", first, sum[1]);
    assert_true(sum[1] < 0.1 * first);
    policy_free(p);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_a_repeating_pattern),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
