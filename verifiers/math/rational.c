// verifiers/math/rational.c -- one function a kind of node; sizes are looked at before they grow.
#include "verifiers/math/rational.h"

#include <stdlib.h>
#include <string.h>

#include "verifiers/math/tree/limits.h"

bool work_spend(Work *w, int64_t steps) {
    w->steps -= steps;
    return w->steps >= 0;
}

static size_t bits(mpq_srcptr q) {
    size_t n = mpz_sizeinbase(mpq_numref(q), 2), d = mpz_sizeinbase(mpq_denref(q), 2);
    return n > d ? n : d;
}

static ValueStatus number_value(const Expr *e, mpq_ptr out) {
    if (e->text.size <= 18) {
        unsigned long v = 0;
        for (size_t i = 0; i < e->text.size; i++)
            v = v * 10 + (unsigned long)(e->text.data[i] - '0');
        mpq_set_ui(out, v, 1);
    } else {
        char *copy = malloc(e->text.size + 1);
        CHECK(copy != NULL);
        memcpy(copy, e->text.data, e->text.size);
        copy[e->text.size] = 0;
        mpz_set_str(mpq_numref(out), copy, 10);
        mpz_set_ui(mpq_denref(out), 1);
        free(copy);
    }
    if (e->exp10 > 0) {
        mpz_t ten;
        mpz_init(ten);
        mpz_ui_pow_ui(ten, 10, (unsigned long)e->exp10);
        mpz_mul(mpq_numref(out), mpq_numref(out), ten);
        mpz_clear(ten);
    } else if (e->exp10 < 0) {
        mpz_ui_pow_ui(mpq_denref(out), 10, (unsigned long)-e->exp10);
        mpq_canonicalize(out);
    }
    return VALUE_OK;
}

static ValueStatus power_value(mpq_ptr base, long k) {
    unsigned long n = k < 0 ? -(unsigned long)k : (unsigned long)k;
    if (mpq_sgn(base) == 0) {
        if (k <= 0) return VALUE_UNDEFINED;
        return VALUE_OK;
    }
    if (n &&
        (bits(base) > MATH_MAX_BITS ||
         bits(base) * (n < MATH_MAX_BITS ? n : MATH_MAX_BITS) > MATH_MAX_BITS) &&
        bits(base) > 1)
        return VALUE_OVER;
    if (n > MATH_MAX_BITS && bits(base) <= 1) n = 2 + (n & 1); // +-1
    mpz_pow_ui(mpq_numref(base), mpq_numref(base), n);
    mpz_pow_ui(mpq_denref(base), mpq_denref(base), n);
    if (k < 0) mpq_inv(base, base);
    return VALUE_OK;
}

// The k-th root if it is rational.
static ValueStatus root_value(mpq_ptr q, long k) {
    if (k == 0) return VALUE_UNDEFINED;
    unsigned long n = k < 0 ? -(unsigned long)k : (unsigned long)k;
    if (mpq_sgn(q) < 0 && n % 2 == 0) return VALUE_NONE; // imaginary
    if (mpq_sgn(q) == 0) return k > 0 ? VALUE_OK : VALUE_UNDEFINED;
    if (n > MATH_MAX_BITS) return VALUE_NONE;
    bool minus = mpq_sgn(q) < 0;
    if (minus) mpq_neg(q, q);
    bool exact = mpz_root(mpq_numref(q), mpq_numref(q), n) != 0;
    exact &= mpz_root(mpq_denref(q), mpq_denref(q), n) != 0;
    if (minus) mpq_neg(q, q);
    if (exact && k < 0) mpq_inv(q, q);
    return exact ? VALUE_OK : VALUE_NONE;
}

static bool is_integer(mpq_srcptr q) {
    return mpz_cmp_ui(mpq_denref(q), 1) == 0;
}

static ValueStatus factorial_value(Work *w, mpq_ptr q, int step) {
    if (!is_integer(q)) return VALUE_NONE;
    if (mpq_sgn(q) < 0) return VALUE_UNDEFINED;
    if (mpz_cmp_ui(mpq_numref(q), MATH_MAX_FACTORIAL) > 0) return VALUE_OVER;
    unsigned long n = mpz_get_ui(mpq_numref(q));
    if (!work_spend(w, (int64_t)n / 8)) return VALUE_OVER;
    if (step == 2)
        mpz_2fac_ui(mpq_numref(q), n);
    else
        mpz_fac_ui(mpq_numref(q), n);
    return VALUE_OK;
}

