// verifiers/math/matrix.h -- arithmetic of matrices, so that 2A, A + B and AB are matrices.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_MATRIX_H
#define VERIFIERS_MATH_MATRIX_H

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// A tree of sums, products and quotients that holds matrices as one matrix; the tree itself where
// there is nothing to do or the sizes do not fit.
const Expr *matrix_fold(Work *w, const Expr *e);

// The tree with every determinant of a square matrix of scalars, up to 5 x 5, written out as the
// sum of its products. `e` itself where there is none; NULL over budget.
Expr *matrix_determinants(Work *w, Expr *e);

#ifdef __cplusplus
}
#endif
#endif
