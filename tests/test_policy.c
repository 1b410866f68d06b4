// tests/test_policy.c -- policy: the same bits however it is cut, and it learns.
#include "policy/policy.h"

#include "base/arena.h"
#include "base/rng.h"
#include "policy/cpu/gemm.h"
#include "policy/cpu/gemm_row.h"
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

// Under ThreadSanitizer, some thirty times slower, only what runs on threads is run.
#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

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

// Chunks may run on several threads: each has its own sum.
typedef struct Mean {
    double denominator, loss[32];
} Mean;

static double total(const Mean *mean) {
    double sum = 0;
    for (size_t c = 0; c < sizeof mean->loss / sizeof *mean->loss; c++) sum += mean->loss[c];
    return sum;
}

static Status mean_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                        const float *entropy, float *dlogp, float *dentropy) {
    (void)entropy, (void)dentropy;
    Mean *mean = ctx;
    CHECK(c < (int)(sizeof mean->loss / sizeof *mean->loss));
    for (int s = 0; s < chunk->n_seqs; s++)
        for (int t = 1; t < chunk->seq[s].end - chunk->seq[s].begin; t++) {
            if (!chunk->want[chunk->seq[s].begin + t]) continue;
            dlogp[chunk->offset[s] + t] = (float)(-1 / mean->denominator);
            mean->loss[c] -= (double)logp[chunk->offset[s] + t] / mean->denominator;
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
    double first = 0;
    Mean sum;
    for (int i = 0; i < 60; i++) {
        sum = (Mean){.denominator = N * (LEN - 1)};
        StepReport r;
        assert_ok(policy_train(p, chunk, n, &o, mean_loss, &sum));
        assert_ok(policy_step(p, &a, 5e-3, &r));
        if (i == 0) first = total(&sum);
        if (i == 0) assert_int_equal(r.n_without_grad, 0);
    }
    print_message("loss %g -> %g\n", first, total(&sum));
    assert_true(total(&sum) < 0.1 * first);
    policy_free(p);
    arena_free(arena);
}

// ---- one text, many ways through the model

enum { N_SEQS = 9, N_TOKENS = 700 };

typedef struct Text {
    Arena *arena;
    int32_t token[N_TOKENS];
    uint8_t want[N_TOKENS];
    Seq seq[N_SEQS];
    Pack pack;
} Text;

static void open_text(Text *x) {
    static const int length[N_SEQS] = {1, 17, 64, 65, 130, 16, 2, 199, 100};
    Rng rng = rng_open((RngKey){.seed = 1, .stream = RNG_TEST});
    x->arena = arena_new(1 << 16);
    for (int s = 0, at = 0; s < N_SEQS; at += length[s++]) x->seq[s] = (Seq){at, at + length[s], s};
    for (int i = 0; i < N_TOKENS; i++) {
        x->token[i] = (int32_t)rng_below(&rng, 53);
        x->want[i] = 1;
    }
    for (int s = 0; s < N_SEQS; s++) x->want[x->seq[s].begin] = 0;
    x->pack = pack_make(x->token, x->want, x->seq, N_SEQS, x->arena);
}

static const ScoreOpts warm = {.temperature = 0.7};
static const float warm_inverse = (float)(1 / 0.7);

typedef struct Decoded {
    const Text *text;
    float *logp;
} Decoded;

// Row `row` of a call predicts the token after position pos + n_new - n_logits + row.
static void keep_logp(void *ctx, const DecodeSeq *q, int row, const float *logits) {
    const Decoded *d = ctx;
    const Seq *seq = &d->text->seq[q->id];
    const int at = seq->begin + q->pos + q->n_new - q->n_logits + row + 1;
    if (at < seq->end)
        d->logp[at] = policy_logprob_row(logits, 53, warm_inverse, d->text->token[at], NULL, NULL);
}

// How a decode is cut: the first `prefill` tokens in pieces of `piece`, then one by one; sequences
// whose bit is not in `who` stay away; pages are dealt by `stride`.
typedef struct Cut {
    int prefill, piece, stride;
    unsigned who;
} Cut;

static void decode_text(Policy *p, Text *x, Cut cut, float *logp) {
    int32_t page[N_SEQS][MAX_SEQ / KV_PAGE_TOKENS + 1];
    int pos[N_SEQS] = {0};
    for (int s = 0, at = 0; s < N_SEQS; s++)
        for (int i = 0; i <= MAX_SEQ / KV_PAGE_TOKENS; i++) page[s][i] = at++ * cut.stride % 127;
    Decoded d = {x, logp};
    memset(logp, 0, N_TOKENS * sizeof *logp);
    for (;;) {
        DecodeSeq q[N_SEQS];
        int n = 0;
        for (int s = 0; s < N_SEQS; s++) {
            const int left = x->seq[s].end - x->seq[s].begin - pos[s];
            if (!(cut.who >> s & 1) || left == 0) continue;
            int step = pos[s] < cut.prefill ? cut.piece : 1;
            if (step > left) step = left;
            q[n++] = (DecodeSeq){.token = x->token + x->seq[s].begin + pos[s],
                                 .n_new = step,
                                 .pos = pos[s],
                                 .page = page[s],
                                 .n_logits = step,
                                 .id = s};
            pos[s] += step;
        }
        if (n == 0) return;
        assert_ok(policy_decode(p, q, n, keep_logp, &d));
    }
}

// 0 where bits agree on every wanted token of the sequences in `who`, else how many differ.
static int differing(const Text *x, const float *a, const float *b, unsigned who) {
    int n = 0;
    for (int s = 0; s < N_SEQS; s++)
        for (int t = x->seq[s].begin + 1; who >> s & 1 && t < x->seq[s].end; t++)
            n += memcmp(&a[t], &b[t], sizeof *a) != 0;
    return n;
}

static void check_decode(ModelConfig m, bool every_cut) {
    static const Cut cuts[] = {{1, 1, 1, 0x1ff},
                               {200, 200, 5, 0x1ff},
                               {40, 7, 3, 0x1ff},
                               {64, 33, 11, 0x090},
                               {12, 12, 1, 0x080}};
    Text x;
    open_text(&x);
    Policy *p = make(m, NULL, false, 0, 256);
    float want[N_TOKENS], got[N_TOKENS];
    assert_ok(policy_score(p, &x.pack, &warm, want, NULL));
    for (size_t i = 0; i < (every_cut ? sizeof cuts / sizeof *cuts : 2); i++) {
        decode_text(p, &x, cuts[i], got);
        const int off = differing(&x, want, got, cuts[i].who);
        if (off)
            fail_msg("%s, precision %d, form %d, cut %zu: %d log-probs differ",
                     gemm_row_name(gemm_row()), (int)m.precision, (int)m.mla_form, i, off);
    }
    policy_free(p);
    arena_free(x.arena);
}

extern const GemmKernel gemm_amx_emulated; // gemm_amx.c built with TILE_EMULATED

// Is this row here? One that is not is named; AMX runs on emulated tiles (slowly) then.
static bool row_is_here(GemmRow row, bool *emulated) {
    *emulated = false;
    if (gemm_row_supported(row)) return true;
    if (row == GEMM_AMX && gemm_row_supported(GEMM_AVX512)) {
        gemm_emulate(&gemm_amx_emulated);
        print_message("row amx runs on emulated tiles\n");
        return *emulated = true;
    }
    print_message("row %s is not on this machine\n", gemm_row_name(row));
    return false;
}
static void done_with_row(bool emulated) {
    if (emulated) gemm_emulate(NULL);
    assert_ok(gemm_select(NULL));
}

static void decoding_gives_the_bits_of_scoring(void **state) {
    (void)state;
    for (int row = 0; row < GEMM_ROWS; row++) {
        bool emulated;
        if (!row_is_here((GemmRow)row, &emulated)) continue;
        assert_ok(gemm_select(gemm_row_name((GemmRow)row)));
        for (int f = 0; f < 6; f++) {
            ModelConfig m = desk;
            m.precision = (Precision)(f % 3);
            m.mla_form = f < 3 ? MLA_ABSORBED : MLA_EXPANDED;
            if (row == GEMM_PORTABLE && f > 2) continue; // slow; the other rows do both forms
            if (emulated && (f == 0 || f > 2)) continue; // slow; fp32 is AVX-512's
            check_decode(m, row != GEMM_PORTABLE && !emulated);
        }
        done_with_row(emulated);
    }
}

static void every_row_gives_the_same_bits(void **state) {
    (void)state;
    Text x;
    open_text(&x);
    for (int precision = 0; precision < 3; precision++) {
        float want[N_TOKENS], got[N_TOKENS], *grad = NULL;
        int n;
        bool first = true, emulated;
        for (int row = GEMM_ROWS - 1; row >= GEMM_AVX2; row--) {
            if (!row_is_here((GemmRow)row, &emulated)) continue;
            assert_ok(gemm_select(gemm_row_name((GemmRow)row)));
            ModelConfig m = desk;
            m.precision = (Precision)precision;
            Policy *p = make(m, NULL, true, 0, 1024);
            assert_ok(policy_score(p, &x.pack, &warm, first ? want : got, NULL));
            Mean sum = {.denominator = 500};
            assert_ok(policy_train(p, &x.pack, 1, &warm, mean_loss, &sum));
            Param *q = policy_params(p, &n);
            const size_t size = (size_t)(q[n - 1].master - q[0].master);
            if (first) {
                grad = ARENA_ARRAY(x.arena, float, size);
                memcpy(grad, q[0].grad, size * sizeof *grad);
            } else {
                assert_int_equal(differing(&x, want, got, 0x1ff), 0);
                assert_memory_equal(grad, q[0].grad, size * sizeof *grad);
            }
            first = false;
            policy_free(p);
            done_with_row(emulated);
        }
    }
    arena_free(x.arena);
}

// Gradients and scores after a step, with this many threads and chunks in flight.
static float *trained(Text *x, int threads, int in_flight, size_t *n_out, Precision precision) {
    Pool *pool = pool_new(threads);
    ModelConfig m = desk;
    m.precision = precision;
    Policy *p = make(m, pool, true, in_flight, 200);
    int n_chunks, n;
    Pack *chunk = pack_chunks(x->token, x->want, x->seq, NULL, N_SEQS, 200, &n_chunks, x->arena);
    assert_true(n_chunks > 3);
    Mean sum = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    AdamWConfig a = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1, .router_bias_step = 1e-3};
    StepReport r;
    assert_ok(policy_train(p, chunk, n_chunks, &o, mean_loss, &sum));
    assert_ok(policy_step(p, &a, 1e-3, &r));
    assert_ok(policy_train(p, chunk, n_chunks, &o, mean_loss, &sum));
    Param *q = policy_params(p, &n);
    const size_t size = (size_t)(q[n - 1].master - q[0].master);
    float *out = ARENA_ARRAY(x->arena, float, 2 * size + N_TOKENS);
    memcpy(out, q[0].grad, size * sizeof *out);
    memcpy(out + size, q[0].master, size * sizeof *out);
    assert_ok(policy_score(p, &x->pack, &warm, out + 2 * size, NULL));
    *n_out = 2 * size + N_TOKENS;
    policy_free(p);
    pool_free(pool);
    return out;
}

