// tests/test_kept.c -- rl.keep_sampling_mask: sampler and trainer score over what was drawn from.
#include "base/file.h"
#include "base/log.h"
#include "rl/trainer_inside.h"
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampler_and_trainer_have_the_same_bits),
        cmocka_unit_test(the_mask_changes_log_probs_and_no_draw),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("kept sampling sets", tests, NULL, NULL);
}
