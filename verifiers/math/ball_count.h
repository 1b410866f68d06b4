// verifiers/math/ball_count.h -- what whole numbers are for: n!, binomials, gcd, lcm, remainders.
//
// Layer 3 (verifiers). A part of ball_value: the values at one point, as balls.
#ifndef VERIFIERS_MATH_BALL_COUNT_H
#define VERIFIERS_MATH_BALL_COUNT_H

#include "verifiers/math/ball_value.h"

#ifdef __cplusplus
extern "C" {
#endif

// Is the ball exactly one whole number? n is initialised by the caller.
bool ball_is_whole(const acb_t z, fmpz_t n);
Value ball_factorial(const Point *p, acb_t z); // in place; Gamma(z + 1) where z is not whole
Value ball_binomial(const Point *p, const Expr *e, acb_t out);
// gcd, lcm or remainder (FN_GCD, FN_LCM, FN_MOD) of z and the value of `with`, in place.
Value ball_whole_pair(const Point *p, int function, const Expr *with, acb_t z);

#ifdef __cplusplus
}
#endif
#endif
