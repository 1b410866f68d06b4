// pipelines/run/progress.h -- the line that says how a run is doing.
//
// Layer 5. On a terminal one line is repainted; elsewhere a plain line every log.every steps.
#ifndef PIPELINES_PROGRESS_H
#define PIPELINES_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Progress {
    const char *what; // "pretrain", "step"
    int64_t steps, every;
    double begin; // clock_now at the first step of this process
    int64_t first;
    double accuracy; // of the last evaluation; NaN until one was made
} Progress;

Progress progress_open(const char *what, int64_t done, int64_t steps, int64_t every);
// After step number `step`; shows the metrics that the row has.
void progress_step(Progress *progress, int64_t step, const Metrics *row);
void progress_end(void);

#ifdef __cplusplus
}
#endif
#endif
