// verifiers/math/collection.h -- lists, sets, tuples, matrices, cases.
//
// Layer 3 (verifiers). Bare lists and sets have no order and no repetition; tuples and matrices
// have places; rows of a case distinction have no order.
#ifndef VERIFIERS_MATH_COLLECTION_H
#define VERIFIERS_MATH_COLLECTION_H

#include "verifiers/math/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

// At least one is a collection, or holds a plus-minus sign.
bool collection_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer);
// The children, in any order.
bool collection_unordered(Work *w, const Expr *a, const Expr *b, MathLayer *layer);

#ifdef __cplusplus
}
#endif
#endif
