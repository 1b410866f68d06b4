// verifiers/code/dialogue.h -- a conversation with one Python process in the cage.
//
// Layer 3 (verifiers). Frames over a CageTalk: each request has a fresh random tag, and only a
// frame that begins with it is its answer. What comes back was checked to be one well-formed value.
#ifndef VERIFIERS_CODE_DIALOGUE_H
#define VERIFIERS_CODE_DIALOGUE_H

#include "base/status.h"
#include "base/str.h"
#include "sandbox/cage.h"
#include "verifiers/code/value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Dialogue {
    CageTalk *talk;
    uint8_t tag[VALUE_TAG_BYTES]; // of the request that is open
    double deadline;              // clock_now() at which we stop waiting
    Str in;                       // the last frame, its tag and kind before the value
} Dialogue;

typedef enum DialogueAnswer {
    DIALOGUE_ANSWER, // dialogue->in is a frame
    DIALOGUE_ENDED,  // the process ended, or time is up: dialogue_end says how
    DIALOGUE_FORGED, // what came is no answer to what was asked
} DialogueAnswer;

// Starts a process that runs the program's end (CAGE_CANDIDATE) or the test's (CAGE_JUDGE), in a
// slot of that role. Does not wait for it. ST_IO with a sentence: our own fault.
MUST_USE Status dialogue_begin(Cage *cage, CageRole role, const CageLimits *limits, uint64_t seed,
                               Dialogue *out);
// The harness is compiled once and kept; what closes a cage forgets it, for the next may have
// another interpreter. No dialogue may be open.
void dialogue_forget(void);
// Sends one frame: kind and the bytes of a value.
DialogueAnswer dialogue_send(Dialogue *dialogue, char kind, const void *value, size_t size);
// Waits for a frame whose tag is that of the last dialogue_send.
DialogueAnswer dialogue_wait(Dialogue *dialogue);
char dialogue_kind(const Dialogue *dialogue);
const uint8_t *dialogue_value(const Dialogue *dialogue, size_t *size);
// Ends the process (if `kill` at once) and frees the dialogue; the record is the caller's.
void dialogue_end(Dialogue *dialogue, bool kill, CageRecord *record);

#ifdef __cplusplus
}
#endif
#endif
