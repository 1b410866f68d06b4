// verifiers/math/ball_value.h -- the ball of one tree at one random point.
//
// Floor 3 (verifiers). What ball.c compares. The balls are Arb's, initialised by the
// caller; they are finite where VALUE_OK is returned, and anything else where it is not.
#ifndef VERIFIERS_MATH_BALL_VALUE_H
#define VERIFIERS_MATH_BALL_VALUE_H

#include <acb.h>

#include "verifiers/math/ball.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Point {
    Work *w;
    int number;
    PointKind kind;
    bool complex;
    long precision;
} Point;

Value ball_value(const Point *p, const Expr *e, acb_t out);
bool ball_is_real(const acb_t z);

#ifdef __cplusplus
}
#endif
#endif
