// verifiers/math/ball.c -- evaluation in Arb.
#include "verifiers/math/ball.h"

#include <acb.h>
#include <arb.h>
#include <flint/flint.h>
#include <string.h>

#include "verifiers/math/residue.h"
#include "verifiers/math/tree/limits.h"

typedef struct Point {
    Work *w;
    int number;
    PointKind kind;
    bool complex;
    long precision;
} Point;

static Value ball_value(const Point *p, const Expr *e, acb_t out);

static bool spend(const Point *p, int64_t factor) {
    return work_spend(p->w, factor * (1 + p->precision / MATH_BALL_STEP_BITS / 4));
}

// ---- heights

static double small_integer(const Expr *e) { // its value, or a large one
    double v = 0;
    for (size_t i = 0; i < e->text.size && v < 1e9; i++) v = v * 10 + (e->text.data[i] - '0');
    if (e->exp10 < 0) { // 2^{0.5}: the power of the whole part; the root is counted apart
        for (int32_t i = e->exp10; i < 0 && v >= 1; i++) v /= 10;
        return 1 + v;
    }
    return e->exp10 ? 1e9 : v;
}

double ball_height(const Expr *e) {
    enum { FOLD_TERMS = 8 }; // the letter's own values are small
    if (e->kind == EX_NUMBER)
        return 3.33 * (double)(e->text.size + (size_t)(e->exp10 < 0 ? -e->exp10 : e->exp10));
    if (e->kind == EX_FACTORIAL && e->first->kind == EX_NUMBER) return 12 * small_integer(e->first);
    if (e->kind == EX_POWER) { // once a child: a tower must not double the work at each level
        double base = ball_height(e->first), exponent = ball_height(e->last);
        const Expr *k = e->last->kind == EX_NEGATE ? e->last->first : e->last;
        if (k->kind == EX_NUMBER) return small_integer(k) * (1 + base) + exponent;
        bool constant = !(e->last->has & (HAS_SYMBOL | HAS_IRRATIONAL));
        return constant && exponent > 24 ? 1e9 : 2 + base + exponent;
    }
    if (e->kind == EX_FOLD) return FOLD_TERMS * (1 + ball_height(e->last));
    double h = 0;
    for (const Expr *c = e->first; c; c = c->next) h += 1 + ball_height(c);
    return h;
}

static int count_roots(const Expr *e) {
    int n = e->kind == EX_ROOT || (e->kind == EX_POWER && (e->has & HAS_IRRATIONAL));
    for (const Expr *c = e->first; c; c = c->next) n += count_roots(c);
    return n;
}

// 0: over budget.
static long precision_for(const Expr *a, const Expr *b) {
    double h = ball_height(a) + ball_height(b), roots = count_roots(a) + count_roots(b);
    double extra = 2 * h * roots;
    double need = 128 + 2 * h + (extra < 512 ? extra : 512);
    return need > MATH_MAX_PRECISION ? 0 : (long)need;
}

// ---- values

bool ball_whole_letter(const Expr *symbol) {
    return strchr("nmklNMKjrstpq", *symbol->text.data) != NULL;
}

static void letter_value(const Point *p, uint64_t hash, bool whole, acb_t out) {
    uint64_t r = work_random(p->w, hash, p->number);
    bool minus = p->number == 3 || (p->number == 5 ? !(work_random(p->w, hash, 4) & 1) : (r & 1));
    if (p->kind == POINT_WHOLE ||
        (whole && p->kind == POINT_COUNT)) { // small ones first, so that every remainder is met
        uint64_t span = p->number < 6 ? 9 : p->kind == POINT_COUNT ? 24 : 200;
        acb_set_ui(out, 1 + r % span);
        return;
    }
    long top = (long)(r >> 40) + (1L << 22); // in [1/4, 5/4) * 2^24
    acb_set_si(out, p->kind == POINT_MIXED && minus ? -top : top);
    acb_mul_2exp_si(out, out, -26 + (int)((r >> 8) % 5)); // 1/16 .. 5, also inside (-1, 1)
}

// Out of line: inlined, gcc 12 takes the ball for its midpoint and warns of reading past it.
__attribute__((noinline)) static bool is_whole(const acb_t z, fmpz_t n) {
    return arb_is_zero(acb_imagref(z)) && arb_is_exact(acb_realref(z)) &&
           arb_get_unique_fmpz(n, acb_realref(z));
}

