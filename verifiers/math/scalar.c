// verifiers/math/scalar.c -- the layers.
#include "verifiers/math/scalar.h"

#include "verifiers/math/ball.h"
#include "verifiers/math/ball_value.h"
#include "verifiers/math/residue.h"
#include "verifiers/math/testpoint.h"
#include "verifiers/math/tree/limits.h"

static void raise_to(MathLayer *layer, MathLayer to) {
    if (*layer < to) *layer = to;
}

// The literal of +-decimal, or NULL.
static const Expr *decimal_of(const Expr *e, bool *minus) {
    *minus = e->kind == EX_NEGATE;
    if (*minus) e = e->first;
    return e->kind == EX_NUMBER && e->flag ? e : NULL;
}

static bool approximates(Work *w, const Expr *decimal_side, const Expr *other, bool rational) {
    bool minus;
    const Expr *d = decimal_of(decimal_side, &minus);
    int need = rational ? w->rules->digits_rational : w->rules->digits_irrational;
    if (!d || !need || (int)d->text.size < need || d->exp10 >= 0 || (other->has & HAS_SYMBOL))
        return false;
    bool other_minus;
    if (decimal_of(other, &other_minus)) return false; // two decimals are what they are
    return ball_rounds_to(w, other, d, minus);
}

enum { DIFFERENT, SAME, UNDECIDED };

static int by_rational(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    mpq_t x, y;
    mpq_init(x);
    mpq_init(y);
    int same = UNDECIDED;
    ValueStatus left = rational_value(w, a, NULL, x), right = VALUE_NONE;
    if (left == VALUE_OK || left == VALUE_UNDEFINED) right = rational_value(w, b, NULL, y);
    if (left == VALUE_UNDEFINED || right == VALUE_UNDEFINED) {
        same = DIFFERENT; // two infinities are not one number
    } else if (left == VALUE_OK && right == VALUE_OK) {
        raise_to(layer, MATH_RATIONAL);
        same = mpq_equal(x, y) ? SAME : DIFFERENT;
        // a terminating decimal is compared exactly; one that cannot be exact may be rounded
        if (same == DIFFERENT) {
            bool m;
            bool decimal_left = decimal_of(a, &m) != NULL,
                 decimal_right = decimal_of(b, &m) != NULL;
            if (decimal_left != decimal_right) {
                mpz_ptr den = decimal_left ? mpq_denref(y) : mpq_denref(x);
                mpz_t rest, five;
                mpz_init(rest);
                mpz_init_set_ui(five, 5);
                mpz_remove(rest, den, five);
                mpz_set_ui(five, 2);
                mpz_remove(rest, rest, five);
                bool endless = mpz_cmp_ui(rest, 1) != 0;
                mpz_clear(rest);
                mpz_clear(five);
                if (endless &&
                    (decimal_left ? approximates(w, a, b, true) : approximates(w, b, a, true))) {
                    raise_to(layer, MATH_NUMERIC);
                    same = SAME;
                }
            }
        }
    }
    mpq_clear(x);
    mpq_clear(y);
    return same;
}

static int by_residue(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    enum { POINTS = 2, TRIES = 5 };
    int good = 0;
    for (int i = 0; i < TRIES && good < POINTS; i++) {
        uint64_t x, y;
        ValueStatus left = residue_value(w, a, i, &x), right = residue_value(w, b, i, &y);
        if (left == VALUE_OVER || right == VALUE_OVER) {
            w->too_large = true;
            return DIFFERENT;
        }
        if (left == VALUE_NONE || right == VALUE_NONE) return UNDECIDED;
        if (left != VALUE_OK || right != VALUE_OK) continue; // a denominator that is zero here
        raise_to(layer, MATH_IDENTITY);
        if (x != y) return DIFFERENT;
        good++;
    }
    return good ? SAME : DIFFERENT;
}

// Letters that stand for whole numbers wherever there are factorials, floors and (-1)^n.
static bool whole_letters(const Expr *e) {
    if (e->kind == EX_SYMBOL && expr_bound(e) < 0 && !ball_whole_letter(e)) return false;
    if (e->kind == EX_APPLY) return false;
    for (const Expr *c = e->first; c; c = c->next)
        if (!whole_letters(c)) return false;
    return true;
}

static bool holds_cases(const Expr *e) {
    if (e->kind == EX_CASES) return true;
    for (const Expr *c = e->first; c; c = c->next)
        if (holds_cases(c)) return true;
    return false;
}

