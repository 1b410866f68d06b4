// rl/advantage.h -- from rewards to advantages, group by group.
//
// Where it stands:   [reward, weight] -> HERE -> [advantage] -> rl/grpo
// Floor 4 (rl). Pure arithmetic on host arrays: no tokens, no device, no randomness.
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

#ifdef __cplusplus
}
#endif
#endif