__attribute__((noinline)) static void set_factorial(acb_t z, ulong n, slong precision) {
    arb_fac_ui(acb_realref(z), n, precision);
}

static bool is_real(const acb_t z) {
    return arb_is_zero(acb_imagref(z));
}

static Value known_value(const acb_t z) {
    return acb_is_finite(z) ? VALUE_OK : VALUE_UNDEFINED;
}

// A real result of a real argument is asked for: the sign must be known.
static Value need_positive(const Point *p, const acb_t z, bool zero_too) {
    if (p->complex) return VALUE_OK;
    if (arb_is_positive(acb_realref(z)) || (zero_too && arb_is_nonnegative(acb_realref(z))))
        return VALUE_OK;
    if (zero_too && arb_contains_zero(acb_realref(z))) return VALUE_OK; // its radius counts
    return VALUE_UNDEFINED;
}

static Value root(const Point *p, acb_t z, long k) {
    if (k == 0) return VALUE_UNDEFINED;
    if (k < 0) {
        acb_inv(z, z, p->precision);
        k = -k;
    }
    if (!p->complex && k % 2 && arb_is_negative(acb_realref(z))) {
        acb_neg(z, z);
        acb_root_ui(z, z, (ulong)k, p->precision);
        acb_neg(z, z);
        return known_value(z);
    }
    if (!p->complex && arb_contains_zero(acb_realref(z)) && !arb_is_zero(acb_realref(z))) {
        // about zero: the root of what is left of it
        if (!arb_contains_nonnegative(acb_realref(z))) return VALUE_UNDEFINED;
        arb_nonnegative_part(acb_realref(z), acb_realref(z));
    }
    Value got = need_positive(p, z, true);
    if (got != VALUE_OK) return got;
    acb_root_ui(z, z, (ulong)k, p->precision);
    return known_value(z);
}

static Value power_value(const Point *p, const Expr *e, acb_t out) {
    mpq_t q;
    mpq_init(q);
    bool constant = !(e->last->has & (HAS_SYMBOL | HAS_PI_OR_E | HAS_I | HAS_OBJECT));
    Value got = constant ? rational_value(p->w, e->last, NULL, q) : VALUE_NONE;
    if (got == VALUE_OVER) {
        mpq_clear(q);
        return got;
    }
    bool rational = got == VALUE_OK;
    got = ball_value(p, e->first, out);
    if (got == VALUE_OK && rational && mpz_fits_slong_p(mpq_numref(q)) &&
        mpz_fits_slong_p(mpq_denref(q)) && mpz_cmp_ui(mpq_denref(q), 1000) < 0) {
        long n = mpz_get_si(mpq_numref(q)), d = mpz_get_si(mpq_denref(q));
        if (d != 1) got = root(p, out, d);
        if (got == VALUE_OK) {
            fmpz_t k;
            fmpz_init_set_si(k, n);
            if (n <= 0 && acb_is_zero(out))
                got = VALUE_UNDEFINED;
            else
                acb_pow_fmpz(out, out, k, p->precision);
            fmpz_clear(k);
        }
        if (got == VALUE_OK) got = known_value(out);
    } else if (got == VALUE_OK) {
        acb_t x;
        acb_init(x);
        got = ball_value(p, e->last, x);
        fmpz_t k;
        fmpz_init(k);
        if (got == VALUE_OK && is_whole(x, k) && fmpz_bits(k) < 40) {
            acb_pow_fmpz(out, out, k, p->precision);
        } else if (got == VALUE_OK) {
            got = need_positive(p, out, false);
            if (got == VALUE_OK) acb_pow(out, out, x, p->precision);
        }
        if (got == VALUE_OK) got = known_value(out);
        fmpz_clear(k);
        acb_clear(x);
    }
    mpq_clear(q);
    return got;
}

