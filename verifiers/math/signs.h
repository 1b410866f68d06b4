// verifiers/math/signs.h -- plus-minus written out: 1 \pm 2 is 3 and -1.
//
// Layer 3 (verifiers). Signs are free of each other, unless there is a \mp: then all go together.
#ifndef VERIFIERS_MATH_SIGNS_H
#define VERIFIERS_MATH_SIGNS_H

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// The variants of a tree, 1 if it has no such sign, 0 if there are too many. room >= 16.
int signs_expand(Work *w, const Expr *e, const Expr **out);

#ifdef __cplusplus
}
#endif
#endif
