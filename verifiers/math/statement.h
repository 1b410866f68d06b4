// verifiers/math/statement.h -- assignments, equations and inequalities.
//
// Layer 3 (verifiers). "x = 5" is 5 with a name; "3x + y = 2" is an equation, equal to its
// multiples; "y = 2x + 1" is both. Names must agree where both sides have one.
#ifndef VERIFIERS_MATH_STATEMENT_H
#define VERIFIERS_MATH_STATEMENT_H

#include "verifiers/math/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Named {
    const Expr *name;  // NULL: a value alone
    const Expr *value; // NULL: a statement that has no value, or a chain that is false
} Named;

Named statement_name(Work *w, const Expr *e);
bool statement_is_inequality(const Expr *e);
// At least one of them is a relation.
bool statement_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer);

#ifdef __cplusplus
}
#endif
#endif