static Value call(const Point *p, const Expr *e, acb_t z) {
    long prec = p->precision;
    if (!spend(p, MATH_MAX_CALL_STEPS)) return VALUE_OVER;
    Value got = ball_value(p, e->first, z);
    if (got != VALUE_OK) return got;
    bool real = !p->complex;
    arb_ptr x = acb_realref(z);
    switch (e->op) {
    case FN_SIN: acb_sin(z, z, prec); break;
    case FN_COS: acb_cos(z, z, prec); break;
    case FN_TAN: acb_tan(z, z, prec); break;
    case FN_COT: acb_cot(z, z, prec); break;
    case FN_SEC: acb_sec(z, z, prec); break;
    case FN_CSC: acb_csc(z, z, prec); break;
    case FN_ARCSEC:
    case FN_ARCCSC:
        acb_inv(z, z, prec);
        if (e->op == FN_ARCSEC)
            acb_acos(z, z, prec);
        else
            acb_asin(z, z, prec);
        break;
    case FN_ARCSIN: acb_asin(z, z, prec); break;
    case FN_ARCCOS: acb_acos(z, z, prec); break;
    case FN_ARCTAN: acb_atan(z, z, prec); break;
    case FN_ARCCOT: { // in (0, pi)
        acb_t half;
        acb_init(half);
        acb_const_pi(half, prec);
        acb_mul_2exp_si(half, half, -1);
        acb_atan(z, z, prec);
        acb_sub(z, half, z, prec);
        acb_clear(half);
        break;
    }
    case FN_SINH: acb_sinh(z, z, prec); break;
    case FN_COSH: acb_cosh(z, z, prec); break;
    case FN_TANH: acb_tanh(z, z, prec); break;
    case FN_COTH: acb_coth(z, z, prec); break;
    case FN_SECH: acb_sech(z, z, prec); break;
    case FN_CSCH: acb_csch(z, z, prec); break;
    case FN_ARSINH: acb_asinh(z, z, prec); break;
    case FN_ARCOSH: acb_acosh(z, z, prec); break;
    case FN_ARTANH: acb_atanh(z, z, prec); break;
    case FN_LN:
    case FN_LOG: {
        got = need_positive(p, z, false);
        if (got != VALUE_OK) return got;
        acb_log(z, z, prec);
        if (e->op == FN_LN && e->n == 1) break;
        acb_t base;
        acb_init(base);
        if (e->n > 1)
            got = ball_value(p, e->first->next, base);
        else
            acb_set_ui(base, 10);
        if (got == VALUE_OK) got = need_positive(p, base, false);
        if (got == VALUE_OK) {
            acb_log(base, base, prec);
            acb_div(z, z, base, prec);
        }
        acb_clear(base);
        break;
    }
    case FN_EXP: acb_exp(z, z, prec); break;
    case FN_GAMMA: acb_gamma(z, z, prec); break;
    case FN_RE: acb_set_arb(z, x); break;
    case FN_IM: acb_set_arb(z, acb_imagref(z)); break;
    case FN_CONJ: acb_conj(z, z); break;
    case FN_ARG: acb_arg(x, z, prec), arb_zero(acb_imagref(z)); break;
    case FN_SIGN:
        if (!is_real(z)) return VALUE_NONE;
        arb_sgn(x, x);
        break;
    case FN_MAX:
    case FN_MIN: {
        acb_t next;
        acb_init(next);
        for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
            got = ball_value(p, c, next);
            if (got == VALUE_OK && (!is_real(z) || !is_real(next))) got = VALUE_NONE;
            if (got != VALUE_OK) break;
            if (e->op == FN_MAX)
                arb_max(x, x, acb_realref(next), prec);
            else
                arb_min(x, x, acb_realref(next), prec);
        }
        acb_clear(next);
        break;
    }
    default: return VALUE_NONE;
    }
    if (got == VALUE_OK && real && !is_real(z)) return VALUE_UNDEFINED;
    return got == VALUE_OK ? known_value(z) : got;
}

static Value fold(const Point *p, const Expr *e, acb_t out) {
    Value got = ball_value(p, e->first, out);
    acb_t next;
    acb_init(next);
    for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
        got = ball_value(p, c, next);
        if (got != VALUE_OK) break;
        if (e->kind == EX_SUM) {
            acb_add(out, out, next, p->precision);
        } else if (e->kind == EX_PRODUCT) {
            acb_mul(out, out, next, p->precision);
        } else {
            if (acb_is_zero(next)) got = VALUE_UNDEFINED;
            acb_div(out, out, next, p->precision);
        }
    }
    acb_clear(next);
    return got == VALUE_OK ? known_value(out) : got;
}

