// verifiers/code/trial_parts.h -- what the files of trial.h share.
//
// Layer 3 (verifiers). Not for others.
#ifndef VERIFIERS_CODE_TRIAL_PARTS_H
#define VERIFIERS_CODE_TRIAL_PARTS_H

#include "verifiers/code/trial.h"

#ifdef __cplusplus
extern "C" {
#endif

void trial_note(Trial *t, const char *text, size_t size); // cut at its room, valid UTF-8
void trial_fault(Trial *t, const char *sentence);         // error by the sandbox
void trial_wrong(Trial *t, int test, const char *reason); // the first of several stays
void trial_died(Trial *t, int test, const CageRecord *r); // a program that did not simply end well
int trial_wall_ms(const Suite *s);                        // of one run of the program

// Forms calls, and asserts and check.
void trial_calls(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena);
void trial_asserts(Cage *cage, const Suite *s, const TrialProgram *p, Trial *t, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
