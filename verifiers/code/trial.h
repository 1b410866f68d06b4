// verifiers/code/trial.h -- one program against one suite of tests.
//
// Layer 3 (verifiers). The three ways of code.h, without extraction, scores and retries.
#ifndef VERIFIERS_CODE_TRIAL_H
#define VERIFIERS_CODE_TRIAL_H

#include "base/arena.h"
#include "sandbox/cage.h"
#include "verifiers/code/suite.h"
#include "verifiers/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Trial {
    Verdict verdict;
    int n_passed, n_tests, first_failed; // first_failed: from 1; 0 = none
    const char *reason;                  // a literal
    char note[JUDGEMENT_NOTE_BYTES];     // the exception, the sandbox's sentence; or ""
    unsigned layers;                     // CageLayer bits that held the program
    bool fault;                          // error by the sandbox: may be tried again
} Trial;

enum { TRIAL_CANDIDATES = 5 };

// The texts that the program may be: the first that Python can compile is run. io takes the first.
typedef struct TrialProgram {
    CageLang lang;
    const char *text[TRIAL_CANDIDATES];
    size_t size[TRIAL_CANDIDATES];
    int n;
    uint64_t seed; // CageJob's
} TrialProgram;

// Stops at the first test that fails if the suite's score is binary.
void trial_run(Cage *cage, const Suite *suite, const TrialProgram *program, Trial *out);

#ifdef __cplusplus
}
#endif
#endif
