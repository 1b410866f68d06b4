// datasets/mix.h -- several sources of tasks as one, by weight.
//
// Layer 2 (datasets). Places are assigned in blocks of 1024: each source gets its share of a block
// (largest remainder), the block is shuffled by (seed, block), and every source is read in its own
// order without a gap. Task `index` is therefore a function of (seed, index), and the shares hold
// in every block, not only on average.
#ifndef DATASETS_MIX_H
#define DATASETS_MIX_H

#include <stdint.h>

#include "base/status.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MIX_BLOCK = 1024 };

// Takes the sources: closing the mix closes them (on failure they stay the caller's). Weights >= 0
// of any scale. The mix is endless if any source is, otherwise as long as all of them together.
// ST_CONFIG: no weight above 0, a weight that is not a number, or one too small for a place.
MUST_USE Status mix_tasks(const TaskSource *sources, const double *weights, int n, uint64_t seed,
                          TaskSource *out);

#ifdef __cplusplus
}
#endif
#endif
