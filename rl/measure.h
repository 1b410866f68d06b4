// rl/measure.h -- the metrics of a rollout, from the columns of its batch.
//
// Layer 4 (rl). Pure; sums in sample order. Names and definitions: rl/README.md.
#ifndef RL_MEASURE_H
#define RL_MEASURE_H

#include "base/metrics.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// batch: WEIGHED. flat [n_groups]: 1 where a group teaches nothing.
void measure_rollout(const RlConfig *cfg, const Batch *batch, const uint8_t *flat, Metrics *row);

#ifdef __cplusplus
}
#endif
#endif
