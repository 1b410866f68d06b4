// verifiers/math/ball_value.c -- evaluation in Arb, node by node.
#include "verifiers/math/ball_value.h"

#include <math.h>
#include <string.h>

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/residue.h"
#include "verifiers/math/tree/limits.h"

bool ball_spend(const Point *p, int64_t factor) {
    return work_spend(p->w, factor * (1 + p->precision / MATH_BALL_STEP_BITS / 4));
}

bool ball_whole_letter(const Expr *symbol) {
    Slice name = symbol->text;
    return strchr("nmklNMKjrstpq", *name.data) != NULL &&
           (name.size == 1 || name.data[1] == '_' || name.data[1] == '\''); // not nu, theta
}

uint64_t point_key(const Expr *letter) {
    return letter->kind == EX_SYMBOL ? name_hash(letter->text) : letter->hash * 0x10001u;
}

int point_letter(const Point *p, const Expr *letter) {
    uint64_t key = point_key(letter);
    for (int i = 0; i < p->n_letters; i++)
        if (p->letter[i] == key) return i;
    return -1;
}

// z, w_1: a complex number where there are real parts and conjugates; "bar z" is its conjugate.
static bool is_complex_letter(Slice name) {
    return strchr("zw", *name.data) != NULL && (name.size == 1 || name.data[1] == '_');
}

static void letter_value(const Point *p, const Expr *letter, acb_t out);

static void complex_value(const Point *p, const Expr *letter, acb_t out) {
    Expr plain = *letter;
    bool conjugate = plain.text.size == 5 && memcmp(plain.text.data, "bar ", 4) == 0;
    if (conjugate) plain.text = (Slice){plain.text.data + 4, 1};
    Point real = *p;
    real.complex_letters = false;
    letter_value(&real, &plain, out);
    if (!is_complex_letter(plain.text)) return;
    uint64_t r = work_random(p->w, name_hash(plain.text) * 0x2001u, p->number);
    long height = (long)(r >> 40) - (1L << 23);
    arb_set_si(acb_imagref(out), conjugate ? -height : height);
    arb_mul_2exp_si(acb_imagref(out), acb_imagref(out), -21);
}

static void letter_value(const Point *p, const Expr *letter, acb_t out) {
    if (p->complex_letters && letter->kind == EX_SYMBOL &&
        (is_complex_letter(letter->text) ||
         (letter->text.size == 5 && letter->text.data[3] == ' '))) {
        complex_value(p, letter, out);
        return;
    }
    bool whole = letter->kind == EX_SYMBOL && ball_whole_letter(letter);
    uint64_t hash = point_key(letter);
    int given = p->n_letters ? point_letter(p, letter) : -1;
    if (given >= 0) {
        acb_set_d(out, p->value[given]);
        return;
    }
    uint64_t r = work_random(p->w, hash, p->number);
    bool minus = p->number == (p->kind == POINT_COUNT ? 8 : 3) ||
                 (p->number == 5 ? !(work_random(p->w, hash, 4) & 1) : (r & 1));
    if (p->kind == POINT_WHOLE ||
        (whole && p->kind == POINT_COUNT)) { // small ones first, so that every remainder is met
        uint64_t span = p->number < 6 ? 9 : p->kind == POINT_COUNT ? 24 : 200;
        acb_set_ui(out, 1 + r % span);
        return;
    }
    long top = (long)(r >> 40) + (1L << 22); // in [1/4, 5/4) * 2^24
    bool signs = p->kind == POINT_MIXED || (p->kind == POINT_COUNT && p->number % 3 == 2);
    acb_set_si(out, signs && minus ? -top : top);
    acb_mul_2exp_si(out, out, -26 + (int)((r >> 8) % 5)); // 1/16 .. 5, also inside (-1, 1)
}

bool ball_is_real(const acb_t z) {
    return arb_is_zero(acb_imagref(z));
}

ValueStatus ball_known(const acb_t z) {
    return acb_is_finite(z) ? VALUE_OK : VALUE_UNDEFINED;
}

// log2 of the size of a number that is not zero; false if that is not known.
static bool size_of(const acb_t z, double *log2_size) {
    mag_t low;
    mag_init(low);
    acb_get_mag_lower(low, z);
    bool known = !mag_is_special(low);
    if (known) {
        fmpz_t e;
        fmpz_init_set(e, MAG_EXPREF(low));
        *log2_size = fmpz_get_d(e);
        fmpz_clear(e);
    }
    mag_clear(low);
    return known;
}

