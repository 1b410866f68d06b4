// verifiers/math/realset.h -- sets of real numbers: intervals, inequalities, unions as one thing.
//
// Layer 3 (verifiers). x > 2, 2 < x, (2, \infty), x \in (2, \infty) and \{x | x > 2\} are the same.
#ifndef VERIFIERS_MATH_REALSET_H
#define VERIFIERS_MATH_REALSET_H

#include "verifiers/math/scalar.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REALSET_MAX = 32 }; // pieces

typedef struct Piece {
    const Expr *lo, *hi; // infinities are constants
    bool lo_in, hi_in;
} Piece;

typedef struct RealSet {
    const Expr *name; // the letter it is about, or NULL
    Piece piece[REALSET_MAX];
    int n;
} RealSet;

// Is it written as an interval, an inequality or a union of them? False: not, or not understood.
bool realset_read(Work *w, const Expr *e, RealSet *out);
// x \in R, x \neq 0: a list with commas whose first item says where the letter lives.
bool realset_names_domain(const Expr *list);
bool realset_half_lines(const Expr *list); // x >= 2, x <= 5
bool realset_same(Work *w, RealSet *a, RealSet *b, MathLayer *layer);

#ifdef __cplusplus
}
#endif
#endif
