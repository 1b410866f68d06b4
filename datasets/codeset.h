// datasets/codeset.h -- the questions of programming-contest rows.
//
// Layer 2 (datasets). Rows as LiveCodeBench, APPS, Codeforces, CodeContests and SandboxFusion write
// them; the row itself, with its tests, goes to the judge (verifiers/code/suite.h has the forms).
// Rows of HumanEval and MBPP have their own form in published.c.
#ifndef DATASETS_CODESET_H
#define DATASETS_CODESET_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

// Does the row have a question and tests that only a program can pass?
bool codeset_fits(const Json *row);
// The statement, the starter code if there is one, and what to answer with. In the arena; NULL if
// the row has no question.
const char *codeset_question(const Json *row, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
