// verifiers/math/tree/wording.h -- words: answers that are text, and the letters of choices.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_TREE_WORDING_H
#define VERIFIERS_MATH_TREE_WORDING_H

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// Letters, digits and signs of a text without commands, braces, white space and final stops. In the
// arena. Case is kept; words_equal looks at it.
Slice words_normal(Work *w, Slice text);
// A sentence or a date: words, numbers and their marks, one blank where there are some; NULL if
// there is anything of a formula, or no word.
Slice words_sentence(Work *w, Slice text);
bool words_equal(Slice a, Slice b, bool case_matters);

// The letter of a choice: A  (A)  A.  A:  "(A) 5"; 0 if it is none. *rest: what follows it.
char choice_letter(Slice text, Slice *rest);

#ifdef __cplusplus
}
#endif
#endif
