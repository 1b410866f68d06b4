// verifiers/math/testpoint.h -- at which points two functions must be compared.
//
// Layer 3 (verifiers). A function made of analytic ones by |..|, max, min, roots, logarithms and
// the like is analytic between its breakpoints: the zeros of what is in the absolute value, of
// the difference of what is in the maximum, and so on. Two such functions that agree at a
// random point of every part agree everywhere, but for a chance of about 2^-50; those that agree in
// one part, as |x-7| and 7-x do, need not. Along each letter, the others held fixed, the
// breakpoints of both trees are found: exactly where the argument is a polynomial or a quotient of
// two, piece by piece where it has pieces itself; by a search for changes of sign elsewhere, and
// then `sampled` is set: parts may have been missed, and points of many sizes are taken as well.
#ifndef VERIFIERS_MATH_TESTPOINT_H
#define VERIFIERS_MATH_TESTPOINT_H

#include "verifiers/math/ball.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TESTPOINT_MAX_LETTERS = 8, // a letter beyond them keeps its random values
    TESTPOINT_MAX_BREAKS = 40, // along one line
    TESTPOINT_MAX_POINTS = 256,
};

typedef struct TestPoint {
    double value[TESTPOINT_MAX_LETTERS]; // of the letters, in their order
    int part;  // the parts are numbered; each needs a point that says equal. -1: of no part
    bool edge; // the breakpoint itself: one side may not exist there
} TestPoint;

typedef struct TestPlan {
    uint64_t letter[TESTPOINT_MAX_LETTERS]; // hash of the name
    bool moves[TESTPOINT_MAX_LETTERS];      // is in something that has breakpoints
    bool whole[TESTPOINT_MAX_LETTERS];      // takes whole numbers only
    int n_letters, n_points, n_parts;
    int n_needed; // so many points come first that must be compared
    bool sampled;
    bool rough_end;   // a condition of a case distinction ends at a number that is no double
    TestPoint *point; // in the arena
} TestPlan;

// What the letters may be, as in ball_compare: POINT_WHOLE, POINT_COUNT or, for all reals,
// POINT_MIXED. `below_zero`: whole numbers may be negative. False: over budget.
bool testpoint_plan(Work *w, const Expr *a, const Expr *b, PointKind kind, bool below_zero,
                    TestPlan *out);

#ifdef __cplusplus
}
#endif
#endif
