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
    {"actor/grad_norm", "grad_norm"},
    {"actor/lr", "learning_rate"},
    {"perf/total_num_tokens", "num_tokens"},
    {"perf/time_per_step", "step_time"},
    {"sampling/logp_diff/mean", "sampling/sampling_logp_difference/mean"},
    {"sampling/logp_diff/max", "sampling/sampling_logp_difference/max"},
};
enum { N_PAIRS = sizeof pair / sizeof pair[0] };

void metric_alias_trl(const Metrics *row, Metrics *out) {
    metrics_clear(out);
    for (int i = 0; i < row->n; i++) {
        const char *name = row->name[i];
        for (int k = 0; k < N_PAIRS; k++)
            if (strcmp(pair[k][0], name) == 0) name = pair[k][1];
        metrics_set(out, row->value[i], "%s", name);
    }
}

const char *metric_alias_of(const char *name) {
    for (int k = 0; k < N_PAIRS; k++)
        if (strcmp(pair[k][0], name) == 0) return pair[k][1];
    return NULL;
}
