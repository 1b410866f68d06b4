// pipelines/run/metric_alias.c -- the table of pairs.
#include "pipelines/run/metric_alias.h"

#include <stddef.h>
#include <string.h>

static const char *const pair[][2] = {
    {"critic/rewards/mean", "reward"},
    {"critic/rewards/std", "reward_std"},
    {"reward/accuracy/mean", "rewards/accuracy/mean"},
    {"reward/format/mean", "rewards/format/mean"},
    {"response_length/mean", "completions/mean_length"},
    {"response_length/min", "completions/min_length"},
    {"response_length/max", "completions/max_length"},
    {"response_length/clip_ratio", "completions/clipped_ratio"},
    {"actor/entropy", "entropy"},
    {"actor/kl_loss", "kl"},
    {"actor/pg_clipfrac", "clip_ratio/region_mean"},
    {"actor/clipfrac/low", "clip_ratio/low_mean"},
    {"actor/clipfrac/high", "clip_ratio/high_mean"},
    {"actor/grad_norm", "grad_norm"},
    {"actor/lr", "learning_rate"},
    {"perf/tokens_seen", "num_tokens"},
    {"timing_s/step", "step_time"},
    {"group/zero_std", "frac_reward_zero_std"},
    {"sampling/logp_diff/mean", "sampling/sampling_logp_difference/mean"},
    {"sampling/logp_diff/max", "sampling/sampling_logp_difference/max"},
    {"sampling/importance_ratio/mean", "sampling/importance_sampling_ratio/mean"},
    {"sampling/importance_ratio/min", "sampling/importance_sampling_ratio/min"},
    {"sampling/importance_ratio/max", "sampling/importance_sampling_ratio/max"},
};
// TRL has these over its processes; here there is one, whose mean is its least and its most.
static const char *const also[][2] = {
    {"actor/clipfrac/low", "clip_ratio/low_min"},
    {"actor/clipfrac/high", "clip_ratio/high_max"},
};
static const char part[] = "reward/"; // reward/NAME/mean is rewards/NAME/mean
enum { N_PAIRS = sizeof pair / sizeof pair[0] };

void metric_alias_trl(const Metrics *row, Metrics *out) {
    metrics_clear(out);
    for (int i = 0; i < row->n; i++) {
        const char *name = row->name[i];
        const char *other = metric_alias_of(name);
        if (other)
            metrics_set(out, row->value[i], "%s", other);
        else if (strncmp(name, part, strlen(part)) == 0)
            metrics_set(out, row->value[i], "rewards/%s", name + strlen(part));
        else
            metrics_set(out, row->value[i], "%s", name);
        for (size_t k = 0; k < sizeof also / sizeof also[0]; k++)
            if (strcmp(also[k][0], name) == 0) metrics_set(out, row->value[i], "%s", also[k][1]);
    }
}

const char *metric_alias_of(const char *name) {
    for (int k = 0; k < N_PAIRS; k++)
        if (strcmp(pair[k][0], name) == 0) return pair[k][1];
    return NULL;
}
