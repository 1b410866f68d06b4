// policy/files/runstate.h -- masters, moments and counters in one checksummed file.
//
// Layer 2 (policy/files). Little endian: "GRPO-STATE" and zeros (16 bytes), u32 format version, u32
// CRC-32 of the header, u64 header size, a JSON header (counters; each tensor's name, shape and
// CRC-32s), then the fp32 sections back to back in the order of the header, then the caller's own
// bytes. Nothing depends on ranks, threads or precision. Reading verifies every size and checksum
// before it changes anything. ST_IO; ST_FORMAT: damaged or no such file; ST_CONFIG: of another
// model, the first difference named.
#ifndef POLICY_FILES_RUNSTATE_H
#define POLICY_FILES_RUNSTATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Runstate {
    Policy *policy; // sections of a tensor: its weights, and its moments where it is trainable
    int64_t steps;
    uint32_t version;
    void *extra; // carried verbatim
    size_t extra_size;
} Runstate;

MUST_USE Status runstate_save(const char *path, const Runstate *state);
// Fills the tensors of state->policy (given) and sets the other fields; extra lives in the arena.
// Where the file is at fault nothing is changed.
MUST_USE Status runstate_load(const char *path, Runstate *state, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
