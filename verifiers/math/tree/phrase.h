// verifiers/math/tree/phrase.h -- words around a formula that are part of its meaning.
//
// Layer 3 (verifiers). "for all x", "n >= 1" in brackets behind a formula, "all reals except 2",
// "only p = 2": what a sentence adds to the formula in it.
#ifndef VERIFIERS_MATH_TREE_PHRASE_H
#define VERIFIERS_MATH_TREE_PHRASE_H

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// A list with op 'd': the formula, then conditions on its letters. The formula alone where the
// phrase says nothing more ("for all x"). A set without some of its elements. NULL where there is
// no such phrase: the text is read as any other.
Expr *phrase_read(Work *w, Slice text, bool group, bool *grouped);

#ifdef __cplusplus
}
#endif
#endif
