// verifiers/code/envoy.h -- a conversation with one Python process in the cage.
//
// Floor 3 (verifiers). Frames over a CageTalk: each request has a fresh random tag, and only a
// frame that begins with it is its answer. What comes back was checked to be one well-formed value.
#ifndef VERIFIERS_CODE_ENVOY_H
#define VERIFIERS_CODE_ENVOY_H

#include "base/status.h"
#include "base/str.h"
#include "sandbox/cage.h"
#include "verifiers/code/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Envoy {
    CageTalk *talk;
    uint8_t tag[VALUE_TAG_BYTES]; // of the request that is open
    double deadline;              // clock_now() at which we stop waiting
    Str in;                       // the last frame, its tag and kind before the value
} Envoy;

typedef enum EnvoyAnswer {
    ENVOY_ANSWER, // envoy->in is a frame
    ENVOY_ENDED,  // the process ended, or time is up: envoy_end says how
    ENVOY_FORGED, // what came is no answer to what was asked
} EnvoyAnswer;

// Starts a process that runs the program's end (CAGE_CANDIDATE) or the test's (CAGE_JUDGE), in a
// slot of that role. Does not wait for it. ST_IO with a sentence: a fault of ours.
MUST_USE Status envoy_begin(Cage *cage, CageRole role, const CageLimits *limits, Envoy *out);
// The harness is compiled once and kept; what closes a cage forgets it, for the next may have
// another interpreter. No envoy may be at work.
void envoy_forget(void);
// Sends one frame: kind and the bytes of a value.
EnvoyAnswer envoy_send(Envoy *envoy, char kind, const void *value, size_t size);
// Waits for a frame whose tag is that of the last envoy_send.
EnvoyAnswer envoy_wait(Envoy *envoy);
char envoy_kind(const Envoy *envoy);
const uint8_t *envoy_value(const Envoy *envoy, size_t *size);
// Ends the process (if `kill` at once) and frees the envoy; the record is the caller's.
void envoy_end(Envoy *envoy, bool kill, CageRecord *record);

#ifdef __cplusplus
}
#endif
#endif
