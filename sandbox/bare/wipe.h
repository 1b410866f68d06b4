// sandbox/bare/wipe.h -- a folder that a stranger filled: how full, and emptied.
//
// System calls only, for the slot's pid 1 uses it in borrowed memory. Follows no link.
#ifndef SANDBOX_BARE_WIPE_H
#define SANDBOX_BARE_WIPE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct WipeSum {
    uint64_t bytes, inodes; // as they lie on the disk; a hole is nothing
} WipeSum;

// What lies below `folder`, while others may change it. Stops where it is more than `most` in one
// of the two, or deeper than 24: false.
bool wipe_within(int folder, const WipeSum *most, WipeSum *sum);

// Removes all that lies below `folder`, however deep, and adds it to *sum. Nobody else may be at
// work there. 0, or -1 with errno.
int wipe_all(int folder, WipeSum *sum);

// Empties and removes the folder. 0, or -1 with errno; 0 where there is none.
int wipe_remove(const char *path);

#ifdef __cplusplus
}
#endif
#endif