// Equal near the origin: also in every part between the breakpoints? What cannot be decided in one
// of them is different.
static int by_parts(Work *w, const Expr *a, const Expr *b, PointKind kind, bool strict) {
    enum { PART_EQUAL = 1, PART_UNDECIDED = 2 };
    uint32_t has = a->has | b->has;
    TestPlan plan;
    w->steps += w->more_steps;
    w->more_steps = 0;
    if (!testpoint_plan(w, a, b, kind, kind == POINT_WHOLE && !(has & HAS_FOLD), &plan))
        return DIFFERENT;
    w->sampled |= plan.sampled;
    bool cases = holds_cases(a) || holds_cases(b);
    if (cases && plan.rough_end) return DIFFERENT; // the end itself cannot be looked at
    uint8_t *part = ARENA_ARRAY(w->arena, uint8_t, plan.n_parts + 1);
    int same = SAME;
    int64_t cost = 0;
    for (int i = 0; i < plan.n_points && same == SAME; i++) {
        const TestPoint *p = &plan.point[i];
        if (i >= plan.n_needed && w->steps < 3 * cost) {
            w->sampled = true;
            break;
        }
        int64_t before = w->steps;
        BallOrder order = ball_compare_at(w, a, b, &plan, i);
        cost = before - w->steps;
        bool one_side = order == BALL_LEFT_ONLY || order == BALL_RIGHT_ONLY;
        if (order == BALL_DIFFERENT || (one_side && strict && (cases || !p->edge)))
            same = DIFFERENT;
        if (cases && p->edge && order == BALL_UNKNOWN) same = DIFFERENT;
        if (p->part >= 0)
            part[p->part] |= order == BALL_EQUAL                           ? PART_EQUAL
                             : order == BALL_UNKNOWN || order == BALL_OVER ? PART_UNDECIDED
                                                                           : 0;
    }
    for (int i = 0; i < plan.n_parts; i++)
        if (part[i] == PART_UNDECIDED) same = DIFFERENT;
    ball_forget();
    return same;
}

static int by_ball(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    uint32_t has = a->has | b->has;
    raise_to(layer, MATH_NUMERIC);
    if (!(has & HAS_SYMBOL)) {
        BallOrder order = ball_compare(w, a, b, POINT_POSITIVE, 0);
        w->too_large |= order == BALL_OVER;
        return order == BALL_EQUAL ? SAME : DIFFERENT;
    }
    bool whole = (has & HAS_WHOLE) && whole_letters(a) && whole_letters(b);
    bool count = (has & HAS_FOLD) != 0;
    whole |= count;
    enum { POINTS = 14, WHOLE_POINTS = 14, ENOUGH = 7 };
    int equal = 0, tries = whole ? WHOLE_POINTS : POINTS, enough = whole ? WHOLE_POINTS : ENOUGH;
    // Where only one side exists the other may have the smaller domain (ln ab and ln a + ln b), but
    // a side that says |x| means the difference.
    bool strict = (has & HAS_ABS) || holds_cases(a) || holds_cases(b);
    for (int i = 0; i < tries && equal < enough; i++) {
        PointKind kind = count                  ? POINT_COUNT
                         : whole                ? POINT_WHOLE
                         : i % 3 == 0 && i != 3 ? POINT_POSITIVE
                                                : POINT_MIXED;
        BallOrder order = ball_compare(w, a, b, kind, i);
        if (order == BALL_DIFFERENT || order == BALL_OVER) return DIFFERENT;
        if ((order == BALL_LEFT_ONLY || order == BALL_RIGHT_ONLY) && strict) return DIFFERENT;
        equal += order == BALL_EQUAL;
    }
    if (equal < 2) return DIFFERENT;
    if (!(has & HAS_PIECES)) return SAME;
    return by_parts(w, a, b, count ? POINT_COUNT : whole ? POINT_WHOLE : POINT_MIXED, strict);
}

static bool has_opaque(const Expr *a, const Expr *b) {
    return ((a->has | b->has) & (HAS_OPAQUE | HAS_OBJECT | HAS_INFINITY | HAS_SIGN)) != 0;
}

