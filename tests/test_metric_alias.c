// tests/test_metric_alias.c -- pipelines/run/metric_alias: the names that TRL's users look for.
#include "pipelines/run/metric_alias.h"

#include "tests/test.h"

static void every_number_has_trls_name(void **state) {
    (void)state;
    static Metrics row, out;
    const char *const pair[][2] = {
        {"critic/rewards/mean", "reward"},
        {"reward/accuracy/mean", "rewards/accuracy/mean"},
        {"reward/json/mean", "rewards/json/mean"},
        {"timing_s/step", "step_time"},
        {"perf/tokens_seen", "num_tokens"},
        {"group/zero_std", "frac_reward_zero_std"},
        {"actor/clipfrac/low", "clip_ratio/low_mean"},
        {"actor/clipfrac/low", "clip_ratio/low_min"},
        {"actor/clipfrac/high", "clip_ratio/high_mean"},
        {"actor/clipfrac/high", "clip_ratio/high_max"},
        {"actor/pg_clipfrac", "clip_ratio/region_mean"},
        {"sampling/importance_ratio/max", "sampling/importance_sampling_ratio/max"},
        {"moe/load_max", "moe/load_max"}, // TRL has none
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
        metrics_set(&row, 100 + (double)i, "%s", pair[i][0]);
    metric_alias_trl(&row, &out);
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        double want = metrics_get(&row, pair[i][0], 0);
        if (metrics_get(&out, pair[i][1], 0) != want) fail_msg("no %s", pair[i][1]);
    }
}

static void the_step_of_a_whole_run_counts_tokens_up(void **state) {
    (void)state;
    assert_string_equal(metric_alias_of("perf/tokens_seen"), "num_tokens");
    assert_null(metric_alias_of("perf/total_num_tokens")); // of one rollout: TRL has no such thing
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_trls_name),
        cmocka_unit_test(the_step_of_a_whole_run_counts_tokens_up),
    };
    return cmocka_run_group_tests_name("pipelines/metric_alias", tests, NULL, NULL);
}
