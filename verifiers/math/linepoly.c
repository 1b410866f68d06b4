// verifiers/math/linepoly.c -- polynomials over the rationals by FLINT, roots of degree 3 and more
// by Arb.
#include "verifiers/math/linepoly.h"

#include <math.h>
#include <stdlib.h>

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/residue.h"

void line_fraction_init(LineFraction *f) {
    fmpq_poly_init(f->num);
    fmpq_poly_init(f->den);
    fmpq_poly_one(f->den);
    f->rough = false;
}

void line_fraction_clear(LineFraction *f) {
    fmpq_poly_clear(f->num);
    fmpq_poly_clear(f->den);
}

static bool fits(const fmpq_poly_t p) {
    if (fmpq_poly_degree(p) > LINE_MAX_DEGREE) return false;
    return fmpz_bits(fmpq_poly_denref(p)) < LINE_MAX_BITS &&
           labs(_fmpz_vec_max_bits(p->coeffs, p->length)) < LINE_MAX_BITS;
}

static bool small_enough(const LineFraction *f) {
    return fits(f->num) && fits(f->den);
}

static void set_double(fmpq_poly_t p, double v) {
    fmpq_t q;
    mpq_t m;
    fmpq_init(q);
    mpq_init(m);
    mpq_set_d(m, v);
    fmpq_set_mpq(q, m);
    fmpq_poly_set_fmpq(p, q);
    fmpq_clear(q);
    mpq_clear(m);
}

// The sign at `inside`; false if it is zero there or the denominator is.
static bool sign_at(const LineFraction *f, double inside, int *sign) {
    fmpq_poly_t at;
    fmpq_t x, num, den;
    fmpq_poly_init(at);
    fmpq_init(x);
    fmpq_init(num);
    fmpq_init(den);
    set_double(at, inside);
    fmpq_poly_get_coeff_fmpq(x, at, 0);
    fmpq_poly_evaluate_fmpq(num, f->num, x);
    fmpq_poly_evaluate_fmpq(den, f->den, x);
    *sign = fmpq_sgn(num) * fmpq_sgn(den);
    fmpq_poly_clear(at);
    fmpq_clear(x);
    fmpq_clear(num);
    fmpq_clear(den);
    return *sign != 0;
}

static void copy(LineFraction *to, const LineFraction *from) {
    fmpq_poly_set(to->num, from->num);
    fmpq_poly_set(to->den, from->den);
    to->rough |= from->rough;
}

void line_subtract(LineFraction *f, const LineFraction *g, long k) {
    fmpq_poly_t left, right;
    fmpq_poly_init(left);
    fmpq_poly_init(right);
    if (g) {
        fmpq_poly_mul(left, f->num, g->den);
        fmpq_poly_mul(right, g->num, f->den);
        fmpq_poly_sub(f->num, left, right);
        fmpq_poly_mul(f->den, f->den, g->den);
        f->rough |= g->rough;
    }
    if (k) {
        fmpq_poly_scalar_mul_si(left, f->den, k);
        fmpq_poly_sub(f->num, f->num, left);
    }
    fmpq_poly_clear(left);
    fmpq_poly_clear(right);
}

// A tree without letters of which no exact value is known: 64 bits of it.
static bool rough_constant(const Point *at, const Expr *e, LineFraction *out) {
    Point p = *at;
    p.precision = 96;
    p.hidden = NULL;
    acb_t z;
    fmpq_t q;
    acb_init(z);
    fmpq_init(q);
    bool good = ball_value(&p, e, z) == VALUE_OK && ball_is_real(z) &&
                arf_abs_bound_lt_2exp_si(arb_midref(acb_realref(z))) < LINE_MAX_BITS / 4;
    if (good) {
        arf_t middle;
        arf_init(middle);
        arf_set_round(middle, arb_midref(acb_realref(z)), 64, ARF_RND_NEAR);
        good = arf_is_zero(middle) || arf_cmpabs_2exp_si(middle, -LINE_MAX_BITS / 4) > 0;
        if (good) arf_get_fmpq(q, middle);
        arf_clear(middle);
        fmpq_poly_set_fmpq(out->num, q);
        out->rough = true;
    }
    fmpq_clear(q);
    acb_clear(z);
    return good;
}

static bool constant(const Point *at, const Expr *e, LineFraction *out) {
    mpq_t q;
    mpq_init(q);
    bool exact = rational_value(at->w, e, NULL, q) == VALUE_OK;
    if (exact) {
        fmpq_t f;
        fmpq_init(f);
        fmpq_set_mpq(f, q);
        fmpq_poly_set_fmpq(out->num, f);
        fmpq_clear(f);
    }
    mpq_clear(q);
    return exact ? small_enough(out) : rough_constant(at, e, out);
}

