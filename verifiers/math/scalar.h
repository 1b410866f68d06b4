// verifiers/math/scalar.h -- are two numbers or formulae the same? The layers, in order.
//
// Layer 3 (verifiers). Same tree; exact rational values; identity of rational functions; balls at
// random points. A decimal may stand for a number it cannot write (rules.h says from how many right
// digits on), rounded or cut off correctly in its last digit.
#ifndef VERIFIERS_MATH_SCALAR_H
#define VERIFIERS_MATH_SCALAR_H

#include "verifiers/math/math.h"
#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// Raises *layer to the one that decided. Undecided is false.
bool scalar_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer);
// A case distinction and another, or a formula: the same function of real letters?
bool scalar_same_cases(Work *w, const Expr *a, const Expr *b, MathLayer *layer);
// -1, 0, 1 for real constants, infinities too; *known false: no order.
int scalar_order(Work *w, const Expr *a, const Expr *b, bool *known);
// a = c * b with a constant c != 0; *sign of c, 0 if unknown or not real.
bool scalar_proportional(Work *w, const Expr *a, const Expr *b, int *sign, MathLayer *layer);
// No layer can say within a verdict's budgets whether this number is zero. Starts the steps anew.
bool scalar_too_large(Work *w, const Expr *e);

#ifdef __cplusplus
}
#endif
#endif
