// tests/test_update.c -- rl/collect and rl/update: which groups are trained, and one denominator.
#include "rl/update.h"

#include "base/log.h"
#include "tests/tiny_run.h"

static const Batch *one_step(Run *r, Metrics *row) {
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, row, &out));
    assert_true(out.fresh && !out.stopped);
    return out.batch;
}

static double grad_norm(const RlConfig *cfg) {
    Run r = open_run(cfg, 1, 0, NULL);
    Metrics row;
    one_step(&r, &row);
    double norm = metrics_get(&row, "actor/grad_norm", nan(""));
    close_run(&r);
    return norm;
}

static RlConfig one_token(void) {
    RlConfig cfg = config();
    cfg.max_new_tokens = 1, cfg.groups_per_step = 8, cfg.group_size = 8;
    return cfg;
}

static void the_gradient_does_not_depend_on_how_the_batch_is_cut(void **state) {
    (void)state;
    for (int agg = AGG_TOKEN_MEAN; agg <= AGG_TOKEN_SUM_NORM; agg++) {
        RlConfig cfg = config();
        cfg.entropy_coef = 0.1, cfg.loss_agg = agg, cfg.chunk_tokens = 240;
        double want = grad_norm(&cfg);
        const int64_t chunk[] = {120, 60, 40};
        for (int i = 0; i < 3; i++) {
            cfg.chunk_tokens = chunk[i];
            double got = grad_norm(&cfg);
            assert_true(want > 0 && fabs(got - want) < 1e-5 * want);
        }
    }
}

static void skipping_flat_samples_leaves_the_gradient(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.skip_flat = false;
    double all = grad_norm(&cfg);
    cfg.skip_flat = true;
    double skipped = grad_norm(&cfg);
    assert_true(all > 0 && fabs(all - skipped) < 1e-5 * all);
}

static bool is_flat(const Batch *b, int g) {
    for (int i = b->group_begin[g]; i < b->group_begin[g + 1]; i++)
        if (b->reward[i] != b->reward[b->group_begin[g]]) return false;
    return true;
}

static void refill_samples_until_enough_groups_teach(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_REFILL;
    Run r = open_run(&cfg, 2, 0, NULL);
    Metrics row;
    for (int s = 0; s < 3; s++) {
        const Batch *b = one_step(&r, &row);
        int kept = 0;
        for (int g = 0; g < b->n_groups; g++) {
            kept += b->keep[g];
            assert_false(b->keep[g] && is_flat(b, g));
            if (!b->keep[g] && !is_flat(b, g)) assert_int_equal(kept, 8); // surplus only
        }
        assert_int_equal(kept, 8);
        assert_true(b->n_groups > 8);
        assert_true(metrics_get(&row, "rollout/gen_batches", 0) > 1);
        assert_true(metrics_get(&row, "group/kept", 0) == 8);
        assert_true(metrics_get(&row, "actor/trained_samples", 0) == 64);
    }
    close_run(&r);
}

static void a_refill_that_runs_out_trains_the_short_batch_and_says_so(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_REFILL, cfg.max_gen_batches = 1;
    Run r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    const Batch *b = one_step(&r, &row);
    double kept = metrics_get(&row, "group/kept", 0);
    assert_true(b->n_groups == 8 && kept > 0 && kept < 8);
    assert_true(metrics_get(&row, "actor/grad_norm", 0) > 0);
    assert_non_null(strstr(trainer_warnings(r.trainer), "after 1 sampling rounds"));
    close_run(&r);
}

static void drop_leaves_flat_groups_out_of_the_denominator(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    Run with = open_run(&cfg, 1, 0, NULL);
    Metrics a, b;
    one_step(&with, &a);
    cfg.dynamic_sampling = DYNAMIC_DROP;
    Run without = open_run(&cfg, 1, 0, NULL);
    one_step(&without, &b);
    double kept = metrics_get(&b, "group/kept", 0);
    double ratio = metrics_get(&b, "actor/grad_norm", 0) / metrics_get(&a, "actor/grad_norm", 1);
    assert_true(kept > 0 && kept < 8 && fabs(ratio - 8 / kept) < 1e-4); // one token a sample
    close_run(&with), close_run(&without);
}

