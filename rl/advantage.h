// rl/advantage.h -- from rewards to advantages, group by group.
//
// Position:   [reward, weight] -> HERE -> [advantage] -> rl/grpo
// Layer 4 (rl). Pure arithmetic on host arrays: no tokens, no device, no randomness.
#ifndef RL_ADVANTAGE_H
#define RL_ADVANTAGE_H

#include <stdint.h>

#include "base/status.h"
#include "rl/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct AdvantageConfig {
    int kind;   // AdvantageKind, resolved
    int std;    // StdKind: divide squares by n (population) or n - 1 (sample)
    double eps; // added to the deviation; > 0, in units of reward
} AdvantageConfig;

// Fills advantage[i] for every sample i.
//
//   reward      [n_samples]     finite wherever weight is not 0
//   weight      [n_samples]     0 = left out of mean and deviation, advantage exactly 0
//   group_begin [n_groups + 1]  group g owns samples group_begin[g] .. group_begin[g+1]-1
//   keep        [n_groups]      0 = the whole group is left out; NULL = all are kept
//   advantage   [n_samples]     written; may be the same array as reward
//   flat        [n_groups]      written if not NULL: 1 where fewer than two samples count or all
//                               counted rewards are equal. Their advantages are exactly 0.
//
// ADV_BATCH_STD divides by the deviation of all counted rewards of kept groups. A sample deviation
// of one value is taken as 0. Sums are in double, in sample order: the same bits everywhere.
// Fails with ST_FORMAT if a counted reward is not finite; then the outputs are as they were.
MUST_USE Status advantage_fill(const AdvantageConfig *cfg, const float *reward, const float *weight,
                               const int *group_begin, const uint8_t *keep, int n_groups,
                               float *advantage, uint8_t *flat);

// Several rewards, each normalised within its group before they are added (GDPO, arXiv 2601.05242):
//   A = sum over parts of part_weight (r - mean(group)) / (std(group) + eps),
// then divided by the deviation of A over all counted samples of kept groups + eps.
//
//   part        [n_parts] of [n_samples]; those with part_weight 0 are not read
// The rest as above; flat: fewer than two samples count, or no part with a weight differs.
MUST_USE Status advantage_fill_parts(const AdvantageConfig *cfg, float *const *part,
                                     const double *part_weight, int n_parts, const float *weight,
                                     const int *group_begin, const uint8_t *keep, int n_groups,
                                     float *advantage, uint8_t *flat);

#ifdef __cplusplus
}
#endif
#endif