static Value gamma_of(const Point *p, acb_t z) { // z! = Gamma(z + 1)
    if (!is_real(z)) return VALUE_NONE;
    fmpz_t n;
    fmpz_init(n);
    bool whole = is_whole(z, n),
         known = whole && fmpz_sgn(n) >= 0 && fmpz_cmp_ui(n, MATH_MAX_FACTORIAL) <= 0;
    bool pole = whole && fmpz_sgn(n) < 0;
    ulong small = known ? fmpz_get_ui(n) : 0;
    fmpz_clear(n);
    if (pole) return VALUE_UNDEFINED;
    if (known) {
        set_factorial(z, small, p->precision);
        return spend(p, 4 + (int64_t)small / 32) ? VALUE_OK : VALUE_OVER;
    }
    mag_t size;
    mag_init(size);
    acb_get_mag(size, z);
    bool large = mag_cmp_2exp_si(size, 20) > 0;
    mag_clear(size);
    if (large || !spend(p, 5 * MATH_MAX_CALL_STEPS)) return VALUE_OVER;
    acb_add_ui(z, z, 1, p->precision);
    acb_gamma(z, z, p->precision);
    return known_value(z);
}

static Value binomial(const Point *p, const Expr *e, acb_t out) {
    acb_t k, rest;
    acb_init(k);
    acb_init(rest);
    Value got = ball_value(p, e->first, out);
    if (got == VALUE_OK) got = ball_value(p, e->last, k);
    if (got == VALUE_OK) {
        acb_sub(rest, out, k, p->precision);
        fmpz_t n, r;
        fmpz_init(n);
        fmpz_init(r);
        bool none = is_whole(rest, r) && is_whole(out, n) && fmpz_sgn(r) < 0 && fmpz_sgn(n) >= 0;
        fmpz_clear(n);
        fmpz_clear(r);
        if (none) {
            acb_zero(out); // k > n
        } else {
            got = gamma_of(p, out);
            if (got == VALUE_OK) got = gamma_of(p, k);
            if (got == VALUE_OK) got = gamma_of(p, rest);
            if (got == VALUE_OK) {
                acb_div(out, out, k, p->precision);
                acb_div(out, out, rest, p->precision);
                got = known_value(out);
            }
        }
    }
    acb_clear(k);
    acb_clear(rest);
    return got;
}

static Value constant(const Point *p, const Expr *e, acb_t out) {
    switch (e->op) {
    case 'p': acb_const_pi(out, p->precision); return VALUE_OK;
    case 'e':
        arb_const_e(acb_realref(out), p->precision), arb_zero(acb_imagref(out));
        return VALUE_OK;
    case 'i': acb_onei(out); return VALUE_OK;
    default: return VALUE_NONE;
    }
}

// A \sum whose bounds are whole numbers at this point, or an unknown of its own.
static Value fold_bounds(const Point *p, const Expr *e, acb_t out) {
    if (e->has & HAS_UNKNOWN) {
        letter_value(p, e->hash * 0x10001u, false, out);
        return VALUE_OK;
    }
    acb_t term;
    fmpz_t low, high;
    acb_init(term);
    fmpz_init(low);
    fmpz_init(high);
    Value got = ball_value(p, e->first, out);
    if (got == VALUE_OK && !is_whole(out, low)) got = VALUE_NONE;
    if (got == VALUE_OK) got = ball_value(p, e->first->next, out);
    if (got == VALUE_OK && !is_whole(out, high)) got = VALUE_NONE;
    if (got == VALUE_OK && (fmpz_bits(low) > 30 || fmpz_bits(high) > 30)) got = VALUE_NONE;
    long from = got == VALUE_OK ? fmpz_get_si(low) : 0,
         to = got == VALUE_OK ? fmpz_get_si(high) : 0;
    if (to - from >= MATH_MAX_TERMS) got = VALUE_NONE;
    long *k = &p->w->bound[e->text.data[1] - '0'];
    acb_set_ui(out, e->op == 'p');
    for (*k = from; *k <= to && got == VALUE_OK; ++*k) {
        got = spend(p, 1) ? ball_value(p, e->last, term) : VALUE_OVER;
        if (got != VALUE_OK) break;
        if (e->op == 's')
            acb_add(out, out, term, p->precision);
        else
            acb_mul(out, out, term, p->precision);
        got = known_value(out);
    }
    acb_clear(term);
    fmpz_clear(low);
    fmpz_clear(high);
    return got;
}