static void a_batch_without_any_spread_leaves_the_weights(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.reward_accuracy = 0; // all rewards are 0
    Run r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    uint32_t version = policy_version(r.policy);
    one_step(&r, &row);
    assert_true(metrics_get(&row, "actor/grad_norm", nan("")) == 0);
    assert_true(metrics_get(&row, "group/zero_std", 0) == 1);
    assert_int_equal(policy_version(r.policy), version);
    assert_int_equal(trainer_steps_done(r.trainer), 1);
    close_run(&r);
}

static void mini_batches_are_a_partition_of_the_rollout_in_each_epoch(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.updates_per_rollout = 3, cfg.epochs = 2, cfg.entropy_coef = 0.01, cfg.steps = 12;
    Run r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    for (int s = 0; s < 12; s++) {
        double trained = 0;
        for (int u = 0; u < 3; u++, s++) {
            assert_ok(trainer_step(r.trainer, NULL, &row, &out));
            assert_int_equal(out.fresh, s % 6 == 0);
            trained += metrics_get(&row, "actor/trained_samples", 0);
            bool off_policy = s % 6 > 0; // the ratio leaves one after the first update
            assert_true((metrics_get(&row, "actor/ratio/max", 1) != 1) == off_policy);
            assert_true(isnan(metrics_get(&row, "sampling/logp_diff/max", nan(""))) == off_policy);
        }
        s--;
        assert_true(trained == 64);
    }
    assert_true(metrics_get(&row, "training/rollout", nan("")) == 1);
    close_run(&r);
}

static void the_reference_is_refreshed_every_so_many_steps(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.kl = KL_K3, cfg.reference_refresh_steps = 2;
    Run r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    for (int s = 0; s < 6; s++) { // right after a refresh it is the policy, bit for bit
        one_step(&r, &row);
        double kl = metrics_get(&row, "actor/kl_loss", nan(""));
        assert_true(s % 2 == 0 ? kl == 0 : kl > 0);
    }
    close_run(&r);
    cfg.reference_refresh_steps = 3, cfg.updates_per_rollout = 2, cfg.steps = 10;
    r = open_run(&cfg, 1, 0, NULL);
    for (int s = 0; s < 10; s += 2) { // rollouts begin at 0, 2, 4, 6, 8: refreshed at 4 and 8
        one_step(&r, &row);
        double kl = metrics_get(&row, "actor/kl_loss", nan(""));
        assert_true(s % 4 == 0 ? kl == 0 : kl > 0);
        TrainerStep out;
        assert_ok(trainer_step(r.trainer, NULL, &row, &out));
    }
    close_run(&r);
    cfg.reference_refresh_steps = 0, cfg.updates_per_rollout = 1;
    r = open_run(&cfg, 1, 0, NULL);
    for (int s = 0; s < 4; s++) {
        one_step(&r, &row);
        assert_true((metrics_get(&row, "actor/kl_loss", nan("")) > 0) == (s > 0));
    }
    close_run(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_does_not_depend_on_how_the_batch_is_cut),
        cmocka_unit_test(skipping_flat_samples_leaves_the_gradient),
        cmocka_unit_test(refill_samples_until_enough_groups_teach),
        cmocka_unit_test(a_refill_that_runs_out_trains_the_short_batch_and_says_so),
        cmocka_unit_test(drop_leaves_flat_groups_out_of_the_denominator),
        cmocka_unit_test(a_batch_without_any_spread_leaves_the_weights),
        cmocka_unit_test(the_reference_is_refreshed_every_so_many_steps),
        cmocka_unit_test(mini_batches_are_a_partition_of_the_rollout_in_each_epoch),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/update", tests, NULL, NULL);
}
