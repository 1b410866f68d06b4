// verifiers/math/ball.c -- two values compared, at as many bits as their numbers could hide.
#include "verifiers/math/ball.h"

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/ball_value.h"
#include "verifiers/math/testpoint.h"
#include "verifiers/math/tree/limits.h"

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
    ValueStatus left = ball_value(p, a, x),
                right = left == VALUE_OVER ? VALUE_OVER : ball_value(p, b, y);
    if (left == VALUE_OVER || right == VALUE_OVER)
        order = BALL_OVER;
    else if (left == VALUE_OK && right == VALUE_OK)
        order = order_of(x, y, p->precision);
    else if (left == VALUE_OK && right == VALUE_UNDEFINED)
        order = BALL_LEFT_ONLY;
    else if (right == VALUE_OK && left == VALUE_UNDEFINED)
        order = BALL_RIGHT_ONLY;
    else if (left == VALUE_UNDEFINED && right == VALUE_UNDEFINED)
        order = BALL_NEITHER;
    acb_clear(x);
    acb_clear(y);
    return order;
}

// Arb keeps per-thread caches; a thread that ends must not leave them behind.
static void forget(void) {
    flint_cleanup();
}

// First at few bits, where most that differ differ; then at as many as the written numbers, and the
// sizes of terms and arguments at this point, could hide.
static BallOrder compare(Point *p, const Expr *a, const Expr *b) {
    long most = precision_for(a, b);
    BallOrder order = BALL_UNKNOWN;
    p->precision = 64;
    for (;;) {
        double hidden = 0;
        p->hidden = &hidden;
        order = compare_at(p, a, b);
        p->hidden = NULL;
        if (order == BALL_DIFFERENT || order == BALL_OVER) return order;
        if (!most) return BALL_OVER;
        long need = hidden < MATH_MAX_PRECISION ? 128 + 2 * (long)hidden : 2 * MATH_MAX_PRECISION;
        if (need < most) need = most;
        if (need > MATH_MAX_PRECISION) return BALL_UNKNOWN;
        if (p->precision >= need) break;
        p->precision = need;
    }
    if (order == BALL_UNKNOWN && 2 * p->precision <= MATH_MAX_PRECISION) { // cancellation
        p->precision *= 2;
        order = compare_at(p, a, b);
    }
    return order;
}

static BallOrder compare_random(Work *w, const Expr *a, const Expr *b, PointKind kind, int point) {
    Point p = {.w = w,
               .number = point,
               .kind = kind,
               .complex = ((a->has | b->has) & (HAS_I | HAS_COMPLEX)) != 0,
               .complex_letters = ((a->has | b->has) & HAS_COMPLEX) != 0};
    return compare(&p, a, b);
}

BallOrder ball_compare(Work *w, const Expr *a, const Expr *b, PointKind kind, int point) {
    BallOrder order = compare_random(w, a, b, kind, point);
    forget();
    return order;
}

static Point planned(Work *w, const Expr *a, const Expr *b, const TestPlan *plan, int i) {
    return (Point){.w = w,
                   .number = i,
                   .kind = POINT_MIXED,
                   .complex = ((a->has | b->has) & (HAS_I | HAS_COMPLEX)) != 0,
                   .complex_letters = ((a->has | b->has) & HAS_COMPLEX) != 0,
                   .letter = plan->letter,
                   .value = plan->point[i].value,
                   .n_letters = plan->n_letters};
}

BallOrder ball_compare_at(Work *w, const Expr *a, const Expr *b, const TestPlan *plan, int i) {
    Point p = planned(w, a, b, plan, i);
    return compare(&p, a, b);
}

void ball_forget(void) {
    forget();
}

int ball_order(Work *w, const Expr *a, const Expr *b, bool *known) {
    *known = false;
    int sign = 0;
    if (((a->has | b->has) & (HAS_I | HAS_SYMBOL)) != 0) return 0;
    BallOrder order = compare_random(w, a, b, POINT_POSITIVE, 0);
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

// x/y at one point against that of the first. False: they differ, or it cannot be known.
static bool same_ratio_at(const Point *p, const Expr *a, const Expr *b, acb_t first, int *good,
                          bool zeros) {
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    ValueStatus left = ball_value(p, a, x), right = ball_value(p, b, y);
    bool same = true;
    bool skip = left == VALUE_UNDEFINED && right == VALUE_UNDEFINED;
    if (!skip && (left != VALUE_OK || right != VALUE_OK)) {
        same = false;
    } else if (!skip && (acb_contains_zero(x) || acb_contains_zero(y))) {
        same = zeros && acb_contains_zero(x) && acb_contains_zero(y);
    } else if (!skip) {
        acb_div(x, x, y, p->precision);
        if (*good == 0)
            acb_set(first, x);
        else
            same = order_of(first, x, p->precision) == BALL_EQUAL;
        ++*good;
    }
    acb_clear(x);
    acb_clear(y);
    return same;
}

bool ball_proportional(Work *w, const Expr *a, const Expr *b, const TestPlan *plan, int *sign) {
    enum { POINTS = 4, TRIES = 12 };
    long most = precision_for(a, b);
    bool same = most != 0;
    int good = 0;
    acb_t first;
    acb_init(first);
    *sign = 0;
    for (int i = 0; same && good < POINTS && i < TRIES; i++) {
        Point p = {.w = w,
                   .number = i,
                   .kind = i % 2 ? POINT_MIXED : POINT_POSITIVE,
                   .complex = ((a->has | b->has) & (HAS_I | HAS_COMPLEX)) != 0,
                   .complex_letters = ((a->has | b->has) & HAS_COMPLEX) != 0,
                   .precision = most};
        same = same_ratio_at(&p, a, b, first, &good, false);
    }
    same = same && good == POINTS;
    for (int i = 0; same && plan && i < plan->n_points; i++) {
        if (plan->point[i].edge) continue;
        Point p = planned(w, a, b, plan, i);
        p.precision = most;
        same = same_ratio_at(&p, a, b, first, &good, true);
    }
    if (same && ball_is_real(first))
        *sign = arb_is_positive(acb_realref(first))   ? 1
                : arb_is_negative(acb_realref(first)) ? -1
                                                      : 0;
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
    bool good = ball_value(&p, e, x) == VALUE_OK && ball_is_real(x);
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
    Point p = {.w = w,
               .precision = 256,
               .complex = ((a->has | b->has) & (HAS_I | HAS_COMPLEX)) != 0,
               .complex_letters = ((a->has | b->has) & HAS_COMPLEX) != 0};
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
