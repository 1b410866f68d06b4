// tests/test_policy.c -- policy: the same bits however it is cut, and it learns.
#include "policy/policy.h"

#include "tests/same_bits.h"

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
    Policy *p = make(small_moe, NULL, true, 1, 128);
    int n;
    Pack *chunk = pack_chunks(token, want, seq, NULL, N, 128, &n, arena);
    ScoreOpts o = {.temperature = 1};
    AdamWConfig a = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1};
    double first = 0;
    Mean sum;
    for (int i = 0; i < 60; i++) {
        sum = (Mean){.denominator = N * (LEN - 1)};
        StepReport r;
        assert_ok(train_all(p, chunk, n, &o, mean_loss, &sum));
        assert_ok(policy_step(p, &a, 5e-3, &r));
        if (i == 0) first = total(&sum);
        if (i == 0) assert_int_equal(r.n_without_grad, 0);
    }
    print_message("loss %g -> %g\n", first, total(&sum));
    assert_true(total(&sum) < 0.1 * first);
    policy_free(p);
    arena_free(arena);
}

static void decoding_gives_the_bits_of_scoring(void **state) {
    (void)state;
    for (int set = 0; set < GEMM_SETS; set++) {
        bool emulated;
        if (!set_is_here((GemmSet)set, &emulated)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        for (int f = 0; f < 6; f++) {
            ModelConfig m = small_moe;
            m.precision = (Precision)(f % 3);
            m.mla_form = f < 3 ? MLA_ABSORBED : MLA_EXPANDED;
            if (set == GEMM_PORTABLE && f > 2) continue; // slow; the other sets do both forms
            if (emulated && (f == 0 || f > 2)) continue; // slow; fp32 is AVX-512's
            check_decode(m, set != GEMM_PORTABLE && !emulated);
        }
        done_with_row(emulated);
    }
}

static void every_set_gives_the_same_bits(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    for (int precision = 0; precision < 3; precision++) {
        ModelConfig m = small_moe;
        m.precision = (Precision)precision;
        check_sets(&x, m, true);
    }
    arena_free(x.arena);
}

static void threads_and_chunks_in_flight_change_no_bit(void **state) {
    (void)state;
#if UNDER_TSAN
    static const int way[][2] = {{4, 4}};
#else
    static const int way[][2] = {{1, 2}, {2, 1}, {2, 2}, {4, 4}};
#endif
    WaysText x;
    open_text(&x);
    for (int precision = 0; precision < 3; precision++) {
        ModelConfig m = small_moe;
        m.precision = (Precision)precision;
        check_threads(&x, m, way, sizeof way / sizeof *way);
    }
    arena_free(x.arena);
}

static void a_chunk_beyond_the_plan_is_trained_in_pieces(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    Policy *big = make(small_moe, NULL, true, 0, 1024),
           *small = make(small_moe, NULL, true, 0, 200);
    Mean sum = {.denominator = 500}, again = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    assert_ok(train_all(big, &x.pack, 1, &o, mean_loss, &sum));
    assert_ok(train_all(small, &x.pack, 1, &o, mean_loss, &again));
    assert_true(total(&sum) == total(&again)); // the same log-probs
    int n;
    const ParamCopy *a = params_read(big, &n), *b = params_read(small, &n);
    double off = 0, all = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; a[i].grad && j < a[i].rows * (a[i].cols > 0 ? a[i].cols : 1); j++) {
            off += pow((double)a[i].grad[j] - (double)b[i].grad[j], 2);
            all += pow((double)a[i].grad[j], 2);
        }
    assert_true(off > 0 && sqrt(off / all) < 1e-5);
    StepReport r, q;
    const AdamWConfig adam = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8};
    assert_ok(policy_step(big, &adam, 1e-3, &r));
    assert_ok(policy_step(small, &adam, 1e-3, &q));
    assert_true(r.load_max == q.load_max && r.load_min == q.load_min); // tokens counted once
    policy_free(big);
    policy_free(small);
    arena_free(x.arena);
}

