// tests/test_dense.c -- policy/dense: the dense families give the same bits however they are cut.
//
// That they compute what Hugging Face's code does is tests/test_golden.c's business.
#include "tests/same_bits.h"

static void decoding_gives_the_bits_of_scoring(void **state) {
    (void)state;
    for (int set = 0; set < GEMM_SETS; set++) {
        bool emulated;
        if (!set_is_here((GemmSet)set, &emulated)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int f = 0; f < 3 * N_DENSE; f++) {
            ModelConfig m = dense_model(f % N_DENSE);
            m.precision = (Precision)(f / N_DENSE);
            if (set == GEMM_PORTABLE && f % N_DENSE != f / N_DENSE) continue; // slow
            if (emulated && (f / N_DENSE == 0 || f % N_DENSE != 1)) continue; // slow
            check_decode(m, set != GEMM_PORTABLE && !emulated);
        }
        done_with_row(emulated);
    }
}

// Blocks of all sizes, and few enough sequences that all threads share one: heads and columns, or
// pieces of a prompt, are then divided among them.
static void threads_that_decode_give_the_bits_of_scoring(void **state) {
    (void)state;
    static const BatchCut cuts[] = {
        {1, 1, 1, 0x1ff}, {200, 200, 5, 0x1ff}, {40, 7, 3, 0x080}, {200, 200, 3, 0x080}};
    WaysText x;
    open_text(&x);
    Pool *pool = pool_new(3);
    for (int which = 0; which < N_DENSE; which++) {
        ModelConfig m = dense_model(which);
        m.precision = which == 0 ? PRECISION_BF16 : PRECISION_FP32; // fp8: the next test's
        Policy *one = make(m, NULL, false, 0, 256);
        Policy *all = make(m, pool, false, 0, 256);
        float want[N_TOKENS], got[N_TOKENS];
        assert_ok(policy_score(one, &x.pack, &warm, want, NULL));
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            decode_text(all, &x, cuts[i], got);
            assert_int_equal(differing(&x, want, got, cuts[i].who), 0);
        }
        policy_free(one);
        policy_free(all);
    }
    pool_free(pool);
    arena_free(x.arena);
}

static void every_set_trains_and_scores_with_the_same_bits(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    for (int f = 0; f < 3 * N_DENSE; f++) {
        ModelConfig m = dense_model(f % N_DENSE);
        m.precision = (Precision)(f / N_DENSE);
        check_sets(&x, m, f % N_DENSE == 1); // emulated tiles are slow
    }
    arena_free(x.arena);
}

static void threads_and_chunks_in_flight_change_no_bit(void **state) {
    (void)state;
#if UNDER_TSAN
    static const int way[][2] = {{4, 4}};
#else
    static const int way[][2] = {{1, 2}, {2, 1}, {4, 4}};
#endif
    WaysText x;
    open_text(&x);
    for (int which = 0; which < N_DENSE; which++) {
        ModelConfig m = dense_model(which);
        m.precision = (Precision)which;
        lanes = 1 << which; // 1, 2, 4
        check_threads(&x, m, way, sizeof way / sizeof *way);
    }
    lanes = 0;
    arena_free(x.arena);
}

// One lane is the gradient itself, and one workspace keeps activations.
static void a_large_model_is_planned_with_one_sum_of_gradients(void **state) {
    (void)state;
    Pool *pool = pool_new(4);
    PolicyOpts o = {.pool = pool, .trainable = true, .chunk_tokens = 256, .max_seq_tokens = 64};
    ModelConfig m = dense_model(0);
    PolicyPlan small, one, large;
    assert_ok(policy_plan(&m, &o, &small));
    o.partial_sums = 1;
    assert_ok(policy_plan(&m, &o, &one));
    assert_true(one.gradients < one.weights + 1024);
    assert_true(small.gradients >= 7 * small.weights);
    assert_true(one.activations < small.activations);
    o.partial_sums = 0;
    m.intermediate_size = POLICY_ONE_SUM_PARAMS / (3 * m.n_layers * m.hidden_size);
    assert_ok(policy_plan(&m, &o, &large));
    assert_true(large.gradients < large.weights + 1024);
    pool_free(pool);
}

