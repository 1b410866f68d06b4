// sandbox/bare/run_lock.h -- one program of a user at a time, over all threads and processes.
//
// For a cage without namespaces and without a uid for each program. The turn belongs to a thread,
// which may take it again while it has it (a talk, and another program beside it).
#ifndef SANDBOX_BARE_RUN_LOCK_H
#define SANDBOX_BARE_RUN_LOCK_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Waits. ST_IO: the lock file cannot be had, or another process has kept it for ten minutes.
MUST_USE Status run_lock_take(void);
void run_lock_give(void); // any thread, once for each run_lock_take

#ifdef __cplusplus
}
#endif
#endif