// ---- the comparison catches what it must

static void a_stale_page_a_changed_token_and_an_ulp_are_caught(void **state) {
    (void)state;
    WaysText x;
    open_text(&x);
    Policy *p = make(small_moe, NULL, false, 0, 256);
    float want[N_TOKENS], got[N_TOKENS];
    const BatchCut cut = {200, 50, 1, 0x1ff};
    assert_ok(policy_score(p, &x.pack, &warm, want, NULL));

    // a page filled under older weights: prefill, move one weight by one ulp, go on
    int32_t page[MAX_SEQ / KV_PAGE_TOKENS + 1];
    for (int i = 0; i <= MAX_SEQ / KV_PAGE_TOKENS; i++) page[i] = i;
    Decoded d = {&x, got};
    const Seq *seq = &x.seq[4];
    DecodeSeq q = {.token = x.token + seq->begin, .n_new = 100, .page = page, .id = 4};
    assert_ok(policy_logits(p, &q, 1, keep_logp, &d));
    policy_kv_copy(p, 6, 2, 16); // somebody else's page
    q = (DecodeSeq){.token = x.token + seq->begin + 100,
                    .n_new = 30,
                    .pos = 100,
                    .page = page,
                    .n_logits = 30,
                    .id = 4};
    assert_ok(policy_logits(p, &q, 1, keep_logp, &d));
    assert_true(memcmp(&got[seq->begin + 110], &want[seq->begin + 110], 16 * sizeof *got) != 0);

    x.token[seq->begin + 3] ^= 1; // a sample that was tokenised again
    decode_text(p, &x, cut, got);
    x.token[seq->begin + 3] ^= 1;
    assert_true(differing(&x, want, got, 1u << 4) > 100);
    assert_int_equal(differing(&x, want, got, 0x1ff & ~(1u << 4)), 0);

    // another kernel: one weight off by one unit in the last place
    int n;
    ParamCopy *param = params_read(p, &n);
    for (int i = 0; i < n; i++)
        if (strstr(param[i].name, "layers.1.self_attn.kv_b_proj"))
            param[i].master[5] = nextafterf(param[i].master[5], 9);
    params_write(p, param);
    policy_sync(p);
    decode_text(p, &x, cut, got);
    assert_true(differing(&x, want, got, 0x1ff) > 50);
    policy_free(p);
    arena_free(x.arena);
}

static void sizes_beyond_what_is_built_are_refused(void **state) {
    (void)state;
    Pool *pool = pool_new(1);
    PolicyOpts o = {.pool = pool, .chunk_tokens = 16, .max_seq_tokens = 16};
    const ModelConfig good = small_moe;
    PolicyPlan plan;
    assert_ok(policy_plan(&good, &o, &plan));
    ModelConfig m = good;
    m.qk_rope_head_dim = 514;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "qk_rope_head_dim is 514; at most 512"));
    m = good;
    m.vocab_size = (1 << 19) + 1;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "vocab_size is 524289; at most 524288"));
    m = good;
    m.n_layers = 1 << 30;
    assert_int_equal(policy_plan(&m, &o, &plan), ST_UNSUPPORTED);
    assert_non_null(strstr(status_text(), "num_hidden_layers is 1073741824"));
    pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_beyond_what_is_built_are_refused),
        cmocka_unit_test(learns_a_repeating_pattern),
        cmocka_unit_test(decoding_gives_the_bits_of_scoring),
        cmocka_unit_test(every_set_gives_the_same_bits),
        cmocka_unit_test(threads_and_chunks_in_flight_change_no_bit),
        cmocka_unit_test(a_chunk_beyond_the_plan_is_trained_in_pieces),
        cmocka_unit_test(a_stale_page_a_changed_token_and_an_ulp_are_caught),
    };
    cmocka_set_test_filter(UNDER_TSAN ? "threads_*" : NULL);
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
