// tests/test_finetune.c -- sft/finetune: it learns, it counts right, and resuming changes no bit.
#include "sft/finetune.h"

#include <stdlib.h>

#include "datasets/desk.h"
#include "sft/example.h"
#include "tests/models.h"
#include "tests/param.h"
#include "tests/test.h"

static int chunk_tokens = 600;

static Tokenizer *tokenizer;
static Corpus *corpus;

static const FinetuneConfig quick = {.steps = 16,
                                     .batch = 24,
                                     .max_tokens = 120,
                                     .lr = 1e-2,
                                     .final_ratio = .1,
                                     .schedule = 2,
                                     .warmup_steps = 3,
                                     .beta1 = .9,
                                     .beta2 = .95,
                                     .eps = 1e-8,
                                     .weight_decay = .01,
                                     .clip_norm = 1,
                                     .router_bias_step = 1e-3};

static Policy *make_policy(Pool *pool, int in_flight) {
    ModelConfig m = tiny_model;
    m.vocab_size = tokenizer_size(tokenizer);
    m.eos_id = tokenizer_id(tokenizer, "<eos>");
    m.max_position = 256;
    m.initializer_range = .02;
    PolicyOpts o = {.pool = pool,
                    .trainable = true,
                    .chunk_tokens = chunk_tokens,
                    .max_seq_tokens = 256,
                    .chunks_in_flight = in_flight};
    Policy *p = NULL;
    assert_ok(policy_new(&m, &o, &p));
    policy_init(p, 3);
    return p;
}

static Finetune *make(Policy *p, Pool *pool, const FinetuneConfig *cfg) {
    Finetune *f = NULL;
    FinetuneDeps deps = {.policy = p,
                         .tokenizer = tokenizer,
                         .pool = pool,
                         .corpus = corpus,
                         .chunk_tokens = chunk_tokens};
    assert_ok(finetune_new(&deps, cfg, &f));
    return f;
}

static double step(Finetune *f) {
    static Metrics m;
    metrics_clear(&m);
    assert_ok(finetune_step(f, &m, NULL));
    return metrics_get(&m, "train/loss", -1);
}

// All masters and moments, one after the other.
static size_t state_of(Policy *p, float **out, float *in) {
    int n;
    size_t at = 0, total = 0;
    ParamCopy *param = params_read(p, &n);
    for (int i = 0; i < n; i++)
        total += 3 * (size_t)param[i].rows * (size_t)(param[i].cols ? param[i].cols : 1);
    if (out) *out = malloc(total * sizeof(float));
    for (int i = 0; i < n; i++) {
        size_t size = (size_t)param[i].rows * (size_t)(param[i].cols ? param[i].cols : 1);
        float *part[] = {param[i].master, param[i].m, param[i].v};
        for (int k = 0; k < 3; k++, at += size) {
            if (!part[k]) {
                if (out) memset(*out + at, 0, size * sizeof(float));
            } else if (out) {
                memcpy(*out + at, part[k], size * sizeof(float));
            } else {
                memcpy(part[k], in + at, size * sizeof(float));
            }
        }
    }
    if (!out) params_write(p, param);
    return total;
}

static void the_loss_falls(void **state) {
    (void)state;
    Policy *p = make_policy(NULL, 1);
    Finetune *f = make(p, NULL, &quick);
    assert_int_equal(finetune_steps(f), 16);
    double held_before, held_after, first = step(f), last = first;
    assert_true(fabs(first - log(tokenizer_size(tokenizer))) < .3); // knows nothing yet
    assert_ok(finetune_loss(f, corpus, 1000000, 50, &held_before));
    for (int i = 1; i < 16; i++) last = step(f);
    assert_ok(finetune_loss(f, corpus, 1000000, 50, &held_after));
    if (!(last < first * .65 && held_after < held_before * .65))
        fail_msg("loss %g -> %g, on other documents %g -> %g", first, last, held_before,
                 held_after);
    finetune_free(f);
    policy_free(p);
}

// The same documents in fewer chunks: the loss is the same, so none sees another.
static void best_fit_fills_chunks(void **state) {
    (void)state;
    double loss[2], fill[2];
    const int before = chunk_tokens;
    int fewer = 0;
    for (chunk_tokens = 60; chunk_tokens <= 140; chunk_tokens += 20) {
        for (int i = 0; i < 2; i++) {
            Policy *p = make_policy(NULL, 1);
            FinetuneConfig cfg = quick;
            cfg.packing = i == 0 ? FINETUNE_IN_ORDER : FINETUNE_BEST_FIT;
            Finetune *f = make(p, NULL, &cfg);
            static Metrics m;
            metrics_clear(&m);
            assert_ok(finetune_step(f, &m, NULL));
            loss[i] = metrics_get(&m, "train/loss", -1);
            fill[i] = finetune_fill(f);
            assert_true(metrics_get(&m, "train/fill", -1) == (i == 0 ? -1 : fill[1]));
            finetune_free(f);
            policy_free(p);
        }
        assert_true(fabs(loss[0] - loss[1]) < 1e-6);
        assert_true(fill[1] <= 1 && fill[1] >= fill[0] - 1e-12);
        fewer += fill[1] > fill[0];
    }
    chunk_tokens = before;
    assert_true(fewer > 0);
}

