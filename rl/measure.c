// rl/measure.c -- means, extremes and shares.
#include "rl/measure.h"

#include <math.h>

#include "rl/reward.h"
#include "verifiers/verdict.h"

// A mean with its extremes; n = 0 leaves its metrics out.
typedef struct Summary {
    double sum, squares, min, max;
    int64_t n;
} Summary;

static void add(Summary *s, double x) {
    if (s->n == 0) s->min = s->max = x;
    s->min = fmin(s->min, x);
    s->max = fmax(s->max, x);
    s->sum += x;
    s->squares += x * x;
    s->n++;
}

static double mean(const Summary *s) {
    return s->sum / (double)s->n;
}

static void set(Metrics *row, const char *name, const Summary *s) {
    if (s->n == 0) return;
    metrics_set(row, mean(s), "%s/mean", name);
    metrics_set(row, s->max, "%s/max", name);
    metrics_set(row, s->min, "%s/min", name);
}

static void set_deviation(Metrics *row, const char *name, const Summary *s) {
    if (s->n == 0) return;
    double m = mean(s);
    metrics_set(row, sqrt(fmax(0, s->squares / (double)s->n - m * m)), "%s/std", name);
}

static void measure_samples(const RlConfig *cfg, const Batch *b, Metrics *row) {
    Summary reward = {0}, score = {0}, advantage = {0}, length = {0}, right = {0}, wrong = {0};
    Summary part[BATCH_REWARDS_MAX] = {0};
    int cut = 0, aborted = 0, repeated = 0, error = 0;
    for (int i = 0; i < b->n_samples; i++) {
        aborted += b->finish[i] == FINISH_ABORT;
        cut += b->finish[i] == FINISH_LENGTH;
        repeated += b->finish[i] == FINISH_REPEAT;
        error += b->verdict[i] == VERDICT_ERROR;
        double n = batch_response_length(b, i);
        add(&length, n);
        if (b->verdict[i] != VERDICT_ERROR)
            add(b->verdict[i] == VERDICT_RIGHT ? &right : &wrong, n);
        if (!(b->weight[i] > 0)) continue;
        for (int p = 0; p < b->n_parts; p++) add(&part[p], (double)b->part[p][i]);
        add(&reward, (double)b->reward[i]);
        double other = cfg->overlong_penalty * (double)b->part[PART_OVERLONG][i];
        if (cfg->kl_reward != KL_OFF) other += cfg->kl_reward_coef * (double)b->part[PART_KL][i];
        add(&score, (double)b->reward[i] - other);
        add(&advantage, (double)b->advantage[i]);
    }
    double n = fmax(1, b->n_samples);
    set(row, "critic/rewards", &reward);
    set_deviation(row, "critic/rewards", &reward);
    set(row, "critic/score", &score);
    set(row, "critic/advantages", &advantage);
    const bool off[N_REWARD_PARTS] = {[PART_OVERLONG] = cfg->overlong_buffer == 0,
                                      [PART_LANGUAGE] = cfg->reward_language == 0,
                                      [PART_KL] = cfg->kl_reward == KL_OFF};
    for (int p = 0; p < b->n_parts; p++)
        if (part[p].n > 0 && (p >= N_REWARD_PARTS || !off[p]))
            metrics_set(row, mean(&part[p]), "reward/%s/mean", batch_part_name(b, p));
    set(row, "response_length", &length);
    metrics_set(row, cut / n, "response_length/clip_ratio");
    metrics_set(row, aborted / n, "response/aborted_ratio");
    metrics_set(row, repeated / n, "response/repeat_ratio");
    if (right.n) metrics_set(row, mean(&right), "length/right/mean");
    if (wrong.n) metrics_set(row, mean(&wrong), "length/wrong/mean");
    metrics_set(row, error / n, "verify/error_frac");
}

static void measure_groups(const Batch *b, const uint8_t *flat, Metrics *row) {
    int all_right = 0, all_wrong = 0, known = 0, n_flat = 0, kept = 0;
    Summary prompt = {0};
    for (int g = 0; g < b->n_groups; g++) {
        int n = 0, right = 0;
        for (int i = b->group_begin[g]; i < b->group_begin[g + 1]; i++) {
            n += b->verdict[i] != VERDICT_ERROR;
            right += b->verdict[i] == VERDICT_RIGHT;
        }
        known += n > 0;
        all_right += n > 0 && right == n;
        all_wrong += n > 0 && right == 0;
        n_flat += flat[g];
        kept += b->keep[g];
        add(&prompt, b->prompt_begin[g + 1] - b->prompt_begin[g]);
    }
    set(row, "prompt_length", &prompt);
    double n = fmax(1, known);
    metrics_set(row, all_right / n, "group/all_right");
    metrics_set(row, (known - all_right - all_wrong) / n, "group/mixed");
    metrics_set(row, all_wrong / n, "group/all_wrong");
    metrics_set(row, n_flat / fmax(1, b->n_groups), "group/zero_std");
    metrics_set(row, kept, "group/kept");
}

void measure_rollout(const RlConfig *cfg, const Batch *batch, const uint8_t *flat, Metrics *row) {
    CHECK(batch->stage == STAGE_WEIGHED);
    measure_samples(cfg, batch, row);
    measure_groups(batch, flat, row);
}
