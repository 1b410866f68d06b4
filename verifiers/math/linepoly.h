// verifiers/math/linepoly.h -- a tree along a line as a quotient of two polynomials, and their real
// roots.
//
// Layer 3 (verifiers). On the line all letters move together, or one alone. Used to find the places
// where |x - 7| or max(n, 20) change their formula: exactly where the argument is a rational
// function of low degree with rational coefficients, to 64 bits where a coefficient is irrational.
#ifndef VERIFIERS_MATH_LINEPOLY_H
#define VERIFIERS_MATH_LINEPOLY_H

#include <flint/fmpq_poly.h>

#include "verifiers/math/ball_value.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LINE_MAX_DEGREE = 8, LINE_MAX_BITS = 2048 };

// A quotient of polynomials; line_fraction_init and line_fraction_clear go around its use.
typedef struct LineFraction {
    fmpq_poly_t num, den;
    bool rough; // a coefficient is irrational and was cut off
    bool exact; // line_roots: every root that it gave is one
} LineFraction;

void line_fraction_init(LineFraction *f);
void line_fraction_clear(LineFraction *f);

// `e` as a function of t where each letter of `at` has its value + t * way, on the piece that holds
// t = inside: absolute values, maxima and signs are resolved by their values there. False: it is no
// such quotient.
bool line_fraction(const Point *at, const double *way, const Expr *e, double inside,
                   LineFraction *out);
// f - g - k in place of f.
void line_subtract(LineFraction *f, const LineFraction *g, long k);
// The real roots of the numerator and of the denominator, unsorted, at most `most`. -1: they could
// not all be found. f is changed.
int line_roots(LineFraction *f, double *root, int most);

#ifdef __cplusplus
}
#endif
#endif