static void a_resumed_run_equals_one_that_never_stopped(void **state) {
    (void)state;
    enum { STEPS = 6 };
    Policy *p = make_policy(NULL, 1);
    Finetune *f = make(p, NULL, &quick);
    float *saved[STEPS + 1], *got;
    double loss[STEPS];
    size_t n = 0;
    for (int s = 0; s <= STEPS; s++) {
        n = state_of(p, &saved[s], NULL);
        if (s < STEPS) loss[s] = step(f);
    }
    finetune_free(f);
    policy_free(p);
    for (int stop = 1; stop < STEPS; stop++) {
        p = make_policy(NULL, 1);
        state_of(p, NULL, saved[stop]);
        policy_set_steps(p, stop);
        policy_sync(p);
        f = make(p, NULL, &quick);
        finetune_seek(f, stop);
        for (int s = stop; s < STEPS; s++) assert_true(step(f) == loss[s]);
        assert_int_equal(finetune_position(f), STEPS);
        state_of(p, &got, NULL);
        assert_memory_equal(got, saved[STEPS], n * sizeof(float));
        free(got);
        finetune_free(f);
        policy_free(p);
    }
    for (int s = 0; s <= STEPS; s++) free(saved[s]);
}

static void threads_change_no_bit(void **state) {
    (void)state;
    float *got[3];
    size_t n = 0;
    for (int threads = 1; threads <= 3; threads++) {
        Pool *pool = pool_new(threads);
        Policy *p = make_policy(pool, 0);
        Finetune *f = make(p, pool, &quick);
        for (int s = 0; s < 3; s++) step(f);
        n = state_of(p, &got[threads - 1], NULL);
        finetune_free(f);
        policy_free(p);
        pool_free(pool);
    }
    assert_memory_equal(got[0], got[1], n * sizeof(float));
    assert_memory_equal(got[0], got[2], n * sizeof(float));
    for (int i = 0; i < 3; i++) free(got[i]);
}

static void one_denominator_serves_the_whole_batch(void **state) {
    (void)state;
    const int chunks[] = {150, 5000};
    double norm[2], loss[2], scored;
    for (int k = 0; k < 2; k++) {
        chunk_tokens = chunks[k];
        Policy *p = make_policy(NULL, 1);
        Finetune *f = make(p, NULL, &quick);
        Metrics m = {.n = 0};
        StepReport r;
        assert_ok(finetune_loss(f, corpus, 0, (int)quick.batch, &scored));
        assert_ok(finetune_step(f, &m, &r));
        norm[k] = r.grad_norm;
        loss[k] = metrics_get(&m, "train/loss", -1);
        assert_true(fabs(loss[k] - scored) < 1e-9 * scored); // scoring is training's forward
        finetune_free(f);
        policy_free(p);
    }
    chunk_tokens = 600;
    assert_true(fabs(norm[0] - norm[1]) < 1e-5 * norm[1]);
    assert_true(fabs(loss[0] - loss[1]) < 1e-9 * loss[1]);
}

static void metrics_count_what_was_read(void **state) {
    (void)state;
    Policy *p = make_policy(NULL, 1);
    FinetuneConfig cfg = quick;
    cfg.mask = EXAMPLE_RESPONSE;
    cfg.max_tokens = 40;
    Finetune *f = make(p, NULL, &cfg);
    finetune_seek(f, 2);
    Metrics m = {.n = 0};
    StepReport r;
    assert_ok(finetune_step(f, &m, &r));
    assert_int_equal(finetune_position(f), 3);

    Arena *arena = arena_new(1 << 16);
    int tokens = 0, wanted = 0, left_out = 0;
    for (uint64_t i = 48; i < 72; i++) {
        Document d;
        Example e;
        assert_ok(corpus_get(corpus, i, &d, arena));
        assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_RESPONSE, 0, &e, arena));
        if (e.n > 40) {
            left_out++;
            continue;
        }
        tokens += e.n;
        for (int t = 0; t < e.n; t++) wanted += e.want[t];
    }
    arena_free(arena);
    assert_true(left_out > 0 && wanted < tokens);
    assert_int_equal((int)metrics_get(&m, "train/left_out", -1), left_out);
    assert_int_equal((int)metrics_get(&m, "train/documents", -1), 24 - left_out);
    assert_int_equal((int)metrics_get(&m, "train/tokens", -1), tokens);
    assert_int_equal((int)metrics_get(&m, "train/trained_tokens", -1), wanted);
    assert_true(metrics_get(&m, "actor/lr", -1) == 1e-2); // the end of the warm-up
    assert_true(metrics_get(&m, "actor/grad_norm", -1) > 0);
    assert_true(metrics_get(&m, "perf/throughput", -1) > 0);
    assert_true(fabs(metrics_get(&m, "train/ppl", -1) - exp(metrics_get(&m, "train/loss", -1))) <
                1e-9);
    assert_true(metrics_get(&m, "moe/load_max", -1) >= 1);
    assert_int_equal(r.n_without_grad, 0);
    assert_int_equal(r.n_unmoved, 0);
    finetune_free(f);
    policy_free(p);
}