static Value ball_value(const Point *p, const Expr *e, acb_t out) {
    if (!spend(p, 1)) return VALUE_OVER;
    Value got;
    long k;
    switch ((ExprKind)e->kind) {
    case EX_NUMBER: {
        mpq_t q;
        fmpq_t f;
        mpq_init(q);
        fmpq_init(f);
        rational_value(p->w, e, NULL, q);
        fmpq_set_mpq(f, q);
        acb_set_fmpq(out, f, p->precision);
        fmpq_clear(f);
        mpq_clear(q);
        return VALUE_OK;
    }
    case EX_SYMBOL:
        if (expr_bound(e) >= 0)
            acb_set_si(out, p->w->bound[expr_bound(e)]);
        else
            letter_value(p, name_hash(e->text), ball_whole_letter(e), out);
        return VALUE_OK;
    case EX_APPLY: letter_value(p, e->hash * 0x10001u, false, out); return VALUE_OK;
    case EX_FOLD: return fold_bounds(p, e, out);
    case EX_CONSTANT: return constant(p, e, out);
    case EX_SUM:
    case EX_PRODUCT:
    case EX_QUOTIENT: return fold(p, e, out);
    case EX_NEGATE:
        got = ball_value(p, e->first, out);
        acb_neg(out, out);
        return got;
    case EX_PERCENT:
        got = ball_value(p, e->first, out);
        acb_div_ui(out, out, 100, p->precision);
        return got;
    case EX_DEGREE: {
        got = ball_value(p, e->first, out);
        arb_t pi;
        arb_init(pi);
        arb_const_pi(pi, p->precision);
        acb_mul_arb(out, out, pi, p->precision);
        acb_div_ui(out, out, 180, p->precision);
        arb_clear(pi);
        return got;
    }
    case EX_POWER: return power_value(p, e, out);
    case EX_ROOT:
        got = ball_value(p, e->first, out);
        if (got != VALUE_OK) return got;
        if (rational_integer(p->w, e->last, &k) && k < 1000 && k > -1000) return root(p, out, k);
        {
            acb_t x;
            acb_init(x);
            got = ball_value(p, e->last, x);
            if (got == VALUE_OK && acb_is_zero(x)) got = VALUE_UNDEFINED;
            if (got == VALUE_OK) got = need_positive(p, out, false);
            if (got == VALUE_OK) {
                acb_inv(x, x, p->precision);
                acb_pow(out, out, x, p->precision);
                got = known_value(out);
            }
            acb_clear(x);
        }
        return got;
    case EX_CALL: return call(p, e, out);
    case EX_FACTORIAL:
        if (e->op != 1) return VALUE_NONE;
        got = ball_value(p, e->first, out);
        return got == VALUE_OK ? gamma_of(p, out) : got;
    case EX_BINOMIAL: return binomial(p, e, out);
    case EX_ABS:
        got = ball_value(p, e->first, out);
        if (got != VALUE_OK) return got;
        acb_abs(acb_realref(out), out, p->precision);
        arb_zero(acb_imagref(out));
        return VALUE_OK;
    case EX_FLOOR:
    case EX_CEIL:
        got = ball_value(p, e->first, out);
        if (got != VALUE_OK) return got;
        if (!is_real(out)) return VALUE_NONE;
        if (e->kind == EX_FLOOR)
            arb_floor(acb_realref(out), acb_realref(out), p->precision);
        else
            arb_ceil(acb_realref(out), acb_realref(out), p->precision);
        return arb_is_exact(acb_realref(out)) ? VALUE_OK : VALUE_NONE;
    default: return VALUE_NONE;
    }
}

// ---- comparison