static ValueStatus binomial_value(Work *w, mpq_ptr n, mpq_srcptr k) {
    if (!is_integer(n) || !is_integer(k)) return VALUE_NONE;
    if (mpq_sgn(k) < 0) {
        mpq_set_ui(n, 0, 1);
        return VALUE_OK;
    }
    if (mpz_sizeinbase(mpq_numref(n), 2) > 30 || !mpz_fits_ulong_p(mpq_numref(k)))
        return VALUE_OVER;
    unsigned long top = mpz_get_ui(mpq_numref(k));
    if (mpq_sgn(n) >= 0 && mpz_cmp(mpq_numref(k), mpq_numref(n)) > 0) {
        mpq_set_ui(n, 0, 1);
        return VALUE_OK;
    }
    unsigned long big = mpz_get_ui(mpq_numref(n)),
                  low = top < big - top || mpq_sgn(n) < 0 ? top : big - top;
    if (low > MATH_MAX_FACTORIAL || low * mpz_sizeinbase(mpq_numref(n), 2) > MATH_MAX_BITS)
        return VALUE_OVER;
    if (!work_spend(w, (int64_t)low / 8)) return VALUE_OVER;
    mpz_bin_ui(mpq_numref(n), mpq_numref(n), low);
    return VALUE_OK;
}

bool rational_bounds(Work *w, const Expr *fold, long *low, long *high) {
    return rational_integer(w, fold->first, low) && rational_integer(w, fold->first->next, high) &&
           *low > -1000000000 && *high < 1000000000 && *high - *low < MATH_MAX_TERMS;
}

// Adding fractions of b bits takes a gcd, some (b / 64)^2 / 50 steps.
static ValueStatus fold_bounds(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out) {
    long low, high;
    if ((e->has & HAS_UNKNOWN) || !rational_bounds(w, e, &low, &high)) return VALUE_NONE;
    ValueStatus got = VALUE_OK;
    long *k = &w->bound[e->text.data[1] - '0'];
    mpq_t term;
    mpq_init(term);
    mpq_set_ui(out, e->op == 'p', 1);
    for (*k = low; *k <= high && got == VALUE_OK; ++*k) {
        got = rational_value(w, e->last, letters, term);
        if (got != VALUE_OK) break;
        size_t limbs = (bits(out) + bits(term)) / 64;
        if (limbs > MATH_MAX_BITS / 64 || !work_spend(w, 1 + (int64_t)(limbs * limbs / 50)))
            got = VALUE_OVER;
        else if (e->op == 's')
            mpq_add(out, out, term);
        else
            mpq_mul(out, out, term);
    }
    mpq_clear(term);
    return got;
}

bool rational_integer(Work *w, const Expr *e, long *out) {
    if (e->has & (HAS_SYMBOL | HAS_PI_OR_E | HAS_I | HAS_OBJECT)) return false;
    mpq_t q;
    mpq_init(q);
    bool good = rational_value(w, e, NULL, q) == VALUE_OK && is_integer(q) &&
                mpz_fits_slong_p(mpq_numref(q));
    if (good) *out = mpz_get_si(mpq_numref(q));
    mpq_clear(q);
    return good;
}

static ValueStatus call_value(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out) {
    if (e->op != FN_GCD && e->op != FN_LCM && e->op != FN_MAX && e->op != FN_MIN &&
        e->op != FN_SIGN && e->op != FN_MOD)
        return VALUE_NONE;
    ValueStatus got = rational_value(w, e->first, letters, out);
    mpq_t next;
    mpq_init(next);
    for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
        got = rational_value(w, c, letters, next);
        if (got != VALUE_OK) break;
        if (e->op == FN_MAX || e->op == FN_MIN) {
            int order = mpq_cmp(next, out);
            if (e->op == FN_MAX ? order > 0 : order < 0) mpq_swap(out, next);
        } else if (!is_integer(out) || !is_integer(next)) {
            got = VALUE_NONE;
        } else if (e->op == FN_MOD) {
            if (mpq_sgn(next) == 0)
                got = VALUE_UNDEFINED;
            else
                mpz_fdiv_r(mpq_numref(out), mpq_numref(out), mpq_numref(next));
        } else if (e->op == FN_GCD) {
            mpz_gcd(mpq_numref(out), mpq_numref(out), mpq_numref(next));
        } else if (e->op == FN_LCM) {
            if (bits(out) + bits(next) > MATH_MAX_BITS)
                got = VALUE_OVER;
            else
                mpz_lcm(mpq_numref(out), mpq_numref(out), mpq_numref(next));
        }
    }
    if (got == VALUE_OK && e->op == FN_SIGN) mpq_set_si(out, mpq_sgn(out), 1);
    mpq_clear(next);
    return got;
}

