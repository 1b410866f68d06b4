// sandbox/cgroup.h -- memory and processes of a slot together, where the machine lets us.
//
// Three back ends, found by trying: v2 with controllers, v1 (memory and pids), none. The zygote and
// all its programs live in the slot's group; without groups address space times processes is the
// bound.
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CgroupKind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 } CgroupKind;

// What the broker found. ST_UNSUPPORTED with the reason; then kind is CGROUP_NONE.
MUST_USE Status cgroup_open(CgroupKind *kind);
void cgroup_close(void); // removes the broker's own groups
const char *cgroup_kind_name(CgroupKind kind);

typedef struct Cgroup {
    char memory[200], pids[200]; // folders; the same one in v2; "" when there is none
    int64_t limit;               // bytes now set
    int64_t oom_kills;           // counted so far
    int oom_fd;                  // where the kernel counts them; -1: nowhere
} Cgroup;

// A group of its own with `pid` in it. No group (all "") where the kind is CGROUP_NONE.
MUST_USE Status cgroup_join(int pid, Cgroup *out);
// Before a program: memory of zygote and program together, and processes.
MUST_USE Status cgroup_limit(Cgroup *group, int64_t memory_bytes, int processes);
bool cgroup_oom(Cgroup *group);        // did the kernel kill for memory since the last call?
void cgroup_kill(const Cgroup *group); // all that is in it
void cgroup_leave(Cgroup *group);      // after its processes are gone; removes it

#ifdef __cplusplus
}
#endif
#endif