static void threads_and_chunks_in_flight_change_no_bit(void **state) {
    (void)state;
#if WATCHED
    static const int way[][2] = {{4, 4}};
#else
    static const int way[][2] = {{1, 2}, {2, 1}, {2, 2}, {4, 4}};
#endif
    Text x;
    open_text(&x);
    for (int precision = 0; precision < 3; precision++) {
        size_t n, k;
        const float *one = trained(&x, 1, 1, &n, (Precision)precision);
        for (size_t i = 0; i < sizeof way / sizeof *way; i++) {
            const float *other = trained(&x, way[i][0], way[i][1], &k, (Precision)precision);
            assert_int_equal(n, k);
            assert_memory_equal(one, other, n * sizeof *one);
        }
    }
    arena_free(x.arena);
}

static void a_chunk_beyond_the_plan_is_trained_in_pieces(void **state) {
    (void)state;
    Text x;
    open_text(&x);
    Policy *big = make(desk, NULL, true, 0, 1024), *small = make(desk, NULL, true, 0, 200);
    Mean sum = {.denominator = 500}, again = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    assert_ok(policy_train(big, &x.pack, 1, &o, mean_loss, &sum));
    assert_ok(policy_train(small, &x.pack, 1, &o, mean_loss, &again));
    assert_true(total(&sum) == total(&again)); // the same log-probs
    int n;
    Param *a = policy_params(big, &n), *b = policy_params(small, &n);
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
    Text x;
    open_text(&x);
    Policy *p = make(desk, NULL, false, 0, 256);
    float want[N_TOKENS], got[N_TOKENS];
    const Cut cut = {200, 50, 1, 0x1ff};
    assert_ok(policy_score(p, &x.pack, &warm, want, NULL));

    // a page filled under older weights: prefill, move one weight by one ulp, go on
    int32_t page[MAX_SEQ / KV_PAGE_TOKENS + 1];
    for (int i = 0; i <= MAX_SEQ / KV_PAGE_TOKENS; i++) page[i] = i;
    Decoded d = {&x, got};
    const Seq *seq = &x.seq[4];
    DecodeSeq q = {.token = x.token + seq->begin, .n_new = 100, .page = page, .id = 4};
    assert_ok(policy_decode(p, &q, 1, keep_logp, &d));
    policy_kv_copy(p, 6, 2, 16); // somebody else's page
    q = (DecodeSeq){.token = x.token + seq->begin + 100,
                    .n_new = 30,
                    .pos = 100,
                    .page = page,
                    .n_logits = 30,
                    .id = 4};
    assert_ok(policy_decode(p, &q, 1, keep_logp, &d));
    assert_true(memcmp(&got[seq->begin + 110], &want[seq->begin + 110], 16 * sizeof *got) != 0);

    x.token[seq->begin + 3] ^= 1; // a sample that was tokenised again
    decode_text(p, &x, cut, got);
    x.token[seq->begin + 3] ^= 1;
    assert_true(differing(&x, want, got, 1u << 4) > 100);
    assert_int_equal(differing(&x, want, got, 0x1ff & ~(1u << 4)), 0);

    // another kernel: one weight off by one unit in the last place
    int n;
    Param *param = policy_params(p, &n);
    for (int i = 0; i < n; i++)
        if (strstr(param[i].name, "layers.1.self_attn.kv_b_proj"))
            param[i].master[5] = nextafterf(param[i].master[5], 9);
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
    const ModelConfig good = desk;
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
        cmocka_unit_test(every_row_gives_the_same_bits),
        cmocka_unit_test(threads_and_chunks_in_flight_change_no_bit),
        cmocka_unit_test(a_chunk_beyond_the_plan_is_trained_in_pieces),
        cmocka_unit_test(a_stale_page_a_changed_token_and_an_ulp_are_caught),
    };
    cmocka_set_test_filter(WATCHED ? "threads_*" : NULL);
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
