// tests/test_kept.c -- rl.keep_sampling_mask: sampler and trainer score over what was drawn from.
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "rl/trainer_inside.h"
#include "rollout/columns.h"
#include "tests/tiny_run.h"

static RlConfig cut(double top_p, int top_k, double min_p) {
    RlConfig cfg = config();
    cfg.top_p = top_p, cfg.top_k = top_k, cfg.min_p = min_p, cfg.temperature = 0.9;
    cfg.max_new_tokens = 8, cfg.updates_per_rollout = 2, cfg.epochs = 2, cfg.entropy_coef = 0.01;
    cfg.keep_sampling_mask = true, cfg.steps = 8, cfg.kl = KL_K3, cfg.kl_coef = 0.01;
    return cfg;
}

static void sampler_and_trainer_have_the_same_bits(void **state) {
    (void)state;
    const struct {
        double top_p, min_p;
        int top_k;
    } rule[] = {{0.7, 0, 0}, {1, 0, 3}, {1, 0.95, 0}, {0.9, 0.05, 6}};
    for (int r = 0; r < 4; r++) {
        RlConfig cfg = cut(rule[r].top_p, rule[r].top_k, rule[r].min_p);
        TinyRun a = open_run(&cfg, 2, 0, NULL);
        cfg.old_logp = OLD_RECOMPUTE;
        TinyRun b = open_run(&cfg, 1, 0, NULL);
        Metrics row, other;
        TrainerStep out;
        int n = 0, small = 0;
        while (!trainer_done(a.trainer)) {
            assert_ok(trainer_step(a.trainer, NULL, &row, &out));
            assert_ok(trainer_step(b.trainer, NULL, &other, &out));
            assert_true(metrics_get(&row, "actor/pg_loss", 0) ==
                        metrics_get(&other, "actor/pg_loss", 1));
            assert_same_weights(a.policy, b.policy);
            if (!out.fresh) continue;
            assert_true(metrics_get(&row, "sampling/logp_diff/max", 1) == 0);
            assert_true(metrics_get(&row, "actor/ratio/max", 0) == 1);
            const Batch *x = b.trainer->batch;
            for (int t = 0; t < x->n_tokens; t++) {
                const int64_t size = x->kept_begin[t + 1] - x->kept_begin[t];
                if (x->kind[t] != TOKEN_SAMPLED) {
                    assert_int_equal(size, 0);
                    continue;
                }
                bool in = size == 0;
                for (int64_t k = x->kept_begin[t]; k < x->kept_begin[t + 1]; k++) {
                    in |= x->kept_token[k] == x->token[t];
                    assert_true(k == x->kept_begin[t] || x->kept_token[k - 1] < x->kept_token[k]);
                }
                assert_true(in);
                n++, small += size > 0 && size < 12;
            }
        }
        assert_true(n > 100 && small > n / 4);
        close_run(&a), close_run(&b);
    }
}

// Without the mask the log-probs are over the vocabulary: smaller, and the draws are the same.
static void the_mask_changes_log_probs_and_no_draw(void **state) {
    (void)state;
    RlConfig cfg = cut(0.7, 0, 0);
    TinyRun on = open_run(&cfg, 1, 0, NULL);
    cfg.keep_sampling_mask = false;
    TinyRun off = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep x, y;
    assert_ok(trainer_step(on.trainer, NULL, &row, &x));
    assert_ok(trainer_step(off.trainer, NULL, &row, &y));
    assert_null(y.batch->kept_begin);
    assert_int_equal(x.batch->n_tokens, y.batch->n_tokens);
    int larger = 0;
    for (int t = 0; t < x.batch->n_tokens; t++) {
        assert_int_equal(x.batch->token[t], y.batch->token[t]);
        assert_true(x.batch->logp_roll[t] >= y.batch->logp_roll[t] - 1e-6f);
        larger += x.batch->logp_roll[t] > y.batch->logp_roll[t] + 0.05f;
    }
    assert_true(larger > 50);
    close_run(&on), close_run(&off);
}

// One call of engine_sample with everything recorded.
typedef struct RecordedRun {
    int threads, seqs, pages;
    DraftKind draft;
} RecordedRun;

