// verifiers/verify.h -- the table of judges: a text against a task.
//
// Floor 3 (verifiers). Thread-safe, no global state, bounded time. A judge is found by name once,
// at start, so that a wrong name is a config error and not a stream of zeros.
#ifndef VERIFIERS_VERIFY_H
#define VERIFIERS_VERIFY_H

#include <stdbool.h>

#include "base/status.h"
#include "verifiers/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a judge is told about the text.
typedef struct JudgeInput {
    const char *text; // the response, any bytes
    size_t size;
    const char *gold;      // the task's answer; NULL for judges that need none (format)
    const char *template_; // format: "r1-zero", "think-boxed", "chat"; NULL = the judge's default
    const char *prefilled; // what the prompt already opened ("<think>"), or NULL
    const char
        *extract;  // "boxed" (default), "answer", "hash" (####), "bare" (the text is the answer)
    bool finished; // the response ended by itself (an end token); false = cut off
} JudgeInput;

typedef Judgement JudgeFn(const JudgeInput *in);

typedef struct Judge {
    const char *name; // "number", "format", ...
    const char *help;
    JudgeFn *fn;
} Judge;

// NULL if there is none; verify_names() then belongs in the error.
const Judge *verify_find(const char *name);
const char *verify_names(void); // "number, math, format"

#ifdef __cplusplus
}
#endif
#endif