bool scalar_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (expr_same(a, b)) {
        raise_to(layer, MATH_TEXT);
        return true;
    }
    if (has_opaque(a, b)) return false;
    uint32_t has = a->has | b->has;
    int same = UNDECIDED;
    if (!(has & (HAS_SYMBOL | HAS_PI_OR_E | HAS_I))) same = by_rational(w, a, b, layer);
    if (same == UNDECIDED && !(has & HAS_IRRATIONAL)) same = by_residue(w, a, b, layer);
    if (same == UNDECIDED && !(has & HAS_SYMBOL) && (has & HAS_WHOLE))
        same = by_residue(w, a, b, layer); // factorials too large to write
    if (same != SAME && w->rules->relative > 0 && ball_near(w, a, b, w->rules->relative, NULL)) {
        raise_to(layer, MATH_NUMERIC);
        return true;
    }
    bool irrational = (has & (HAS_PI_OR_E | HAS_IRRATIONAL)) && !(has & (HAS_SYMBOL | HAS_I));
    if (same != SAME && irrational) {
        bool minus;
        bool left = decimal_of(a, &minus) != NULL, right = decimal_of(b, &minus) != NULL;
        if (left != right && (left ? approximates(w, a, b, false) : approximates(w, b, a, false)) &&
            same == UNDECIDED) {
            raise_to(layer, MATH_NUMERIC);
            return true;
        }
        if (left != right && same != UNDECIDED && !(has & HAS_IRRATIONAL) &&
            (left ? approximates(w, a, b, false) : approximates(w, b, a, false))) {
            raise_to(layer, MATH_NUMERIC); // 3.14159265 and pi
            return true;
        }
    }
    if (same == UNDECIDED) same = by_ball(w, a, b, layer);
    return same == SAME;
}

bool scalar_same_cases(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    bool left = a->kind == EX_CASES, right = b->kind == EX_CASES;
    if ((left ? !ball_is_cases(a) : !expr_is_scalar(a)) ||
        (right ? !ball_is_cases(b) : !expr_is_scalar(b)) || !((a->has | b->has) & HAS_SYMBOL) ||
        ((a->has | b->has) & (HAS_WHOLE | HAS_FOLD | HAS_I)))
        return false;
    return by_ball(w, a, b, layer) == SAME;
}

bool scalar_too_large(Work *w, const Expr *e) {
    const Expr *zero = expr_integer(w, 0);
    if (!zero || !expr_is_scalar(e) || has_opaque(e, e) || (e->has & HAS_SYMBOL)) return false;
    MathLayer layer = MATH_UNREAD;
    const char *over = w->over;
    bool before = w->too_large;
    w->steps = MATH_MAX_STEPS;
    w->over = NULL;
    w->too_large = false;
    scalar_same(w, e, zero, &layer);
    bool too_large = w->too_large || w->steps < 0;
    w->over = over;
    w->too_large = before;
    return too_large;
}

static int infinity_sign(const Expr *e) {
    int sign = 1;
    while (e->kind == EX_NEGATE) sign = -sign, e = e->first;
    return e->kind == EX_CONSTANT && e->op == 'o' ? sign : 0;
}

int scalar_order(Work *w, const Expr *a, const Expr *b, bool *known) {
    int left = infinity_sign(a), right = infinity_sign(b);
    *known = true;
    if (left || right) return left > right ? 1 : left < right ? -1 : 0;
    *known = false;
    if (has_opaque(a, b) || ((a->has | b->has) & (HAS_SYMBOL | HAS_I))) return 0;
    mpq_t x, y;
    mpq_init(x);
    mpq_init(y);
    int order = 0;
    if (rational_value(w, a, NULL, x) == VALUE_OK && rational_value(w, b, NULL, y) == VALUE_OK) {
        *known = true;
        order = mpq_cmp(x, y);
    }
    mpq_clear(x);
    mpq_clear(y);
    return *known ? (order > 0) - (order < 0) : ball_order(w, a, b, known);
}

bool scalar_proportional(Work *w, const Expr *a, const Expr *b, int *sign, MathLayer *layer) {
    *sign = 0;
    if (has_opaque(a, b) || !((a->has & b->has) & HAS_SYMBOL)) return false;
    if (!((a->has | b->has) & HAS_IRRATIONAL)) {
        uint64_t first_a = 0, first_b = 0;
        int good = 0;
        for (int i = 0; i < 6 && good < 3; i++) {
            uint64_t x, y;
            ValueStatus left = residue_value(w, a, i, &x), right = residue_value(w, b, i, &y);
            if (left == VALUE_OVER || right == VALUE_OVER || left == VALUE_NONE ||
                right == VALUE_NONE)
                return false;
            if (left != VALUE_OK || right != VALUE_OK) continue;
            if (!x || !y) return false;
            if (good && residue_times(first_a, y) != residue_times(first_b, x)) return false;
            if (!good) first_a = x, first_b = y;
            good++;
        }
        if (good < 3) return false;
        raise_to(layer, MATH_IDENTITY);
    } else {
        raise_to(layer, MATH_NUMERIC);
    }
    TestPlan plan;
    bool pieces = ((a->has | b->has) & HAS_PIECES) != 0;
    if (pieces && !testpoint_plan(w, a, b, POINT_MIXED, true, &plan)) return false;
    if (pieces) w->sampled |= plan.sampled;
    return ball_proportional(w, a, b, pieces ? &plan : NULL, sign);
}