static ValueStatus fold(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out) {
    ValueStatus got = rational_value(w, e->first, letters, out);
    mpq_t next;
    mpq_init(next);
    for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
        got = rational_value(w, c, letters, next);
        if (got != VALUE_OK) break;
        if (bits(out) + bits(next) > MATH_MAX_BITS)
            got = VALUE_OVER;
        else if (e->kind == EX_SUM)
            mpq_add(out, out, next);
        else if (e->kind == EX_PRODUCT)
            mpq_mul(out, out, next);
        else if (mpq_sgn(next) == 0)
            got = VALUE_UNDEFINED;
        else
            mpq_div(out, out, next);
    }
    mpq_clear(next);
    return got;
}

// base ^ (p/q)
static ValueStatus general_power(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out) {
    mpq_t x;
    mpq_init(x);
    ValueStatus got = rational_value(w, e->last, letters, x);
    if (got == VALUE_OK) got = rational_value(w, e->first, letters, out);
    if (got == VALUE_OK && (!mpz_fits_slong_p(mpq_numref(x)) || !mpz_fits_slong_p(mpq_denref(x))))
        got = VALUE_OVER;
    if (got == VALUE_OK && !is_integer(x)) got = root_value(out, mpz_get_si(mpq_denref(x)));
    if (got == VALUE_OK) got = power_value(out, mpz_get_si(mpq_numref(x)));
    mpq_clear(x);
    return got;
}

ValueStatus rational_value(Work *w, const Expr *e, mpq_srcptr letters, mpq_ptr out) {
    if (!work_spend(w, 1)) return VALUE_OVER;
    ValueStatus got;
    long k;
    switch ((ExprKind)e->kind) {
    case EX_NUMBER: return number_value(e, out);
    case EX_FOLD: return fold_bounds(w, e, letters, out);
    case EX_SYMBOL:
        if (expr_bound(e) >= 0) {
            mpq_set_si(out, w->bound[expr_bound(e)], 1);
            return VALUE_OK;
        }
        if (!letters) return VALUE_NONE;
        mpq_set(out, letters);
        return VALUE_OK;
    case EX_SUM:
    case EX_PRODUCT:
    case EX_QUOTIENT: return fold(w, e, letters, out);
    case EX_NEGATE:
        got = rational_value(w, e->first, letters, out);
        mpq_neg(out, out);
        return got;
    case EX_PERCENT: {
        got = rational_value(w, e->first, letters, out);
        mpq_t hundred;
        mpq_init(hundred);
        mpq_set_ui(hundred, 100, 1);
        mpq_div(out, out, hundred);
        mpq_clear(hundred);
        return got;
    }
    case EX_POWER: return general_power(w, e, letters, out);
    case EX_ROOT:
        if (!rational_integer(w, e->last, &k)) return VALUE_NONE;
        got = rational_value(w, e->first, letters, out);
        return got == VALUE_OK ? root_value(out, k) : got;
    case EX_FACTORIAL:
        got = rational_value(w, e->first, letters, out);
        return got == VALUE_OK ? factorial_value(w, out, e->op) : got;
    case EX_BINOMIAL: {
        mpq_t low;
        mpq_init(low);
        got = rational_value(w, e->first, letters, out);
        if (got == VALUE_OK) got = rational_value(w, e->last, letters, low);
        if (got == VALUE_OK) got = binomial_value(w, out, low);
        mpq_clear(low);
        return got;
    }
    case EX_ABS:
        got = rational_value(w, e->first, letters, out);
        mpq_abs(out, out);
        return got;
    case EX_FLOOR:
    case EX_CEIL:
        got = rational_value(w, e->first, letters, out);
        if (got != VALUE_OK) return got;
        if (e->kind == EX_FLOOR)
            mpz_fdiv_q(mpq_numref(out), mpq_numref(out), mpq_denref(out));
        else
            mpz_cdiv_q(mpq_numref(out), mpq_numref(out), mpq_denref(out));
        mpz_set_ui(mpq_denref(out), 1);
        return VALUE_OK;
    case EX_CALL: return call_value(w, e, letters, out);
    default: return VALUE_NONE;
    }
}