// tanh(x) and 1 differ by e^{-2x}, cos(x) and 1 by x^2/2, arctan(x) and pi/2 by 1/x: bits that an
// argument of this size hides.
static void note_argument(const Point *p, const acb_t z, bool hyperbolic) {
    double size;
    if (!p->hidden || !size_of(z, &size)) return;
    double bits = 2 * fabs(size);
    if (hyperbolic && size > 0) bits += 3 * exp2(size < 40 ? size + 1 : 41);
    if (bits > *p->hidden) *p->hidden = bits;
}

// A real result of a real argument is asked for: the sign must be known.
static ValueStatus need_positive(const Point *p, const acb_t z, bool zero_too) {
    if (p->complex) return VALUE_OK;
    if (arb_is_positive(acb_realref(z)) || (zero_too && arb_is_nonnegative(acb_realref(z))))
        return VALUE_OK;
    if (zero_too && arb_contains_zero(acb_realref(z))) return VALUE_OK; // its radius counts
    return VALUE_UNDEFINED;
}

static ValueStatus root(const Point *p, acb_t z, long k) {
    if (k == 0) return VALUE_UNDEFINED;
    if (k < 0) {
        acb_inv(z, z, p->precision);
        k = -k;
    }
    if (!p->complex && k % 2 && arb_is_negative(acb_realref(z))) {
        acb_neg(z, z);
        acb_root_ui(z, z, (ulong)k, p->precision);
        acb_neg(z, z);
        return ball_known(z);
    }
    if (!p->complex && arb_contains_zero(acb_realref(z)) && !arb_is_zero(acb_realref(z))) {
        // about zero: the root of what is left of it
        if (!arb_contains_nonnegative(acb_realref(z))) return VALUE_UNDEFINED;
        arb_nonnegative_part(acb_realref(z), acb_realref(z));
    }
    ValueStatus got = need_positive(p, z, true);
    if (got != VALUE_OK) return got;
    acb_root_ui(z, z, (ulong)k, p->precision);
    return ball_known(z);
}

static ValueStatus power_value(const Point *p, const Expr *e, acb_t out) {
    mpq_t q;
    mpq_init(q);
    bool constant = !(e->last->has & (HAS_SYMBOL | HAS_PI_OR_E | HAS_I | HAS_OBJECT));
    ValueStatus got = constant ? rational_value(p->w, e->last, NULL, q) : VALUE_NONE;
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
        if (got == VALUE_OK) got = ball_known(out);
    } else if (got == VALUE_OK) {
        acb_t x;
        acb_init(x);
        got = ball_value(p, e->last, x);
        fmpz_t k;
        fmpz_init(k);
        if (got == VALUE_OK && ball_is_whole(x, k) && fmpz_bits(k) < 40) {
            acb_pow_fmpz(out, out, k, p->precision);
        } else if (got == VALUE_OK) {
            got = need_positive(p, out, false);
            note_argument(p, x, false);
            if (got == VALUE_OK) acb_pow(out, out, x, p->precision);
        }
        if (got == VALUE_OK) got = ball_known(out);
        fmpz_clear(k);
        acb_clear(x);
    }
    mpq_clear(q);
    return got;
}

static ValueStatus call(const Point *p, const Expr *e, acb_t z) {
    long prec = p->precision;
    if (!ball_spend(p, MATH_MAX_CALL_STEPS)) return VALUE_OVER;
    ValueStatus got = ball_value(p, e->first, z);
    if (got != VALUE_OK) return got;
    note_argument(p, z, e->op >= FN_SINH && e->op <= FN_CSCH);
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
        if (!ball_is_real(z)) return VALUE_NONE;
        arb_sgn(x, x);
        break;
    case FN_MAX:
    case FN_MIN: {
        acb_t next;
        acb_init(next);
        for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
            got = ball_value(p, c, next);
            if (got == VALUE_OK && (!ball_is_real(z) || !ball_is_real(next))) got = VALUE_NONE;
            if (got != VALUE_OK) break;
            if (e->op == FN_MAX)
                arb_max(x, x, acb_realref(next), prec);
            else
                arb_min(x, x, acb_realref(next), prec);
        }
        acb_clear(next);
        break;
    }
    case FN_GCD:
    case FN_LCM:
    case FN_MOD:
        for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next)
            got = ball_whole_pair(p, e->op, c, z);
        break;
    default: return VALUE_NONE;
    }
    if (got == VALUE_OK && real && !ball_is_real(z)) return VALUE_UNDEFINED;
    return got == VALUE_OK ? ball_known(z) : got;
}

