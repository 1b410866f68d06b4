// verifiers/math/math.h -- is a mathematical answer the gold answer? Exact, bounded, symmetric.
//
// Layer 3 (verifiers). Two texts, LaTeX or plain, are read into trees and compared in layers; the
// first layer that can decide does. Nothing is ever rounded: a layer that compares numbers that are
// not rational carries a rigorous bound of its error. What cannot be shown equal is wrong.
// Budgets (limits.h) bound length, depth, nodes, bits and steps; an answer over budget is wrong, a
// gold over budget is an error. Thread-safe, no global state, no signals.
//
// The rules on which tools differ (percent, units, tuples and lists, approximations, ...) are in
// rules.h and, as a table with reasons, in docs/JUDGES.md.
#ifndef VERIFIERS_MATH_MATH_H
#define VERIFIERS_MATH_MATH_H

#include "base/arena.h"
#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

// What decided.
typedef enum MathLayer {
    MATH_UNREAD,    // one of the texts could not be read, or there was none
    MATH_TEXT,      // the texts without white space, fonts and other dress
    MATH_RATIONAL,  // exact rational arithmetic (GMP)
    MATH_IDENTITY,  // identity of rational functions, in a field of 2^61 elements
    MATH_NUMERIC,   // ball arithmetic at random points (Arb), with its error bound
    MATH_STRUCTURE, // kind and parts of the objects: sets, tuples, intervals, matrices, text
} MathLayer;

typedef struct MathOptions {
    const char *policy; // whose rules: "default" (NULL), "math-verify", "qwen", "prm800k", "verl"
    const char *tolerance; // absolute, as a decimal ("1e-1"): the gold's own error bar; NULL = none
} MathOptions;

typedef struct MathResult {
    Verdict verdict; // error: the gold cannot be read, or no such policy
    MathLayer layer;
    const char *reason; // a literal
} MathResult;

// The answer itself against the gold. `options` NULL = the defaults. Symmetric up to the verdict
// error, which only the gold can cause.
MathResult math_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                        const MathOptions *options);

// The judge "math": the answer (boxed.h) of a response that ended by itself against the gold, which
// may itself be boxed or stand behind "####". Where the last box is not right and the last sentence
// has several, they are tried as a list. With extract "bare" a sentence counts by the formula
// between
// \( \) in it, or by the number it ends with.
Judgement math_judge(const JudgeInput *in);

// The same with options and with what decided (`result` may be NULL).
Judgement math_judge_with(const JudgeInput *in, const MathOptions *options, MathResult *result);

// Can the gold answer of a task be read? Asked once at the start; *reason says why not.
bool math_gold_readable(const char *gold, const MathOptions *options, const char **reason);

// For people: both trees, one node a line, and the layer that decided. In the arena.
const char *math_explain(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                         const MathOptions *options, Arena *arena);

const char *math_layer_name(MathLayer layer); // "text", "rational", ...
bool math_policy_known(const char *policy);   // NULL is the default, and known
const char *math_policy_names(void);          // "default, math-verify, ..."

#ifdef __cplusplus
}
#endif
#endif
