// verifiers/verify.h -- the table of judges: a text against a task.
//
// Layer 3 (verifiers). Thread-safe, no global state, bounded time. A judge is found by name once,
// at start, so that a wrong name is a config error and not a stream of zeros; so is a judge that
// cannot work here, and a task that it could never judge.
#ifndef VERIFIERS_VERIFY_H
#define VERIFIERS_VERIFY_H

#include <stdbool.h>

#include "base/json.h"
#include "base/status.h"
#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Judge {
    const char *name; // "number", "format", ...
    const char *help; // one line
    JudgeFn *fn;
    bool needs_gold;
    // NULL, or: could `fn` reach a verdict on this task, whatever the response? NULL if so, else
    // why not, a literal ("the gold answer is no number"). Looks at the task's fields alone.
    const char *(*refuses)(const JudgeInput *in);
    // NULL, or: can this judge work in this process? ST_CONFIG or ST_UNSUPPORTED with the remedy.
    Status (*ready)(void);
} Judge;

// NULL if there is none; verify_names() then belongs in the error.
const Judge *verify_find(const char *name);
const char *verify_names(void); // "number, math, format, ..."
int verify_count(void);
const Judge *verify_at(int i); // 0 .. verify_count() - 1, in the order of the table

// Finds a judge and asks whether it can work here. ST_CONFIG or ST_UNSUPPORTED: the sentence says
// who asked (`who`: "rl.judge", "task 3 of gsm8k") and what to do.
MUST_USE Status verify_need(const char *name, const char *who, const Judge **out);

// judge->fn, after the rule that holds for all: without a gold that is needed it is an error.
Judgement verify_judge(const Judge *judge, const JudgeInput *in);

// Reads the fields of a row
// {"gold","extract","template","prefilled","target","math_policy","prompt", "finished",...} into
// *in and keeps the row as in->task; what the row does not have stays as it is. NULL, or what is
// wrong with it (a literal).
const char *verify_read_row(const Json *row, JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