// |x - y| against the size of both: the bits they agree in, or that they do not.
static BallOrder order_of(const acb_t x, const acb_t y, long precision) {
    if (!acb_overlaps(x, y)) return BALL_DIFFERENT;
    mag_t off, size_x, size_y;
    mag_init(off);
    mag_init(size_x);
    mag_init(size_y);
    // the radii alone: the midpoints may differ by less
    mag_add(off, arb_radref(acb_realref(x)), arb_radref(acb_realref(y)));
    mag_add(off, off, arb_radref(acb_imagref(x)));
    mag_add(off, off, arb_radref(acb_imagref(y)));
    acb_get_mag_lower(size_x, x);
    acb_get_mag_lower(size_y, y);
    if (mag_cmp(size_x, size_y) < 0) mag_set(size_x, size_y);
    bool equal;
    if (mag_is_zero(off)) {
        equal = acb_equal(x, y);
    } else if (mag_is_zero(size_x)) { // both about zero: nearer than the written numbers could be
        equal = mag_cmp_2exp_si(off, -precision * 3 / 5) < 0;
    } else {
        mag_div(off, off, size_x);
        equal = mag_cmp_2exp_si(off, -precision / 2) < 0;
    }
    mag_clear(off);
    mag_clear(size_x);
    mag_clear(size_y);
    return equal ? BALL_EQUAL : BALL_UNKNOWN;
}

static BallOrder compare_at(Point *p, const Expr *a, const Expr *b) {
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    BallOrder order = BALL_UNKNOWN;
    Value left = ball_value(p, a, x), right = left == VALUE_OVER ? VALUE_OVER : ball_value(p, b, y);
    if (left == VALUE_OVER || right == VALUE_OVER)
        order = BALL_OVER;
    else if (left == VALUE_OK && right == VALUE_OK)
        order = order_of(x, y, p->precision);
    else if (left == VALUE_OK && right == VALUE_UNDEFINED)
        order = BALL_LEFT_ONLY;
    else if (right == VALUE_OK && left == VALUE_UNDEFINED)
        order = BALL_RIGHT_ONLY;
    acb_clear(x);
    acb_clear(y);
    return order;
}

// Arb keeps per-thread caches; a thread that ends must not leave them behind.
static void forget(void) {
    flint_cleanup();
}

static BallOrder compare(Work *w, const Expr *a, const Expr *b, PointKind kind, int point) {
    long most = precision_for(a, b);
    Point p = {.w = w,
               .number = point,
               .kind = kind,
               .complex = ((a->has | b->has) & HAS_I) != 0,
               .precision = 64};
    BallOrder order = compare_at(&p, a, b); // most that differ differ here
    if (order == BALL_DIFFERENT || order == BALL_OVER) return order;
    if (!most) return BALL_OVER;
    p.precision = most;
    order = compare_at(&p, a, b);
    if (order == BALL_UNKNOWN && 2 * most <= MATH_MAX_PRECISION) {
        p.precision = 2 * most; // cancellation
        order = compare_at(&p, a, b);
    }
    return order;
}

BallOrder ball_compare(Work *w, const Expr *a, const Expr *b, PointKind kind, int point) {
    BallOrder order = compare(w, a, b, kind, point);
    forget();
    return order;
}

int ball_order(Work *w, const Expr *a, const Expr *b, bool *known) {
    *known = false;
    int sign = 0;
    if (((a->has | b->has) & (HAS_I | HAS_SYMBOL)) != 0) return 0;
    BallOrder order = compare(w, a, b, POINT_POSITIVE, 0);
    if (order == BALL_EQUAL) {
        *known = true;
    } else if (order == BALL_DIFFERENT) {
        long most = precision_for(a, b);
        Point p = {.w = w, .precision = most ? most : 128};
        acb_t x, y;
        acb_init(x);
        acb_init(y);
        if (ball_value(&p, a, x) == VALUE_OK && ball_value(&p, b, y) == VALUE_OK) {
            *known = true;
            sign = arb_lt(acb_realref(x), acb_realref(y)) ? -1 : 1;
        }
        acb_clear(x);
        acb_clear(y);
    }
    forget();
    return sign;
}

bool ball_proportional(Work *w, const Expr *a, const Expr *b, int *sign) {
    enum { POINTS = 4, TRIES = 12 };
    long most = precision_for(a, b);
    bool same = most != 0;
    int good = 0;
    acb_t x, y, ratio, first;
    acb_init(x);
    acb_init(y);
    acb_init(ratio);
    acb_init(first);
    *sign = 0;
    for (int i = 0; same && good < POINTS && i < TRIES; i++) {
        Point p = {.w = w,
                   .number = i,
                   .kind = i % 2 ? POINT_MIXED : POINT_POSITIVE,
                   .complex = ((a->has | b->has) & HAS_I) != 0,
                   .precision = most};
        Value left = ball_value(&p, a, x), right = ball_value(&p, b, y);
        if (left == VALUE_OVER || right == VALUE_OVER) same = false;
        if (left != VALUE_OK && right != VALUE_OK) continue;
        if (left != VALUE_OK || right != VALUE_OK || acb_contains_zero(y) || acb_contains_zero(x)) {
            same = false;
            break;
        }
        acb_div(ratio, x, y, most);
        if (good == 0)
            acb_set(first, ratio);
        else
            same = order_of(first, ratio, most) == BALL_EQUAL;
        good++;
    }
    same = same && good == POINTS;
    if (same && is_real(first))
        *sign = arb_is_positive(acb_realref(first))   ? 1
                : arb_is_negative(acb_realref(first)) ? -1
                                                      : 0;
    acb_clear(x);
    acb_clear(y);
    acb_clear(ratio);
    acb_clear(first);
    forget();
    return same;
}

