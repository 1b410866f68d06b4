// verifiers/countdown.h -- does an expression of the given numbers make the target?
//
// Layer 3 (verifiers). The task's row has "numbers" (or "nums"), a list of whole numbers, and
// "target" (or the gold is it). The answer is an expression of + - * / and brackets (also
// \times, \cdot, \div, \frac, ×, ÷), perhaps followed by "= target". Each given number is used
// exactly once; with "use_all":false at most once. There is no ** and no //, no decimal point, no
// joining of digits. Exact rational arithmetic (GMP); dividing by zero is wrong.
#ifndef VERIFIERS_COUNTDOWN_H
#define VERIFIERS_COUNTDOWN_H

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    COUNTDOWN_MAX_BYTES = 4096, // of an expression
    COUNTDOWN_MAX_DEPTH = 128,  // of brackets
    COUNTDOWN_MAX_NUMBERS = 64, // of a task
    COUNTDOWN_MAX_DIGITS = 40,  // of one of them
};

Judgement countdown_judge(const JudgeInput *in);
const char *countdown_refuses(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