static bool combine(const Point *at, const double *way, const Expr *e, double inside,
                    LineFraction *out) {
    if (!line_fraction(at, way, e->first, inside, out)) return false;
    LineFraction next;
    bool good = true;
    for (const Expr *c = e->first->next; c && good; c = c->next) {
        line_fraction_init(&next);
        good = line_fraction(at, way, c, inside, &next);
        if (good && e->kind == EX_SUM) {
            fmpq_poly_neg(next.num, next.num);
            line_subtract(out, &next, 0);
        } else if (good && e->kind == EX_PRODUCT) {
            fmpq_poly_mul(out->num, out->num, next.num);
            fmpq_poly_mul(out->den, out->den, next.den);
        } else if (good) {
            good = !fmpq_poly_is_zero(next.num);
            fmpq_poly_mul(out->num, out->num, next.den);
            fmpq_poly_mul(out->den, out->den, next.num);
        }
        out->rough |= next.rough;
        good = good && small_enough(out);
        line_fraction_clear(&next);
    }
    return good;
}

static bool greatest(const Point *at, const double *way, const Expr *e, double inside,
                     LineFraction *out) {
    if (!line_fraction(at, way, e->first, inside, out)) return false;
    bool good = true;
    for (const Expr *c = e->first->next; c && good; c = c->next) {
        LineFraction next, gap;
        int sign = 0;
        line_fraction_init(&next);
        line_fraction_init(&gap);
        good = line_fraction(at, way, c, inside, &next);
        if (good) {
            copy(&gap, &next);
            line_subtract(&gap, out, 0);
            good = fmpq_poly_is_zero(gap.num) || sign_at(&gap, inside, &sign);
            if (good && sign == (e->op == FN_MAX ? 1 : -1)) copy(out, &next);
        }
        line_fraction_clear(&next);
        line_fraction_clear(&gap);
    }
    return good;
}

static bool whole_power(const Point *at, const double *way, const Expr *e, double inside,
                        LineFraction *out) {
    long k;
    if (!rational_integer(at->w, e->last, &k) || k > LINE_MAX_DEGREE || k < -LINE_MAX_DEGREE ||
        !line_fraction(at, way, e->first, inside, out))
        return false;
    ulong n = (ulong)labs(k);
    if (fmpq_poly_degree(out->num) * (slong)n > LINE_MAX_DEGREE ||
        fmpq_poly_degree(out->den) * (slong)n > LINE_MAX_DEGREE)
        return false;
    fmpq_poly_pow(out->num, out->num, n);
    fmpq_poly_pow(out->den, out->den, n);
    if (k < 0) fmpq_poly_swap(out->num, out->den);
    return !fmpq_poly_is_zero(out->den) && small_enough(out);
}

bool line_fraction(const Point *at, const double *way, const Expr *e, double inside,
                   LineFraction *out) {
    if (!work_spend(at->w, 4)) return false;
    if (!(e->has & (HAS_SYMBOL | HAS_UNKNOWN))) return constant(at, e, out);
    int sign;
    switch ((ExprKind)e->kind) {
    case EX_SYMBOL:
    case EX_APPLY:
    case EX_FOLD: {
        if (e->kind == EX_FOLD && !(e->has & HAS_UNKNOWN)) return false;
        int i = point_letter(at, e);
        if (i < 0) return false;
        set_double(out->num, way[i]);
        fmpq_poly_shift_left(out->num, out->num, 1);
        fmpq_poly_t start;
        fmpq_poly_init(start);
        set_double(start, at->value[i]);
        fmpq_poly_add(out->num, out->num, start);
        fmpq_poly_clear(start);
        return true;
    }
    case EX_SUM:
    case EX_PRODUCT:
    case EX_QUOTIENT: return combine(at, way, e, inside, out);
    case EX_NEGATE:
        if (!line_fraction(at, way, e->first, inside, out)) return false;
        fmpq_poly_neg(out->num, out->num);
        return true;
    case EX_PERCENT:
        if (!line_fraction(at, way, e->first, inside, out)) return false;
        fmpq_poly_scalar_div_si(out->num, out->num, 100);
        return true;
    case EX_POWER: return whole_power(at, way, e, inside, out);
    case EX_ABS:
        if (!line_fraction(at, way, e->first, inside, out)) return false;
        if (fmpq_poly_is_zero(out->num)) return true;
        if (!sign_at(out, inside, &sign)) return false;
        if (sign < 0) fmpq_poly_neg(out->num, out->num);
        return true;
    case EX_CALL:
        if (e->op == FN_MAX || e->op == FN_MIN) return greatest(at, way, e, inside, out);
        if (e->op != FN_SIGN || !line_fraction(at, way, e->first, inside, out)) return false;
        if (fmpq_poly_is_zero(out->num)) return true;
        if (!sign_at(out, inside, &sign)) return false;
        fmpq_poly_set_si(out->num, sign);
        fmpq_poly_one(out->den);
        return true;
    default: return false;
    }
}

