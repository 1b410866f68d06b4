// verifiers/math/equal.h -- are two answers the same? By what kind of thing they are.
//
// Layer 3 (verifiers). Symmetric. Scalars go to scalar.h, intervals and inequalities to realset.h;
// here are lists, sets, tuples, assignments, equations, matrices, units, ratios, words.
#ifndef VERIFIERS_MATH_EQUAL_H
#define VERIFIERS_MATH_EQUAL_H

#include "verifiers/math/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

// *layer: the highest that was needed. False leaves the difference in w->why.
bool equal_answers(Work *w, const Expr *a, const Expr *b, MathLayer *layer);

#ifdef __cplusplus
}
#endif
#endif
