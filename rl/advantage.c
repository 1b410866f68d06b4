// rl/advantage.c -- two passes: look at every reward first, then write.
#include "rl/advantage.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct RewardSpread {
    int n;
    bool equal; // all counted values are the same
    double mean, std;
} RewardSpread;

static RewardSpread spread(const AdvantageConfig *cfg, const float *reward, const float *weight,
                           const int *group_begin, const uint8_t *keep, int first, int last) {
    RewardSpread s = {.equal = true};
    double sum = 0, squares = 0, one = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int g = first; g < last; g++) {
            if (keep && !keep[g]) continue;
            for (int i = group_begin[g]; i < group_begin[g + 1]; i++) {
                if (!(weight[i] > 0)) continue;
                double r = (double)reward[i];
                if (pass == 1) {
                    squares += (r - s.mean) * (r - s.mean);
                    continue;
                }
                if (s.n++ == 0) one = r;
                s.equal = s.equal && r == one;
                sum += r;
            }
        }
        if (pass == 0) s.mean = s.n ? sum / s.n : 0;
    }
    int n = cfg->std == STD_SAMPLE ? s.n - 1 : s.n;
    s.std = n > 0 ? sqrt(squares / n) : 0;
    return s;
}

Status advantage_fill(const AdvantageConfig *cfg, const float *reward, const float *weight,
                      const int *group_begin, const uint8_t *keep, int n_groups, float *advantage,
                      uint8_t *flat) {
    CHECK(cfg->eps > 0 && cfg->kind != ADV_AUTO && group_begin[0] == 0);
    for (int i = 0; i < group_begin[n_groups]; i++)
        if (weight[i] > 0 && !isfinite(reward[i]))
            return FAIL(ST_FORMAT, "reward of sample %d is %f", i, (double)reward[i]);

    RewardSpread all = {0};
    if (cfg->kind == ADV_BATCH_STD)
        all = spread(cfg, reward, weight, group_begin, keep, 0, n_groups);
    for (int g = 0; g < n_groups; g++) {
        RewardSpread s = spread(cfg, reward, weight, group_begin, keep, g, g + 1);
        double scale = 1;
        switch (cfg->kind) {
        case ADV_STD: scale = 1 / (s.std + cfg->eps); break;
        case ADV_BATCH_STD: scale = 1 / (all.std + cfg->eps); break;
        case ADV_MAXRL: scale = s.mean > 0 ? 1 / s.mean : 0; break;
        case ADV_LEAVE_ONE_OUT: scale = s.n > 1 ? (double)s.n / (s.n - 1) : 0; break;
        default: break;
        }
        bool teaches = s.n > 1 && !s.equal;
        for (int i = group_begin[g]; i < group_begin[g + 1]; i++) {
            bool counts = teaches && weight[i] > 0;
            advantage[i] = counts ? (float)(((double)reward[i] - s.mean) * scale) : 0;
        }
        if (flat) flat[g] = !teaches;
    }
    return ST_OK;
}

Status advantage_fill_parts(const AdvantageConfig *cfg, float *const *part,
                            const double *part_weight, int n_parts, const float *weight,
                            const int *group_begin, const uint8_t *keep, int n_groups,
                            float *advantage, uint8_t *flat) {
    CHECK(cfg->eps > 0 && group_begin[0] == 0);
    const int n = group_begin[n_groups];
    for (int p = 0; p < n_parts; p++)
        for (int i = 0; part_weight[p] != 0 && i < n; i++)
            if (weight[i] > 0 && !isfinite(part[p][i]))
                return FAIL(ST_FORMAT, "part %d of the reward of sample %d is %f", p, i,
                            (double)part[p][i]);
    for (int g = 0; g < n_groups; g++) {
        bool teaches = false;
        for (int i = group_begin[g]; i < group_begin[g + 1]; i++) advantage[i] = 0;
        for (int p = 0; p < n_parts; p++) {
            if (part_weight[p] == 0) continue;
            RewardSpread s = spread(cfg, part[p], weight, group_begin, keep, g, g + 1);
            if (s.n < 2 || s.equal) continue;
            teaches = true;
            double scale = part_weight[p] / (s.std + cfg->eps);
            for (int i = group_begin[g]; i < group_begin[g + 1]; i++)
                if (weight[i] > 0) advantage[i] += (float)(((double)part[p][i] - s.mean) * scale);
        }
        if (flat) flat[g] = !teaches;
    }
    // Every group's mean is 0, so that dividing is all that whitening does.
    RewardSpread all = spread(cfg, advantage, weight, group_begin, keep, 0, n_groups);
    for (int i = 0; i < n; i++) advantage[i] = (float)((double)advantage[i] / (all.std + cfg->eps));
    return ST_OK;
}