// ---- roots

static void push(double *root, int *n, int most, double v) {
    if (*n < most) root[*n] = v;
    ++*n;
}

static double fraction(const fmpq_t q) {
    mpq_t m;
    mpq_init(m);
    fmpq_get_mpq(m, q);
    double v = mpq_get_d(m);
    mpq_clear(m);
    return v;
}

// c0 + c1 x + c2 x^2; a discriminant that is nearly zero is zero where coefficients are rough.
static void quadratic(const fmpq_poly_t p, bool rough, double *root, int *n, int most) {
    fmpq_t a, b, c, disc, square;
    fmpq_init(a);
    fmpq_init(b);
    fmpq_init(c);
    fmpq_init(disc);
    fmpq_init(square);
    fmpq_poly_get_coeff_fmpq(c, p, 0);
    fmpq_poly_get_coeff_fmpq(b, p, 1);
    fmpq_poly_get_coeff_fmpq(a, p, 2);
    fmpq_mul(square, b, b);
    fmpq_mul(disc, a, c);
    fmpq_mul_si(disc, disc, 4);
    fmpq_sub(disc, square, disc);
    arb_t s, h, x;
    arb_init(s);
    arb_init(h);
    arb_init(x);
    arb_set_fmpq(s, disc, 256);
    arb_set_fmpq(h, square, 256);
    arb_mul_2exp_si(h, h, -40);
    bool zero = fmpq_is_zero(disc);
    if (rough && !zero) {
        arb_abs(x, s);
        zero = arb_lt(x, h);
    }
    fmpq_add(a, a, a);
    fmpq_neg(b, b);
    if (zero) {
        fmpq_div(b, b, a);
        push(root, n, most, fraction(b));
    } else if (fmpq_sgn(disc) > 0) {
        arb_sqrt(s, s, 256);
        for (int side = 0; side < 2; side++) {
            arb_set_fmpq(x, b, 256);
            arb_set_fmpq(h, a, 256);
            side ? arb_sub(x, x, s, 256) : arb_add(x, x, s, 256);
            arb_div(x, x, h, 256);
            push(root, n, most, arf_get_d(arb_midref(x), ARF_RND_NEAR));
        }
    }
    arb_clear(s);
    arb_clear(h);
    arb_clear(x);
    fmpq_clear(a);
    fmpq_clear(b);
    fmpq_clear(c);
    fmpq_clear(disc);
    fmpq_clear(square);
}

static void higher(const fmpq_poly_t p, double *root, int *n, int most) {
    fmpz_poly_t whole, slope, common;
    fmpz_poly_init(whole);
    fmpz_poly_init(slope);
    fmpz_poly_init(common);
    fmpq_poly_get_numerator(whole, p);
    fmpz_poly_derivative(slope, whole);
    fmpz_poly_gcd(common, whole, slope);
    fmpz_poly_div(whole, whole, common); // each root once
    fmpz_poly_primitive_part(whole, whole);
    slong degree = fmpz_poly_degree(whole);
    acb_ptr all = _acb_vec_init(degree > 0 ? degree : 1);
    if (degree > 0) arb_fmpz_poly_complex_roots(all, whole, 0, 64);
    for (slong i = 0; i < degree; i++)
        if (arb_is_zero(acb_imagref(all + i)))
            push(root, n, most, arf_get_d(arb_midref(acb_realref(all + i)), ARF_RND_NEAR));
    _acb_vec_clear(all, degree > 0 ? degree : 1);
    fmpz_poly_clear(whole);
    fmpz_poly_clear(slope);
    fmpz_poly_clear(common);
}

int line_roots(LineFraction *f, double *root, int most) {
    int n = 0;
    for (int part = 0; part < 2; part++) {
        fmpq_poly_struct *p = part ? f->den : f->num;
        slong degree = fmpq_poly_degree(p);
        if (degree < 1) continue;
        if (degree == 1) {
            fmpq_t a, b;
            fmpq_init(a);
            fmpq_init(b);
            fmpq_poly_get_coeff_fmpq(b, p, 0);
            fmpq_poly_get_coeff_fmpq(a, p, 1);
            fmpq_div(b, b, a);
            fmpq_neg(b, b);
            push(root, &n, most, fraction(b));
            fmpq_clear(a);
            fmpq_clear(b);
        } else if (degree == 2) {
            quadratic(p, f->rough, root, &n, most);
        } else if (!f->rough) {
            higher(p, root, &n, most);
        } else {
            return -1;
        }
    }
    f->exact = !f->rough;
    for (int i = 0; i < n && i < most; i++) {
        int sign;
        if (!isfinite(root[i])) return -1;
        f->exact = f->exact && !sign_at(f, root[i], &sign);
    }
    return n > most ? -1 : n;
}
