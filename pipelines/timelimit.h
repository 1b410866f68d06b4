// pipelines/timelimit.h -- a time after which a run stops with a checkpoint.
//
// Layer 5. A limit is written as 90s, 30m, 3.5h, 2d, as [D-]HH:MM:SS, or as "slurm": 5 minutes
// before the end of the Slurm job (SLURM_JOB_END_TIME). It counts from timelimit_start.
#ifndef PIPELINES_TIMELIMIT_H
#define PIPELINES_TIMELIMIT_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Seconds above 0, or 0 for "" (no limit). ST_CONFIG.
MUST_USE Status timelimit_parse(const char *text, double *seconds);
// Starts the clock: when the time is over, interrupt_flag is set as if by a signal.
MUST_USE Status timelimit_start(const char *text);

#ifdef __cplusplus
}
#endif
#endif
