// sandbox/host_load.h -- did the host take a program's wall time?
//
// Wall time is the last defence against a program that waits for ever; on a host that others keep
// busy it may end one that only waited for its turn. Such a program was put off again and again,
// had little CPU time, and others wait at this very moment: it gets a second try.
#ifndef SANDBOX_HOST_LOAD_H
#define SANDBOX_HOST_LOAD_H

#include <stdbool.h>

#include "sandbox/slot.h"

#ifdef __cplusplus
extern "C" {
#endif

// Ended by the wall though it used less than half of either limit, and was put off often.
bool host_load_starved(const CellRun *run, const CellTail *tail);

// The host at this moment; looks for a tenth of a second.
bool host_load_host(void);

// Its parts: `pressure` is /proc/pressure/cpu, `load` /proc/loadavg, both may be ""; two looks at
// /proc/stat.
bool host_load_pressure(const char *pressure, const char *load, int n_cpus);
bool host_load_stolen(const char *before, const char *after);

#ifdef __cplusplus
}
#endif
#endif
