// verifiers/math/rational.h -- the exact value of a tree that is a rational number.
//
// Layer 3 (verifiers). GMP; numerator and denominator stay under MATH_MAX_BITS.
#ifndef VERIFIERS_MATH_RATIONAL_H
#define VERIFIERS_MATH_RATIONAL_H

#include <gmp.h>

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ValueStatus {
    VALUE_OK,
    VALUE_NONE,      // it has none of this kind: a letter, an irrational number
    VALUE_UNDEFINED, // nor any: division by zero, the root of -1 on the reals
    VALUE_OVER,      // over budget
} ValueStatus;

// `letters`: the value of every symbol, or NULL (then a symbol has none). out is initialised.
ValueStatus rational_value(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out);
// The same, a whole number that fits; false if it is none.
bool rational_integer(Work *w, const Expr *e, long *out);
// The whole numbers between which a \sum goes; false if they are none, or too many.
bool rational_bounds(Work *w, const Expr *fold, long *low, long *high);
// What a node costs; false if the budget is used up.
bool work_spend(Work *w, int64_t steps);

#ifdef __cplusplus
}
#endif
#endif
