// tests/same_bits.h -- one text, many ways through a model that must give the same bits.
//
// For test_policy.c, test_dense.c and test_sharing.c: static functions, included once by each.
#ifndef TESTS_SAME_BITS_H
#define TESTS_SAME_BITS_H

#include "base/arena.h"
#include "base/rng.h"
#include "policy/cpu/gemm.h"
#include "policy/cpu/gemm_set.h"
#include "policy/policy.h"
#include "tests/models.h"
#include "tests/param.h"
#include "tests/test.h"

// Under ThreadSanitizer, some thirty times slower, only what runs on threads is run.
#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

enum { MAX_SEQ = 200 };

static int lanes; // of gradients; 0 = as the model's size says

static Policy *make(ModelConfig m, Pool *pool, bool train, int in_flight, int chunk) {
    PolicyOpts o = {.pool = pool,
                    .trainable = train,
                    .chunk_tokens = chunk,
                    .max_seq_tokens = MAX_SEQ,
                    .chunks_in_flight = in_flight,
                    .partial_sums = lanes,
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

static inline double total(const Mean *mean) {
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

// A loss that keeps what the trainer's forward pass gave: ctx is float [n_tokens].
__attribute__((unused)) static Status keep_forward(void *ctx, int c, const Pack *chunk,
                                                   const float *logp, const float *entropy,
                                                   float *dlogp, float *dentropy) {
    (void)c, (void)entropy, (void)dentropy;
    for (int i = 0; i < chunk->n_tokens; i++) {
        ((float *)ctx)[i] = logp[i];
        dlogp[i] = -0.002f;
    }
    return ST_OK;
}

// ---- one text, many ways through the model

enum { N_SEQS = 9, N_TOKENS = 700 };

typedef struct WaysText {
    Arena *arena;
    int32_t token[N_TOKENS];
    uint8_t want[N_TOKENS];
    Seq seq[N_SEQS];
    Pack pack;
} WaysText;

static void open_text(WaysText *x) {
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
    const WaysText *text;
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
typedef struct BatchCut {
    int prefill, piece, stride;
    unsigned who;
} BatchCut;

static void decode_text(Policy *p, WaysText *x, BatchCut cut, float *logp) {
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
        assert_ok(policy_logits(p, q, n, keep_logp, &d));
    }
}

// 0 where bits agree on every wanted token of the sequences in `who`, else how many differ.
static inline int differing(const WaysText *x, const float *a, const float *b, unsigned who) {
    int n = 0;
    for (int s = 0; s < N_SEQS; s++)
        for (int t = x->seq[s].begin + 1; who >> s & 1 && t < x->seq[s].end; t++)
            n += memcmp(&a[t], &b[t], sizeof *a) != 0;
    return n;
}

static inline void check_decode(ModelConfig m, bool every_cut) {
    static const BatchCut cuts[] = {{1, 1, 1, 0x1ff},
                                    {200, 200, 5, 0x1ff},
                                    {40, 7, 3, 0x1ff},
                                    {64, 33, 11, 0x090},
                                    {12, 12, 1, 0x080}};
    WaysText x;
    open_text(&x);
    Policy *p = make(m, NULL, false, 0, 256);
    float want[N_TOKENS], got[N_TOKENS];
    assert_ok(policy_score(p, &x.pack, &warm, want, NULL));
    for (size_t i = 0; i < (every_cut ? sizeof cuts / sizeof *cuts : 2); i++) {
        decode_text(p, &x, cuts[i], got);
        const int off = differing(&x, want, got, cuts[i].who);
        if (off)
            fail_msg("%s, precision %d, form %d, cut %zu: %d log-probs differ",
                     gemm_set_name(gemm_set()), (int)m.precision, (int)m.mla_form, i, off);
    }
    policy_free(p);
    arena_free(x.arena);
}

extern const GemmKernel gemm_amx_emulated; // gemm_amx.c built with TILE_EMULATED

// Is this kernel set here? One that is not is named; AMX runs on emulated tiles (slowly) then.
static inline bool set_is_here(GemmSet set, bool *emulated) {
    *emulated = false;
    if (gemm_set_supported(set)) return true;
    if (set == GEMM_AMX && gemm_set_supported(GEMM_AVX512)) {
        gemm_emulate(&gemm_amx_emulated);
        print_message("kernel set amx runs on emulated tiles\n");
        return *emulated = true;
    }
    print_message("kernel set %s is not on this machine\n", gemm_set_name(set));
    return false;
}
static inline void done_with_row(bool emulated) {
    if (emulated) gemm_emulate(NULL);
    assert_ok(gemm_select(NULL));
}

// Gradients and scores after a step, with this many threads and chunks in flight.
static inline float *trained(ModelConfig m, WaysText *x, int threads, int in_flight,
                             size_t *n_out) {
    Pool *pool = pool_new(threads);
    Policy *p = make(m, pool, true, in_flight, 200);
    int n_chunks;
    Pack *chunk = pack_chunks(x->token, x->want, x->seq, NULL, N_SEQS, 200, &n_chunks, x->arena);
    assert_true(n_chunks > 3);
    Mean sum = {.denominator = 500};
    ScoreOpts o = warm;
    o.balance_alpha = 0.01;
    AdamWConfig a = {
        .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1, .router_bias_step = 1e-3};
    StepReport r;
    assert_ok(train_all(p, chunk, n_chunks, &o, mean_loss, &sum));
    assert_ok(policy_step(p, &a, 1e-3, &r));
    assert_ok(train_all(p, chunk, n_chunks, &o, mean_loss, &sum));
    size_t n_grad, n_weight;
    const float *grad = params_part(p, PARAM_GRAD, &n_grad);
    const float *weight = params_part(p, PARAM_WEIGHT, &n_weight);
    float *out = ARENA_ARRAY(x->arena, float, n_grad + n_weight + N_TOKENS);
    memcpy(out, grad, n_grad * sizeof *out);
    memcpy(out + n_grad, weight, n_weight * sizeof *out);
    assert_ok(policy_score(p, &x->pack, &warm, out + n_grad + n_weight, NULL));
    *n_out = n_grad + n_weight + N_TOKENS;
    policy_free(p);
    pool_free(pool);
    return out;
}

// Every kernel set of this machine scores and trains `m` with the same bits, and training's forward
// pass gives those of scoring.
__attribute__((unused)) static void check_sets(const WaysText *x, ModelConfig m, bool with_amx) {
    float want[N_TOKENS], got[N_TOKENS], train[N_TOKENS];
    const float *grad = NULL;
    bool first = true, emulated;
    for (int set = GEMM_SETS - 1; set >= GEMM_AVX2; set--) {
        if (set == GEMM_AMX && !with_amx) continue;
        if (!set_is_here((GemmSet)set, &emulated)) continue;
        assert_ok(gemm_select(gemm_set_name((GemmSet)set)));
        Policy *p = make(m, NULL, true, 0, 1024);
        assert_ok(policy_score(p, &x->pack, &warm, first ? want : got, NULL));
        assert_ok(train_all(p, &x->pack, 1, &warm, keep_forward, train));
        assert_int_equal(differing(x, first ? want : got, train, 0x1ff), 0); // ratio 1
        size_t size;
        const float *now = params_part(p, PARAM_GRAD, &size);
        if (first) {
            grad = now;
        } else {
            assert_int_equal(differing(x, want, got, 0x1ff), 0);
            assert_memory_equal(grad, now, size * sizeof *grad);
        }
        first = false;
        policy_free(p);
        done_with_row(emulated);
    }
}

// Two steps' gradients, weights and scores are those of one thread and one chunk at a time.
__attribute__((unused)) static void check_threads(WaysText *x, ModelConfig m, const int (*way)[2],
                                                  size_t n_ways) {
    size_t n, k;
    const float *one = trained(m, x, 1, 1, &n);
    for (size_t i = 0; i < n_ways; i++) {
        const float *other = trained(m, x, way[i][0], way[i][1], &k);
        assert_int_equal(n, k);
        assert_memory_equal(one, other, n * sizeof *one);
    }
}

#endif
