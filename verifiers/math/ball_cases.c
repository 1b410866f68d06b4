// verifiers/math/ball_cases.c -- the value of a case distinction at one point.
#include <string.h>

#include "verifiers/math/arb_headers.h"
#include "verifiers/math/ball_value.h"
#include "verifiers/math/tree/wording.h"

typedef enum ConditionTruth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN } ConditionTruth;

static bool is_otherwise(const Expr *e) {
    static const char *const words[] = {"otherwise", "else", "elsewhere"};
    for (size_t i = 0; e->kind == EX_TEXT && i < sizeof words / sizeof *words; i++)
        if (words_equal(e->text, (Slice){words[i], strlen(words[i])}, false)) return true;
    return false;
}

static bool is_condition(const Expr *e) {
    if (is_otherwise(e)) return true;
    if (e->kind == EX_LIST) {
        for (const Expr *c = e->first; c; c = c->next)
            if (c->kind != EX_RELATION || !is_condition(c)) return false;
        return true;
    }
    if (e->kind != EX_RELATION) return false;
    for (const Expr *c = e->first; c; c = c->next)
        if (!expr_is_scalar(c) || (c != e->first && c->relation > RELATION_GE)) return false;
    return true;
}

bool ball_is_cases(const Expr *e) {
    if (e->kind != EX_CASES || e->op != 2) return false;
    for (const Expr *value = e->first; value; value = value->next->next)
        if (!expr_is_scalar(value) || !is_condition(value->next)) return false;
    return true;
}

static ConditionTruth compare(const Point *p, const Expr *a, int relation, const Expr *b) {
    acb_t x, y;
    acb_init(x);
    acb_init(y);
    ConditionTruth truth = TRUTH_UNKNOWN;
    if (ball_value(p, a, x) == VALUE_OK && ball_value(p, b, y) == VALUE_OK) {
        acb_sub(x, x, y, p->precision);
        bool above = arb_is_positive(acb_realref(x)), below = arb_is_negative(acb_realref(x)),
             zero = arb_is_zero(acb_realref(x));
        if (ball_is_real(x) && (above || below || zero)) {
            bool holds = relation == RELATION_LT   ? below
                         : relation == RELATION_LE ? below || zero
                         : relation == RELATION_GT ? above
                         : relation == RELATION_GE ? above || zero
                         : relation == RELATION_EQ ? zero
                                                   : !zero;
            truth = holds ? TRUTH_YES : TRUTH_NO;
        }
    }
    acb_clear(x);
    acb_clear(y);
    return truth;
}

static ConditionTruth holds(const Point *p, const Expr *e) {
    if (e->kind == EX_TEXT) return TRUTH_YES; // otherwise
    bool any = e->kind == EX_LIST && e->op == 'o';
    ConditionTruth all = TRUTH_YES;
    for (const Expr *c = e->first; c; c = c->next) {
        if (e->kind == EX_RELATION && !c->next) break;
        ConditionTruth one =
            e->kind == EX_LIST ? holds(p, c) : compare(p, c, c->next->relation, c->next);
        if (any && one == TRUTH_YES) return TRUTH_YES;
        if (one == TRUTH_UNKNOWN) all = TRUTH_UNKNOWN;
        if (!any && one == TRUTH_NO) return TRUTH_NO;
    }
    return any && all == TRUTH_YES ? TRUTH_NO : all;
}

// Rows that hold together must agree: two answers for the same x are none.
ValueStatus ball_cases(const Point *p, const Expr *e, acb_t out) {
    ValueStatus got = VALUE_UNDEFINED;
    acb_t other;
    acb_init(other);
    for (const Expr *value = e->first; value; value = value->next->next) {
        if (got == VALUE_OK && value->next->kind == EX_TEXT) continue; // otherwise
        ConditionTruth truth = holds(p, value->next);
        if (truth == TRUTH_NO) continue;
        ValueStatus here =
            truth == TRUTH_YES ? ball_value(p, value, got == VALUE_OK ? other : out) : VALUE_NONE;
        if (here == VALUE_OK && got == VALUE_OK && !acb_overlaps(out, other)) here = VALUE_NONE;
        got = here;
        if (got != VALUE_OK) break;
    }
    acb_clear(other);
    return got;
}