bool ball_rounds_to(Work *w, const Expr *e, const Expr *decimal, bool minus) {
    if (e->has & (HAS_I | HAS_SYMBOL)) return false;
    long digits = (long)decimal->text.size + 2;
    Point p = {.w = w, .precision = 128 + 4 * digits};
    if (p.precision > MATH_MAX_PRECISION || ball_height(e) > MATH_MAX_PRECISION) return false;
    mpq_t q, ulp;
    fmpq_t f;
    acb_t x, d;
    arb_t gap, half;
    mpq_init(q);
    mpq_init(ulp);
    fmpq_init(f);
    acb_init(x);
    acb_init(d);
    arb_init(gap);
    arb_init(half);
    bool good = ball_value(&p, e, x) == VALUE_OK && is_real(x);
    if (good) {
        rational_value(w, decimal, NULL, q);
        if (minus) mpq_neg(q, q);
        fmpq_set_mpq(f, q);
        arb_set_fmpq(acb_realref(d), f, p.precision);
        arb_sub(gap, acb_realref(x), acb_realref(d), p.precision); // true - written
        mpq_set_ui(ulp, 1, 1);
        if (decimal->exp10 >= 0)
            mpz_ui_pow_ui(mpq_numref(ulp), 10, (unsigned long)decimal->exp10);
        else
            mpz_ui_pow_ui(mpq_denref(ulp), 10, (unsigned long)-decimal->exp10);
        fmpq_set_mpq(f, ulp);
        arb_set_fmpq(half, f, p.precision);
        arb_t size;
        arb_init(size);
        arb_abs(size, gap);
        bool same_side = (arb_is_nonnegative(gap) && !minus) || (arb_is_nonpositive(gap) && minus);
        bool cut_off = same_side && arb_lt(size, half);
        arb_mul_2exp_si(half, half, -1);
        good = cut_off || arb_le(size, half);
        arb_clear(size);
    }
    mpq_clear(q);
    mpq_clear(ulp);
    fmpq_clear(f);
    acb_clear(x);
    acb_clear(d);
    arb_clear(gap);
    arb_clear(half);
    forget();
    return good;
}

bool ball_near(Work *w, const Expr *a, const Expr *b, double relative, mpq_srcptr absolute) {
    if ((a->has | b->has) & HAS_SYMBOL) return false;
    Point p = {.w = w, .precision = 256, .complex = ((a->has | b->has) & HAS_I) != 0};
    acb_t x, y;
    arb_t gap, size;
    acb_init(x);
    acb_init(y);
    arb_init(gap);
    arb_init(size);
    bool good = ball_value(&p, a, x) == VALUE_OK && ball_value(&p, b, y) == VALUE_OK;
    if (good) {
        acb_abs(size, y, 256);
        acb_abs(gap, x, 256);
        arb_max(size, size, gap, 256);
        acb_sub(x, x, y, 256);
        acb_abs(gap, x, 256);
        if (absolute) {
            fmpq_t f;
            fmpq_init(f);
            fmpq_set_mpq(f, absolute);
            arb_set_fmpq(size, f, 256);
            fmpq_clear(f);
        } else {
            arb_t factor;
            arb_init(factor);
            arb_set_d(factor, relative);
            arb_mul(size, size, factor, 256);
            arb_clear(factor);
        }
        good = arb_le(gap, size) || (arb_overlaps(gap, size) && absolute);
    }
    acb_clear(x);
    acb_clear(y);
    arb_clear(gap);
    arb_clear(size);
    forget();
    return good;
}
