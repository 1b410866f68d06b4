// sandbox/bare/scratch.h -- without namespaces: where slots lie here, and as whom they run.
//
// A folder of the broker, named by nobody else, with one for each slot; the slot makes and removes
// its own. uids come from a reserved range, in blocks that a lock keeps for one broker.
#ifndef SANDBOX_BARE_SCRATCH_H
#define SANDBOX_BARE_SCRATCH_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Makes the broker's folder; removes what brokers of this user left that were killed. `low`: uids
// below 65536, for a container that maps no others. ST_IO, ST_UNSUPPORTED.
MUST_USE Status scratch_open(bool uids, bool low);
void scratch_close(void);

// For one slot: a uid (uid NULL: none is wanted) and the name of a folder, char[128].
MUST_USE Status scratch_take(unsigned *uid, char *folder);
// After it: whatever still runs as `uid` is killed, what the folder holds removed.
void scratch_give(unsigned uid, const char *folder);

// A file to lock that belongs to this user alone. ST_IO.
MUST_USE Status scratch_lock_file(const char *name, int *fd);

#ifdef __cplusplus
}
#endif
#endif
