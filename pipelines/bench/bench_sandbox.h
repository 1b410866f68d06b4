// pipelines/bench/bench_sandbox.h -- what a program in the cage costs, with bubblewrap beside it.
#ifndef PIPELINES_BENCH_SANDBOX_H
#define PIPELINES_BENCH_SANDBOX_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Writes to stdout. `runs` programs for each figure. ST_UNSUPPORTED where no cage opens.
MUST_USE Status bench_sandbox(bool json, int runs);

// `runs` programs one after the other: memory, descriptors, processes and mounts of the broker at
// the start and at the end. ST_IO: something grew, or a program did not end as it should.
MUST_USE Status bench_sandbox_soak(bool json, int runs);

#ifdef __cplusplus
}
#endif
#endif
