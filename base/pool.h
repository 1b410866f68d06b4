// base/pool.h -- a thread pool for parallel loops and single jobs.
//
// Layer 1. Two kinds of work: a loop that all threads share (pool_for) and single jobs that run
// when a worker is idle (pool_submit), e.g. judging a finished sample while sampling goes on.
// Workers spin for a bounded time and then sleep on a futex. Items are claimed dynamically, so a
// preempted thread delays one item, not half of the loop. What an item computes must depend on its
// index alone; then results do not depend on the number of threads.
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Pool Pool;

// `n_threads` counts the caller; 0 = pool_cores(). Every thread
// flushes denormals (also the caller, from here on). The caller owns the result.
Pool *pool_new(int n_threads);
// Cores this process may use: its affinity mask, or its container's CPU quota (cgroup cpu.max,
// rounded up) where that is less.
int pool_cores(void);
// The quota as cores: "QUOTA PERIOD" of cpu.max, rounded up; 0 where it is "max" or unreadable.
int pool_quota(const char *cpu_max);
void pool_free(Pool *pool);         // waits for submitted jobs; NULL is fine
int pool_threads(const Pool *pool); // NULL counts as 1

// Calls fn(ctx, i, worker) once for every i in [0, n), in any order, from any of the threads;
// returns when all are done. worker in [0, pool_threads) names the thread that runs the item, for
// scratch memory. A call from inside an item (nested) or with pool NULL runs all items inline on
// the calling thread, with that thread's worker number: so an op can be written with pool_for and
// costs nothing where the level above already runs in parallel. A loop of one item runs on the
// caller and leaves the pool to the loops inside it. One thread gives loops to a pool at a time.
typedef void PoolFn(void *ctx, int i, int worker);
void pool_for(Pool *pool, int n, PoolFn *fn, void *ctx);

// Queues one job; some idle worker runs fn(ctx, i, worker) soon; a thread inside pool_for takes
// none. With one thread it runs at once. pool_drain returns when every queued job has ended, and
// helps with them; it is not called from inside an item or a job.
void pool_submit(Pool *pool, PoolFn *fn, void *ctx, int i);
void pool_drain(Pool *pool);

// Sets flush-to-zero and denormals-are-zero for the calling thread (x86; elsewhere does nothing).
void pool_flush_denormals(void);

#ifdef __cplusplus
}
#endif
#endif