static void what_cannot_be_trained_is_refused(void **state) {
    (void)state;
    Policy *p = make_policy(NULL, 1);
    FinetuneConfig cfg = quick;
    cfg.steps = 0;
    FinetuneDeps deps = {.policy = p, .tokenizer = tokenizer, .corpus = corpus};
    Finetune *f = NULL;
    assert_int_equal(finetune_new(&deps, &cfg, &f), ST_CONFIG); // endless corpus, no steps
    assert_non_null(strstr(status_text(), "sft.steps"));
    cfg = quick;
    cfg.max_tokens = 5;
    f = make(p, NULL, &cfg);
    Metrics m = {.n = 0};
    assert_int_equal(finetune_step(f, &m, NULL), ST_CONFIG);
    assert_non_null(strstr(status_text(), "sft.max_tokens"));
    assert_int_equal(finetune_position(f), 0);
    finetune_free(f);
    policy_free(p);
}

// Documents that are too long: each of the three ways, counted by hand.
static void documents_that_are_too_long_are_counted_and_cut_or_refused(void **state) {
    (void)state;
    enum { N = 24, LIMIT = 40 };
    int longer = 0, tokens = 0, longest = 0;
    Arena *arena = arena_new(1 << 16);
    for (int i = 0; i < N; i++) {
        Document d;
        Example e;
        assert_ok(corpus_get(corpus, (uint64_t)i, &d, arena));
        assert_ok(example_encode(tokenizer, NULL, &d, EXAMPLE_ALL, tokenizer_id(tokenizer, "<eos>"),
                                 &e, arena));
        longer += e.n > LIMIT;
        tokens += e.n > LIMIT ? LIMIT : e.n;
        if (e.n > longest) longest = e.n;
    }
    arena_free(arena);
    assert_true(longer > 0 && longer < N);

    Policy *p = make_policy(NULL, 1);
    FinetuneConfig cfg = quick;
    cfg.max_tokens = LIMIT;
    static Metrics m;
    FinetuneSurvey s;
    for (int kind = FINETUNE_DROP; kind <= FINETUNE_TRUNCATE; kind++) {
        cfg.overlong = kind;
        Finetune *f = make(p, NULL, &cfg);
        assert_ok(finetune_survey(f, N, &s));
        assert_true(s.documents == N && s.overlong == longer && s.longest == longest);
        assert_int_equal(s.refused, 0);
        metrics_clear(&m);
        assert_ok(finetune_step(f, &m, NULL));
        bool cut = kind == FINETUNE_TRUNCATE;
        assert_true(metrics_get(&m, "train/overlong", -1) == longer);
        assert_true(metrics_get(&m, "train/truncated", 0) == (cut ? longer : 0));
        assert_true(metrics_get(&m, "train/left_out", -1) == (cut ? 0 : longer));
        assert_true(metrics_get(&m, "train/documents", -1) == (cut ? N : N - longer));
        if (cut) assert_true(metrics_get(&m, "train/tokens", -1) == tokens);
        finetune_free(f);
    }
    cfg.overlong = FINETUNE_ERROR;
    Finetune *f = make(p, NULL, &cfg);
    assert_int_equal(finetune_survey(f, N, &s), ST_CONFIG);
    assert_non_null(strstr(status_text(), "sft.overlong"));
    assert_int_equal(finetune_step(f, &m, NULL), ST_CONFIG);
    assert_int_equal(finetune_position(f), 0);
    finetune_free(f);
    policy_free(p);
}

static int open_all(void **state) {
    (void)state;
    if (tokenizer_load("datasets/desk/tokenizer.json", &tokenizer) != ST_OK) return -1;
    return corpus_of_family(&desk_family, NULL, 1, &corpus) != ST_OK;
}

static int close_all(void **state) {
    (void)state;
    corpus_free(corpus);
    tokenizer_free(tokenizer);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_falls),
        cmocka_unit_test(best_fit_fills_chunks),
        cmocka_unit_test(a_resumed_run_equals_one_that_never_stopped),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(one_denominator_serves_the_whole_batch),
        cmocka_unit_test(metrics_count_what_was_read),
        cmocka_unit_test(what_cannot_be_trained_is_refused),
        cmocka_unit_test(documents_that_are_too_long_are_counted_and_cut_or_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
