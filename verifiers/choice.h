// verifiers/choice.h -- multiple choice: is the chosen letter the right one?
//
// Layer 3 (verifiers). The gold is a letter ("B", "(B)"), several ("A, C"), or the text of one of
// the row's "options" (a list of texts). The answer may be a letter with or without brackets, a
// letter with the text of its option, or an option's text alone; \text{}, \textbf{}, $, ** and
// words as "option" and "answer" around it do not matter, nor does case. A letter with the text of
// another option contradicts itself: wrong.
#ifndef VERIFIERS_CHOICE_H
#define VERIFIERS_CHOICE_H

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CHOICE_MAX_BYTES = 4096 };

Judgement choice_judge(const JudgeInput *in);
const char *choice_refuses(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