static ValueStatus fold(const Point *p, const Expr *e, acb_t out) {
    ValueStatus got = ball_value(p, e->first, out);
    double size = 0, least = 0, most = 0;
    bool any = false;
    bool watch = p->hidden && e->kind == EX_SUM;
    if (watch && got == VALUE_OK && size_of(out, &size)) least = most = size, any = true;
    acb_t next;
    acb_init(next);
    for (const Expr *c = e->first->next; c && got == VALUE_OK; c = c->next) {
        got = ball_value(p, c, next);
        if (got != VALUE_OK) break;
        if (watch && size_of(next, &size)) {
            least = !any || size < least ? size : least;
            most = !any || size > most ? size : most;
            any = true;
        }
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
    if (watch && most - least > *p->hidden) *p->hidden = most - least;
    return got == VALUE_OK ? ball_known(out) : got;
}

static ValueStatus constant(const Point *p, const Expr *e, acb_t out) {
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
static ValueStatus fold_bounds(const Point *p, const Expr *e, acb_t out) {
    if (e->has & HAS_UNKNOWN) {
        letter_value(p, e, out);
        return VALUE_OK;
    }
    acb_t term;
    fmpz_t low, high;
    acb_init(term);
    fmpz_init(low);
    fmpz_init(high);
    ValueStatus got = ball_value(p, e->first, out);
    if (got == VALUE_OK && !ball_is_whole(out, low)) got = VALUE_NONE;
    if (got == VALUE_OK) got = ball_value(p, e->first->next, out);
    if (got == VALUE_OK && !ball_is_whole(out, high)) got = VALUE_NONE;
    if (got == VALUE_OK && (fmpz_bits(low) > 30 || fmpz_bits(high) > 30)) got = VALUE_NONE;
    long from = got == VALUE_OK ? fmpz_get_si(low) : 0,
         to = got == VALUE_OK ? fmpz_get_si(high) : 0;
    if (to - from >= MATH_MAX_TERMS) got = VALUE_NONE;
    long *k = &p->w->bound[e->text.data[1] - '0'];
    acb_set_ui(out, e->op == 'p');
    for (*k = from; *k <= to && got == VALUE_OK; ++*k) {
        got = ball_spend(p, 1) ? ball_value(p, e->last, term) : VALUE_OVER;
        if (got != VALUE_OK) break;
        if (e->op == 's')
            acb_add(out, out, term, p->precision);
        else
            acb_mul(out, out, term, p->precision);
        got = ball_known(out);
    }
    acb_clear(term);
    fmpz_clear(low);
    fmpz_clear(high);
    return got;
}

ValueStatus ball_value(const Point *p, const Expr *e, acb_t out) {
    if (!ball_spend(p, 1)) return VALUE_OVER;
    ValueStatus got;
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
            letter_value(p, e, out);
        return VALUE_OK;
    case EX_APPLY: letter_value(p, e, out); return VALUE_OK;
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
                got = ball_known(out);
            }
            acb_clear(x);
        }
        return got;
    case EX_CALL: return call(p, e, out);
    case EX_FACTORIAL:
        if (e->op != 1) return VALUE_NONE;
        got = ball_value(p, e->first, out);
        return got == VALUE_OK ? ball_factorial(p, out) : got;
    case EX_CASES: return ball_is_cases(e) ? ball_cases(p, e, out) : VALUE_NONE;
    case EX_BINOMIAL: return ball_binomial(p, e, out);
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
        if (!ball_is_real(out)) return VALUE_NONE;
        if (e->kind == EX_FLOOR)
            arb_floor(acb_realref(out), acb_realref(out), p->precision);
        else
            arb_ceil(acb_realref(out), acb_realref(out), p->precision);
        return arb_is_exact(acb_realref(out)) ? VALUE_OK : VALUE_NONE;
    default: return VALUE_NONE;
    }
}
