// verifiers/math/ball_count.c -- factorials, binomials, gcd, lcm and remainders of balls.
#include "verifiers/math/ball_value.h"

#include "verifiers/math/tree/limits.h"

// Out of line: inlined, gcc 12 takes the ball for its midpoint and warns of reading past it.
__attribute__((noinline)) bool ball_is_whole(const acb_t z, fmpz_t n) {
    return arb_is_zero(acb_imagref(z)) && arb_is_exact(acb_realref(z)) &&
           arb_get_unique_fmpz(n, acb_realref(z));
}

__attribute__((noinline)) static void set_factorial(acb_t z, ulong n, slong precision) {
    arb_fac_ui(acb_realref(z), n, precision);
}

ValueStatus ball_factorial(const Point *p, acb_t z) { // z! = Gamma(z + 1)
    if (!ball_is_real(z)) return VALUE_NONE;
    fmpz_t n;
    fmpz_init(n);
    bool whole = ball_is_whole(z, n),
         known = whole && fmpz_sgn(n) >= 0 && fmpz_cmp_ui(n, MATH_MAX_FACTORIAL) <= 0;
    bool pole = whole && fmpz_sgn(n) < 0;
    ulong small = known ? fmpz_get_ui(n) : 0;
    fmpz_clear(n);
    if (pole) return VALUE_UNDEFINED;
    if (known) {
        set_factorial(z, small, p->precision);
        return ball_spend(p, 4 + (int64_t)small / 32) ? VALUE_OK : VALUE_OVER;
    }
    mag_t size;
    mag_init(size);
    acb_get_mag(size, z);
    bool large = mag_cmp_2exp_si(size, 20) > 0;
    mag_clear(size);
    if (large || !ball_spend(p, 5 * MATH_MAX_CALL_STEPS)) return VALUE_OVER;
    acb_add_ui(z, z, 1, p->precision);
    acb_gamma(z, z, p->precision);
    return ball_known(z);
}

ValueStatus ball_binomial(const Point *p, const Expr *e, acb_t out) {
    acb_t k, rest;
    acb_init(k);
    acb_init(rest);
    ValueStatus got = ball_value(p, e->first, out);
    if (got == VALUE_OK) got = ball_value(p, e->last, k);
    if (got == VALUE_OK) {
        acb_sub(rest, out, k, p->precision);
        fmpz_t n, r;
        fmpz_init(n);
        fmpz_init(r);
        bool none =
            ball_is_whole(rest, r) && ball_is_whole(out, n) && fmpz_sgn(r) < 0 && fmpz_sgn(n) >= 0;
        fmpz_clear(n);
        fmpz_clear(r);
        if (none) {
            acb_zero(out); // k > n
        } else {
            got = ball_factorial(p, out);
            if (got == VALUE_OK) got = ball_factorial(p, k);
            if (got == VALUE_OK) got = ball_factorial(p, rest);
            if (got == VALUE_OK) {
                acb_div(out, out, k, p->precision);
                acb_div(out, out, rest, p->precision);
                got = ball_known(out);
            }
        }
    }
    acb_clear(k);
    acb_clear(rest);
    return got;
}

// gcd, lcm and the rest of z and the value of `with`, both whole numbers.
ValueStatus ball_whole_pair(const Point *p, int function, const Expr *with, acb_t z) {
    acb_t y;
    fmpz_t a, b;
    acb_init(y);
    fmpz_init(a);
    fmpz_init(b);
    ValueStatus got = ball_value(p, with, y);
    if (got == VALUE_OK && !(ball_is_whole(z, a) && ball_is_whole(y, b))) got = VALUE_NONE;
    if (got == VALUE_OK && function == FN_MOD && fmpz_is_zero(b)) got = VALUE_UNDEFINED;
    if (got == VALUE_OK) {
        if (function == FN_GCD)
            fmpz_gcd(a, a, b);
        else if (function == FN_LCM)
            fmpz_lcm(a, a, b);
        else
            fmpz_fdiv_r(a, a, b);
        acb_set_fmpz(z, a);
    }
    acb_clear(y);
    fmpz_clear(a);
    fmpz_clear(b);
    return got;
}
