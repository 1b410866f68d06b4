// verifiers/judgeinput.h -- what a judge is given, and the form of a judge.
//
// Layer 3 (verifiers). Every judge includes this; the table of judges is in verify.h.
#ifndef VERIFIERS_JUDGEINPUT_H
#define VERIFIERS_JUDGEINPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/str.h"
#include "verifiers/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Program Program;     // verifiers/program.h
typedef struct CodeRules CodeRules; // verifiers/code/code.h

// What a judge is told: a response, and the task it answers. A field that a judge has no use for
// is ignored. All borrowed; read only, so threads may share `task`.
typedef struct JudgeInput {
    const char *text; // the response, any bytes
    size_t size;
    bool finished;         // it ended by itself (an end token); false = cut off
    const char *prefilled; // what the prompt already opened ("<think>"), or NULL

    const char *gold;   // the right answer; NULL for judges that need none (format)
    const char *prompt; // the question, or NULL
    const Json *task;   // the fields of the task's row (tests, kwargs, options, ...), or NULL

    const char *extract;   // where the answer is: "boxed" (default), "answer", "hash", "bare"
    const char *template_; // format: "r1-zero", "think-boxed", "chat"; NULL = the judge's default
    const char *target;    // language: "en", "zh", ...
    const char *policy;    // math: whose conventions; NULL = ours
    Program *program;      // program: the process that judges
    const CodeRules *code; // code: NULL = every test, score as the row says
    uint64_t draw;         // code: which of many tests are run; equal for a whole group

    Str *explain; // NULL, or takes lines for a person: how the verdict came about
    Str *more;    // NULL, or takes further members of the answer's line: ,"loose":true
} JudgeInput;

typedef Judgement JudgeFn(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
