// tests/test_update.c -- rl/collect and rl/update: which groups are trained, and one denominator.
#include "rl/update.h"

#include "base/log.h"
#include "rl/reward.h"
#include "tests/tiny_run.h"

static const Batch *one_step(TinyRun *r, Metrics *row) {
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, row, &out));
    assert_true(out.fresh && !out.stopped);
    return out.batch;
}

static double grad_norm(const RlConfig *cfg) {
    TinyRun r = open_run(cfg, 1, 0, NULL);
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

// Many flat groups, momentum and a selection bias: skipping may save time and nothing else.
static void skipping_flat_samples_changes_no_bit(void **state) {
    (void)state;
    for (int bias = 0; bias < 2; bias++) {
        RlConfig cfg = one_token();
        cfg.updates_per_rollout = 8; // one group each, so that some mini-batches are all flat
        cfg.steps = 24, cfg.group_size = 4, cfg.weight_decay = 0.1;
        cfg.router_bias_step = bias ? 1e-3 : 0;
        TinyRun on = open_run(&cfg, 1, 0, NULL);
        cfg.skip_flat = false;
        TinyRun off = open_run(&cfg, 2, 0, NULL);
        Metrics a, b;
        TrainerStep did;
        int all_flat = 0, moved = 0;
        while (!trainer_done(on.trainer)) {
            uint32_t before = policy_version(on.policy);
            assert_ok(trainer_step(on.trainer, NULL, &a, &did));
            assert_ok(trainer_step(off.trainer, NULL, &b, &did));
            assert_same_rows(&a, &b);
            assert_same_weights(on.policy, off.policy);
            bool flat = metrics_get(&a, "actor/trained_samples", nan("")) == 0;
            all_flat += flat;
            moved += flat && policy_version(on.policy) > before; // momentum goes on
        }
        assert_true(all_flat > 3 && all_flat < 24 && moved == all_flat);
        assert_int_equal(policy_steps(on.policy), 24);
        close_run(&on), close_run(&off);
    }
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
    TinyRun r = open_run(&cfg, 2, 0, NULL);
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

static void tokens_are_counted_over_all_rollouts(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.updates_per_rollout = 2, cfg.entropy_coef = 0.01;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    double seen = 0;
    for (int s = 0; s < 4; s++) {
        assert_ok(trainer_step(r.trainer, NULL, &row, &out));
        if (out.fresh) seen += out.batch->n_tokens;
        assert_true(seen > 0 && metrics_get(&row, "perf/tokens_seen", 0) == seen);
    }
    close_run(&r);
}

static void a_refill_that_runs_out_trains_the_short_batch_and_says_so(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_REFILL, cfg.max_gen_batches = 1;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
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
    TinyRun with = open_run(&cfg, 1, 0, NULL);
    Metrics a, b;
    one_step(&with, &a);
    cfg.dynamic_sampling = DYNAMIC_DROP;
    TinyRun without = open_run(&cfg, 1, 0, NULL);
    one_step(&without, &b);
    double kept = metrics_get(&b, "group/kept", 0);
    double ratio = metrics_get(&b, "actor/grad_norm", 0) / metrics_get(&a, "actor/grad_norm", 1);
    assert_true(kept > 0 && kept < 8 && fabs(ratio - 8 / kept) < 1e-4); // one token a sample
    close_run(&with), close_run(&without);
}

static void a_batch_without_any_spread_has_no_gradient(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.reward_accuracy = 0; // all rewards are 0
    TinyRun r = open_run(&cfg, 1, 0, NULL), fresh = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    one_step(&r, &row);
    assert_true(metrics_get(&row, "actor/grad_norm", nan("")) == 0);
    assert_true(metrics_get(&row, "group/zero_std", 0) == 1);
    assert_same_weights(r.policy, fresh.policy); // there is no momentum yet
    assert_int_equal(policy_steps(r.policy), 1); // a step like any other
    assert_int_equal(trainer_steps_done(r.trainer), 1);
    close_run(&r), close_run(&fresh);
}

static void updates_without_groups_are_no_steps(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_DROP, cfg.updates_per_rollout = 8, cfg.steps = 12;
    cfg.schedule = SCHEDULE_LINEAR, cfg.min_lr_ratio = 0;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    int64_t rollouts = 0, made = 0;
    for (int s = 0; s < 12; s++) {
        assert_ok(trainer_step(r.trainer, NULL, &row, &out));
        assert_true(metrics_get(&row, "actor/trained_samples", 0) > 0);
        assert_int_equal(out.step, s + 1);
        assert_int_equal(policy_steps(r.policy), s + 1);
        assert_true(fabs(metrics_get(&row, "actor/lr", 0) - 0.01 * (1 - s / 12.0)) < 1e-3);
        rollouts += out.fresh;
        made = out.batch->updates_made;
    }
    assert_true(8 * (rollouts - 1) + made > 12); // some mini-batches were passed over
    close_run(&r);
}

static void a_run_that_can_never_learn_ends_with_a_sentence(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_DROP, cfg.reward_accuracy = 0, cfg.max_gen_batches = 3;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    assert_int_equal(trainer_step(r.trainer, NULL, &row, &out), ST_CONFIG);
    assert_non_null(strstr(status_text(), "3 rollouts in a row"));
    assert_int_equal(trainer_steps_done(r.trainer), 0);
    assert_int_equal(policy_steps(r.policy), 0);
    close_run(&r);
}

// Samples that are cut off teach nothing, and are the baseline of those that end.
static void cut_off_samples_stay_in_their_groups_statistics(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.overlong_filter = true;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    const Batch *b = one_step(&r, &row);
    int cut = 0, trained = 0;
    for (int g = 0; g < b->n_groups; g++) {
        double mean = 0, squares = 0;
        for (int i = 8 * g; i < 8 * g + 8; i++) mean += (double)b->reward[i] / 8;
        for (int i = 8 * g; i < 8 * g + 8; i++) squares += pow((double)b->reward[i] - mean, 2);
        for (int i = 8 * g; i < 8 * g + 8; i++) {
            double want =
                squares > 0 ? ((double)b->reward[i] - mean) / (sqrt(squares / 8) + 1e-4) : 0;
            assert_true(fabs((double)b->advantage[i] - want) < 1e-5);
            bool over = b->finish[i] == FINISH_LENGTH;
            assert_true(!over || batch_trained(b, i) == 0);
            cut += over, trained += !over && want != 0;
        }
    }
    assert_true(cut > 10 && trained > 0);
    assert_true(metrics_get(&row, "actor/trained_samples", 0) == trained);
    close_run(&r);
}

static void mini_batches_are_a_partition_of_the_rollout_in_each_epoch(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.updates_per_rollout = 3, cfg.epochs = 2, cfg.entropy_coef = 0.01, cfg.steps = 12;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
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

// The format part is never met here, so no group differs by it.
static void dynamic_sampling_looks_at_the_metric_it_is_told(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.dynamic_sampling = DYNAMIC_DROP;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    const Batch *b = one_step(&r, &row);
    int spread = 0;
    for (int g = 0; g < b->n_groups; g++) spread += !is_flat(b, g);
    assert_true(spread > 0 && metrics_get(&row, "group/kept", 0) == spread);
    close_run(&r);
    cfg.dynamic_metric = "format", cfg.max_gen_batches = 1;
    r = open_run(&cfg, 1, 0, NULL);
    TrainerStep out;
    assert_int_equal(trainer_step(r.trainer, NULL, &row, &out), ST_CONFIG);
    assert_non_null(strstr(status_text(), "1 rollouts in a row"));
    close_run(&r);
}

static void kl_inside_the_reward_moves_advantages(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.kl_reward = KL_K1, cfg.kl_reward_coef = 0.5, cfg.reward_accuracy = 0;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    one_step(&r, &row);
    assert_true(metrics_get(&row, "group/zero_std", nan("")) == 1); // the reference is the policy
    assert_true(metrics_get(&row, "reward/kl/mean", nan("")) == 0);
    assert_true(isnan(metrics_get(&row, "actor/kl_loss", nan(""))));
    close_run(&r);
    cfg.reward_accuracy = 1;
    r = open_run(&cfg, 1, 0, NULL);
    one_step(&r, &row);
    const Batch *b = one_step(&r, &row); // now it has moved away
    for (int i = 0; i < b->n_samples; i++) {
        double x = 0;
        for (int t = b->response_begin[i]; t < b->token_end[i]; t++)
            x += (double)b->logp_roll[t] - (double)b->logp_ref[t];
        double want = (double)b->part[PART_ACCURACY][i] - 0.5 * x;
        assert_true(fabs((double)b->reward[i] - want) < 1e-5);
    }
    assert_true(metrics_get(&row, "reward/kl/mean", nan("")) < 0);
    close_run(&r);
}

static void the_reference_is_refreshed_every_so_many_steps(void **state) {
    (void)state;
    RlConfig cfg = one_token();
    cfg.kl = KL_K3, cfg.reference_refresh_steps = 2;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
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
        cmocka_unit_test(skipping_flat_samples_changes_no_bit),
        cmocka_unit_test(refill_samples_until_enough_groups_teach),
        cmocka_unit_test(tokens_are_counted_over_all_rollouts),
        cmocka_unit_test(a_refill_that_runs_out_trains_the_short_batch_and_says_so),
        cmocka_unit_test(drop_leaves_flat_groups_out_of_the_denominator),
        cmocka_unit_test(a_batch_without_any_spread_has_no_gradient),
        cmocka_unit_test(updates_without_groups_are_no_steps),
        cmocka_unit_test(a_run_that_can_never_learn_ends_with_a_sentence),
        cmocka_unit_test(cut_off_samples_stay_in_their_groups_statistics),
        cmocka_unit_test(dynamic_sampling_looks_at_the_metric_it_is_told),
        cmocka_unit_test(kl_inside_the_reward_moves_advantages),
        cmocka_unit_test(the_reference_is_refreshed_every_so_many_steps),
        cmocka_unit_test(mini_batches_are_a_partition_of_the_rollout_in_each_epoch),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/update", tests, NULL, NULL);
}
