// tests/test_lag.c -- rl.lag: rollouts sampled ahead, under weights of a known age, to the same
// bits.
#include "base/log.h"
#include "rl/trainer_inside.h"
#include "tests/tiny_run.h"

static double step(TinyRun *r, Metrics *row, const char *name) {
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, row, &out));
    return metrics_get(row, name, nan(""));
}

static void tokens_are_as_old_as_the_lag_says(void **state) {
    (void)state;
    const int lag[] = {1, 2, 5, 8};
    for (int i = 0; i < 4; i++)
        for (int updates = 1; updates < 3; updates++) {
            RlConfig cfg = config();
            cfg.lag = lag[i], cfg.steps = 24, cfg.updates_per_rollout = updates;
            cfg.entropy_coef = 0.01;
            TinyRun r = open_run(&cfg, 1, 0, NULL);
            Metrics row;
            for (int s = 0; s < 24; s++) {
                const double mean = step(&r, &row, "rollout/staleness/mean");
                if (s % updates > 0) continue;
                const int rollout = s / updates, age = rollout < lag[i] ? rollout : lag[i];
                assert_true(mean == age * updates);
                assert_true(metrics_get(&row, "rollout/staleness/max", -1) == age * updates);
                assert_true(metrics_get(&row, "training/rollout", -1) == rollout);
            }
            assert_int_equal(r.trainer->at.rollouts_done, 24 / updates); // none for nothing
            close_run(&r);
        }
}

static void threads_do_not_move_a_bit(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.lag = 2, cfg.steps = 12, cfg.updates_per_rollout = 2, cfg.curriculum = CURRICULUM_TASK;
    cfg.dynamic_sampling = DYNAMIC_REFILL, cfg.max_gen_batches = 3, cfg.router_bias_step = 1e-3;
    TinyRun a = open_run(&cfg, 1, 1, NULL), b = open_run(&cfg, 2, 2, NULL);
    Metrics x, y;
    while (!trainer_done(a.trainer)) {
        step(&a, &x, ""), step(&b, &y, "");
        assert_same_rows(&x, &y);
        assert_same_weights(a.policy, b.policy);
    }
    close_run(&a), close_run(&b);
}

// Decoupled PPO: the ratio is to the weights that begin to train, and the importance weight is
// theirs against those that sampled.
static void recomputed_log_probs_are_of_the_weights_that_begin(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.lag = 2, cfg.old_logp = OLD_RECOMPUTE, cfg.tis_cap = 2, cfg.steps = 8, cfg.lr = 0.05;
    cfg.entropy_coef = 0.01;
    TinyRun r = open_run(&cfg, 2, 0, NULL);
    cfg.old_logp = OLD_SAMPLER, cfg.tis_cap = 0;
    TinyRun plain = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    for (int s = 0; s < 8; s++) {
        assert_true(step(&r, &row, "actor/ratio/max") == 1);
        assert_true((metrics_get(&row, "sampling/importance_ratio/max", 0) == 1) == (s == 0));
        assert_true((step(&plain, &row, "actor/ratio/max") == 1) == (s == 0));
    }
    close_run(&r), close_run(&plain);
}

static void stale_rollouts_still_teach(void **state) {
    (void)state;
    double right[3];
    for (int lag = 0; lag < 3; lag++) {
        RlConfig cfg = config();
        cfg.lag = lag, cfg.steps = 60, cfg.max_new_tokens = 1, cfg.groups_per_step = 8;
        cfg.group_size = 16;
        TinyRun r = open_run(&cfg, 2, 0, NULL);
        Metrics row;
        right[lag] = 0;
        for (int s = 0; s < 60; s++) {
            const double mean = step(&r, &row, "reward/accuracy/mean");
            if (s >= 50) right[lag] += mean / 10;
        }
        close_run(&r);
    }
    print_message("share of right answers in the last ten steps: %.3f, %.3f, %.3f\n", right[0],
                  right[1], right[2]);
    assert_true(right[0] > 0.5 && right[1] > 0.5 && right[2] > 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_as_old_as_the_lag_says),
        cmocka_unit_test(threads_do_not_move_a_bit),
        cmocka_unit_test(recomputed_log_probs_are_of_the_weights_that_begin),
        cmocka_unit_test(stale_rollouts_still_teach),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl.lag", tests, NULL, NULL);
}
