// verifiers/knights.h -- knights and knaves: is everybody called what they are?
//
// Layer 3 (verifiers). The gold names each person once: "Zoey is a knight, and Oliver is a knave."
// (also "Zoey: knight", numbered lines, "Zoey and Ann are knights"). The answer, in a box or in
// <answer> tags, must call every one of them by the same name, in any order. Somebody left out,
// called both, denied ("not a knave"), left open ("or", "if"), or a person who is not there: wrong.
// Case does not matter.
#ifndef VERIFIERS_KNIGHTS_H
#define VERIFIERS_KNIGHTS_H

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KNIGHTS_MAX_PEOPLE = 64, KNIGHTS_MAX_BYTES = 16384 };

Judgement knights_judge(const JudgeInput *in);
const char *knights_refuses(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
