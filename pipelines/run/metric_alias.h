// pipelines/run/metric_alias.h -- the same numbers under the names of TRL.
//
// Layer 5. Names follow verl; `metrics.alias=trl` renames those that TRL has too
// (trl/trainer/grpo_trainer.py); the rest keeps its name.
#ifndef PIPELINES_METRIC_ALIAS_H
#define PIPELINES_METRIC_ALIAS_H

#include "base/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

void metric_alias_trl(const Metrics *row, Metrics *out);
// The name by which a row of either vocabulary may hold `name`; NULL if there is only one.
const char *metric_alias_of(const char *name);

#ifdef __cplusplus
}
#endif
#endif
