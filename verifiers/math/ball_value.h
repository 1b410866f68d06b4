// verifiers/math/ball_value.h -- the ball of one tree at one random point.
//
// Layer 3 (verifiers). What ball.c compares. The balls are Arb's, initialised by the
// caller; they are finite where VALUE_OK is returned, and anything else where it is not.
#ifndef VERIFIERS_MATH_BALL_VALUE_H
#define VERIFIERS_MATH_BALL_VALUE_H

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/ball.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Point {
    Work *w;
    int number;
    PointKind kind;
    bool complex;         // values off the real line are values
    bool complex_letters; // z and w have imaginary parts
    long precision;
    const uint64_t *letter; // letters whose values are given, by their point_key; others are random
    const double *value;
    int n_letters;
    double *hidden; // NULL, or raised to the bits that the size of a term or an argument hides
} Point;

uint64_t point_key(const Expr *letter);               // of a symbol, or of an unknown value as f(2)
int point_letter(const Point *p, const Expr *letter); // its place among the given ones, or -1

ValueStatus ball_value(const Point *p, const Expr *e, acb_t out);
bool ball_is_real(const acb_t z);
ValueStatus ball_known(const acb_t z);           // VALUE_OK if it is finite
bool ball_spend(const Point *p, int64_t factor); // steps at this precision; false: none left

// ---- case distinctions (ball_cases.c)

// Rows of a value and a condition that can be decided: relations of numbers, "otherwise".
bool ball_is_cases(const Expr *e);
// The value of the row whose condition holds; undefined where none does, or two that disagree.
ValueStatus ball_cases(const Point *p, const Expr *e, acb_t out);

// ---- what whole numbers are for (ball_count.c)

// Is the ball exactly one whole number? n is initialised by the caller.
bool ball_is_whole(const acb_t z, fmpz_t n);
ValueStatus ball_factorial(const Point *p, acb_t z); // in place; Gamma(z + 1) where z is not whole
ValueStatus ball_binomial(const Point *p, const Expr *e, acb_t out);
// gcd, lcm or remainder (FN_GCD, FN_LCM, FN_MOD) of z and the value of `with`, in place.
ValueStatus ball_whole_pair(const Point *p, int function, const Expr *with, acb_t z);

#ifdef __cplusplus
}
#endif
#endif
