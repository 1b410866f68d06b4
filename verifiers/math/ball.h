// verifiers/math/ball.h -- a tree's value as a ball: a midpoint and a radius that holds the error.
//
// Layer 3 (verifiers). Arb does the arithmetic (F. Johansson, "Arb: efficient arbitrary-precision
// midpoint-radius interval arithmetic", 2017). Two balls that do not touch prove a difference; two
// that touch at many bits more than the numbers written in the trees could hide are equal.
//
// Letters are real. Unless a tree holds i, so is everything else: a root of a negative number of
// even index and its logarithm do not exist, one of odd index is the real root.
#ifndef VERIFIERS_MATH_BALL_H
#define VERIFIERS_MATH_BALL_H

#include "verifiers/math/rational.h"

typedef struct TestPlan TestPlan;

#ifdef __cplusplus
extern "C" {
#endif

typedef enum PointKind {
    POINT_POSITIVE,
    POINT_MIXED,
    POINT_WHOLE,
    POINT_COUNT, // n, m, k, .. whole, the other letters real: where there is a \sum
} PointKind;

typedef enum BallOrder {
    BALL_UNKNOWN, // not known well enough
    BALL_NEITHER, // undefined on both sides
    BALL_EQUAL,   // to all the bits that were asked for
    BALL_DIFFERENT,
    BALL_LEFT_ONLY, // defined on one side alone
    BALL_RIGHT_ONLY,
    BALL_OVER, // no budget left
} BallOrder;

// Compares two trees at a random point.
BallOrder ball_compare(Work *w, const Expr *a, const Expr *b, PointKind kind, int point);
// The same at point number i of a plan (testpoint.h). The caller ends with ball_forget.
BallOrder ball_compare_at(Work *w, const Expr *a, const Expr *b, const TestPlan *plan, int i);
void ball_forget(void); // gives back what Arb keeps for this thread
// -1, 0, 1 with *known; real constants only. 0 means equal as in ball_compare.
int ball_order(Work *w, const Expr *a, const Expr *b, bool *known);
// Is a/b the same at random points, and at those of the plan (NULL: none)? *sign of the ratio: 0
// unknown.
bool ball_proportional(Work *w, const Expr *a, const Expr *b, const TestPlan *plan, int *sign);
// Is the constant `e` the written decimal of `digits` right digits, rounded or cut off?
bool ball_rounds_to(Work *w, const Expr *e, const Expr *decimal, bool minus);
// |a - b| <= relative * max(|a|, |b|), or <= absolute.
bool ball_near(Work *w, const Expr *a, const Expr *b, double relative, mpq_srcptr absolute);
// Letters that usually stand for whole numbers: n, m, k, l, N, M, K, j, r, s, t, p, q.
bool ball_whole_letter(const Expr *symbol);
// Bits that the written numbers of a tree can hide: its height. Large = too many.
double ball_height(const Expr *e);

#ifdef __cplusplus
}
#endif
#endif