static Batch *record(const RecordedRun *how, Policy **policy, EngineStats *stats, Arena *arena) {
    Pool *pool = pool_new(how->threads);
    const PolicyOpts o = {.pool = pool,
                          .chunk_tokens = 256,
                          .max_seq_tokens = 64,
                          .kv_pages = how->pages,
                          .max_decode_rows = 40};
    assert_ok(policy_new(&tiny_model, &o, policy));
    policy_init(*policy, 3);
    Engine *engine;
    assert_ok(engine_new(&(EngineOpts){.policy = *policy,
                                       .pool = pool,
                                       .max_seqs = how->seqs,
                                       .kv_pages = how->pages,
                                       .max_decode_rows = 40,
                                       .max_seq_tokens = 64,
                                       .draft = how->draft,
                                       .seed = 5},
                         &engine));
    Batch *b = batch_new(4, 3, arena);
    for (int g = 0; g < 4; g++) {
        int32_t prompt[20];
        for (int t = 0; t < 20; t++) prompt[t] = 1 + (g * t + t) % 11;
        batch_ask(b, g, NULL, (uint64_t)g, (uint64_t)g, prompt, 9 + 3 * g, arena);
    }
    const SampleConfig c = {.temperature = 0.8,
                            .top_p = 0.6,
                            .max_new_tokens = 30,
                            .record = RECORD_ROUTES | RECORD_KEPT | RECORD_KV_VERSION};
    assert_ok(engine_sample(engine, b, &c, RNG_SAMPLE, NULL, NULL, NULL, stats, arena));
    engine_free(engine);
    pool_free(pool);
    return b;
}

static void assert_same_columns(const Batch *a, const Batch *b) {
    const BatchShape x = batch_shape(a), y = batch_shape(b);
    assert_true(x.options == y.options && x.n_tokens == y.n_tokens && x.n_kept == y.n_kept);
    assert_true(x.route_layers == y.route_layers && x.route_k == y.route_k);
    assert_int_equal(x.options, OPTION_ROUTES | OPTION_KEPT | OPTION_KV_VERSION);
    for (int c = 0; c < n_batch_columns; c++) {
        const BatchColumn *column = &batch_columns[c];
        if (!column_present(column, &x)) continue;
        const size_t bytes = (size_t)column_count(column, &x) * column_width(column);
        if (memcmp(column_get(column, a), column_get(column, b), bytes) != 0)
            fail_msg("%s differs", column->name);
    }
}

// Places, pages, preemption, drafts and threads change no column; a file gives all of them back;
// routes are those of scoring.
static void columns_depend_on_requests_and_weights_only(void **state) {
    (void)state;
    char path[] = "/tmp/test_kept.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0 && close(fd) == 0);
    Arena *arena = arena_new(1 << 16);
    Policy *p, *other;
    EngineStats stats;
    Batch *a = record(&(RecordedRun){1, 12, 80, DRAFT_NONE}, &p, &stats, arena), *back;
    const RecordedRun way[] = {
        {2, 12, 9, DRAFT_NONE}, {2, 3, 80, DRAFT_LOOKUP}, {1, 12, 80, DRAFT_LOOKUP}};
    for (int w = 0; w < 3; w++) {
        Batch *b = record(&way[w], &other, &stats, arena);
        assert_true(w > 0 ? stats.n_accepted > 0 : stats.n_preempted > 0);
        assert_same_columns(a, b);
        policy_free(other);
    }
    assert_ok(batch_write(a, path));
    assert_ok(batch_read(path, &back, arena));
    assert_same_columns(a, back);

    uint8_t *want = ARENA_ARRAY(arena, uint8_t, a->n_tokens + 1);
    Seq *seq = ARENA_ARRAY(arena, Seq, a->n_samples);
    for (int i = 0; i < a->n_samples; i++) {
        seq[i] = (Seq){a->token_begin[i], a->token_end[i], i};
        for (int t = a->response_begin[i]; t < a->token_end[i]; t++) want[t] = 1;
    }
    const Pack pack = pack_make(a->token, want, seq, a->n_samples, arena);
    Routes routes = {
        .route = ARENA_ARRAY(arena, int16_t, pack.n_tokens * 2), .n_moe_layers = 1, .k = 2};
    const KeptTokens kept = {a->kept_begin, a->kept_token};
    float *logp = ARENA_ARRAY(arena, float, pack.n_tokens);
    assert_ok(policy_score(
        p, &pack, &(ScoreOpts){.temperature = 0.8, .record = &routes, .kept = &kept}, logp, NULL));
    for (int i = 0; i < a->n_samples; i++)
        for (int t = a->token_begin[i]; t < a->token_end[i]; t++) {
            const int at = pack.offset[i] + t - a->token_begin[i];
            const bool last = t + 1 == a->token_end[i];
            assert_true(logp[at] == a->logp_roll[t]); // to the bit
            for (int k = 0; k < 2; k++)
                assert_int_equal(a->route[2 * t + k], last ? -1 : routes.route[2 * at + k]);
            assert_int_equal(a->kv_version[t], last ? 0 : policy_version(p));
        }
    policy_free(p);
    arena_free(arena);
    assert_int_equal(remove(path), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampler_and_trainer_have_the_same_bits),
        cmocka_unit_test(the_mask_changes_log_probs_and_no_draw),
        cmocka_unit_test(columns_depend_on_requests_and_weights_only),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("kept sampling sets", tests, NULL, NULL);
}
