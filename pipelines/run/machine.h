// pipelines/run/machine.h -- what this machine is and has.
//
// Layer 5. Read from /proc and sysconf; a fact that cannot be had is 0 or "".
#ifndef PIPELINES_MACHINE_H
#define PIPELINES_MACHINE_H

#include <stdint.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Machine {
    char host[65], cpu[128], kernel[200];
    int cores;                // this process may use
    uint64_t memory_bytes;    // of the machine
    uint64_t available_bytes; // MemAvailable, or what the cgroup leaves, the smaller
} Machine;

Machine machine_read(void);
void machine_json(Str *out); // one object on one line

uint64_t machine_peak_rss(void);              // bytes; the most this process ever held
void machine_bytes(uint64_t bytes, Str *out); // "1.5 GiB"

#ifdef __cplusplus
}
#endif
#endif