// Pages of bf16 hold two values where fp32 has one; heads are rounded up to 32 in width.
static void a_cache_in_bf16_is_planned_with_half_the_bytes(void **state) {
    (void)state;
    PolicyOpts o = {.chunk_tokens = 64, .max_seq_tokens = 64, .kv_pages = 512};
    for (int which = 0; which < N_DENSE; which++) {
        ModelConfig m = dense_model(which);
        const size_t dp = (size_t)((m.head_dim + 31) & ~31), heads = (size_t)(2 * m.n_kv_heads);
        PolicyPlan plan;
        for (int precision = 0; precision < 3; precision++) {
            m.precision = (Precision)precision;
            assert_ok(policy_plan(&m, &o, &plan));
            const size_t floats = heads / 2 * (dp + (size_t)m.head_dim);
            const size_t token = precision == 0 ? floats * 4 : heads * dp * 2;
            assert_in_range(plan.kv, 2 * 512 * 16 * token, 2 * 512 * 16 * token + 256);
        }
    }
}

// A page holds keys as columns: what a fork copies must be whole.
static void copied_page(Precision precision) {
    WaysText x;
    open_text(&x);
    ModelConfig m = dense_model(0);
    m.precision = precision;
    Policy *p = make(m, NULL, false, 0, 256);
    float want[N_TOKENS], got[N_TOKENS];
    assert_ok(policy_score(p, &x.pack, &warm, want, NULL));
    int32_t page[MAX_SEQ / KV_PAGE_TOKENS + 1];
    for (int i = 0; i <= MAX_SEQ / KV_PAGE_TOKENS; i++) page[i] = i;
    Decoded d = {&x, got};
    const Seq *seq = &x.seq[4];
    DecodeSeq q = {.token = x.token + seq->begin, .n_new = 100, .page = page, .id = 4};
    assert_ok(policy_logits(p, &q, 1, keep_logp, &d));
    policy_kv_copy(p, 6, 100, 100 % KV_PAGE_TOKENS);
    page[6] = 100;
    q = (DecodeSeq){.token = x.token + seq->begin + 100,
                    .n_new = 30,
                    .pos = 100,
                    .page = page,
                    .n_logits = 30,
                    .id = 4};
    assert_ok(policy_logits(p, &q, 1, keep_logp, &d));
    assert_memory_equal(&got[seq->begin + 101], &want[seq->begin + 101], 29 * sizeof *got);
    policy_free(p);
    arena_free(x.arena);
}
static void a_copied_page_reads_as_the_first(void **state) {
    (void)state;
    copied_page(PRECISION_FP32);
    copied_page(PRECISION_BF16);
}

static void heads_that_cannot_be_are_refused_by_name(void **state) {
    (void)state;
    const PolicyOpts o = {.chunk_tokens = 8, .max_seq_tokens = 8};
    PolicyPlan plan;
    ModelConfig m = dense_model(0);
    m.n_kv_heads = 4;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_CONFIG);
    assert_non_null(strstr(status_text(), "num_key_value_heads"));
    m = dense_model(0);
    m.head_dim = 31;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_CONFIG);
    assert_non_null(strstr(status_text(), "head_dim"));
    m.head_dim = 514;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_UNSUPPORTED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_that_decode_give_the_bits_of_scoring),
        cmocka_unit_test(threads_and_chunks_in_flight_change_no_bit),
        cmocka_unit_test(a_large_model_is_planned_with_one_sum_of_gradients),
        cmocka_unit_test(decoding_gives_the_bits_of_scoring),
        cmocka_unit_test(every_set_trains_and_scores_with_the_same_bits),
        cmocka_unit_test(a_cache_in_bf16_is_planned_with_half_the_bytes),
        cmocka_unit_test(a_copied_page_reads_as_the_first),
        cmocka_unit_test(heads_that_cannot_be_are_refused_by_name),
    };
    cmocka_set_test_filter(UNDER_TSAN ? "threads_*" : NULL); // the others run on one thread
    return cmocka_run_group_tests_name("policy/dense", tests, NULL, NULL);
}
