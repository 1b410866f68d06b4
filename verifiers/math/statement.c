// verifiers/math/statement.c -- what an equation says, and of what.
#include "verifiers/math/statement.h"

#include <ctype.h>
#include <string.h>

#include "verifiers/math/equal.h"

static bool is_differential(const Expr *e) { // dy
    return e->n == 2 && e->first->kind == EX_SYMBOL && e->last->kind == EX_SYMBOL &&
           e->first->text.size == 1 && *e->first->text.data == 'd';
}

// x, f(x), AB, \angle ABC, (x, y), |AB|, S : T, words: what precedes "=" in an answer.
static bool is_name(const Expr *e) {
    switch ((ExprKind)e->kind) {
    case EX_SYMBOL:
    case EX_APPLY:
    case EX_TEXT: return true;
    case EX_CONSTANT: return e->op == 'i' || e->op == 'e';
    case EX_UNIT: return is_name(e->first);
    case EX_ABS: return e->first->kind == EX_PRODUCT && is_name(e->first);
    case EX_PRODUCT:
        if (e->last->kind == EX_SYMBOL && e->last->text.size > 6 &&
            memcmp(e->last->text.data, "angle ", 6) == 0)
            return e->n == 2 && e->first->kind == EX_SYMBOL; // m\angle A
        if (is_differential(e)) return true;
        for (const Expr *c = e->first; c; c = c->next)
            if (c->kind != EX_SYMBOL || !isupper((unsigned char)*c->text.data)) return false;
        return true;
    case EX_TUPLE:
    case EX_RATIO:
    case EX_QUOTIENT:
        for (const Expr *c = e->first; c; c = c->next)
            if (!is_name(c)) return false;
        return true;
    case EX_BIG: return true;                        // a limit, an integral
    case EX_FOLD: return (e->has & HAS_SYMBOL) != 0; // a sum without a value of its own
    case EX_CALL:
        if (e->op <= FN_CSC && e->first->kind == EX_SYMBOL) { // \sin A, \cos\angle ABC, \tan\theta
            Slice angle = e->first->text;
            return angle.size > 1 || isupper((unsigned char)*angle.data);
        }
        return e->op == FN_MAX || e->op == FN_MIN || e->op == FN_DET ? is_name(e->first) : false;
    default: return false;
    }
}

bool statement_is_inequality(const Expr *e) {
    if (e->kind != EX_RELATION) return false;
    for (const Expr *c = e->first->next; c; c = c->next)
        if (c->relation != RELATION_LT && c->relation != RELATION_LE &&
            c->relation != RELATION_GT && c->relation != RELATION_GE &&
            c->relation != RELATION_NE && c->relation != RELATION_IN &&
            c->relation != RELATION_NOTIN)
            return false;
    return true;
}

Named statement_name(Work *w, const Expr *e) {
    Named none = {NULL, NULL};
    if (e->kind != EX_RELATION) return (Named){NULL, e};
    const Expr *first = e->first, *second = first->next;
    if (second->relation == RELATION_IN)
        return e->n == 2 && is_name(first) && !expr_is_scalar(second) ? (Named){first, second}
                                                                      : none;
    if (second->relation == RELATION_APPROX) // x \approx 5; \sqrt{2} \approx 1.41
        return first->kind == EX_SYMBOL ? (Named){first, second} : (Named){NULL, first};
    const Expr *last = first;
    uint32_t n = 1;
    for (const Expr *c = second; c && c->relation == RELATION_EQ; c = c->next) last = c, n++;
    if (n == 1 || (last->next && last->next->relation != RELATION_APPROX)) return none;
    if (n == 2) {
        if (is_name(first)) return (Named){first, second};
        if (is_name(second)) return (Named){second, first};
    }
    bool named = is_name(first);
    const Expr *value = named ? second : first;
    if (n == 2 && (first->has | second->has) & HAS_SYMBOL) return none;
    MathLayer layer = MATH_UNREAD; // y = -9 + 3 = -6 must be true
    for (const Expr *c = value; c != last; c = c->next)
        if (!equal_answers(w, c, last, &layer)) return none;
    return (Named){named ? first : NULL, last};
}

static Expr *difference(Work *w, const Expr *left, const Expr *right) {
    return expr_two(w, EX_SUM, expr_copy(w, left), expr_one(w, EX_NEGATE, 0, expr_copy(w, right)));
}

// Two operands of scalar kind with one relation between them.
static bool is_simple(const Expr *e) {
    return e->kind == EX_RELATION && e->n == 2 && expr_is_scalar(e->first) &&
           expr_is_scalar(e->last);
}

static int direction(int relation) {
    return relation == RELATION_LT || relation == RELATION_LE   ? -1
           : relation == RELATION_GT || relation == RELATION_GE ? 1
                                                                : 0;
}

static bool same_simple(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    int left = a->last->relation, right = b->last->relation, sign;
    bool strict_left = left == RELATION_LT || left == RELATION_GT;
    bool strict_right = right == RELATION_LT || right == RELATION_GT;
    bool order = direction(left) && direction(right) && strict_left == strict_right;
    if (left != right && !order) return false;
    if (!order && left != RELATION_EQ && left != RELATION_NE) return false;
    const Expr *x = difference(w, a->first, a->last), *y = difference(w, b->first, b->last);
    if (!x || !y || !scalar_proportional(w, x, y, &sign, layer)) return false;
    return !order || sign == direction(left) * direction(right);
}

static bool same_chain(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (a->n != b->n) return false;
    const Expr *y = b->first;
    for (const Expr *x = a->first; x; x = x->next, y = y->next)
        if (x->relation != y->relation || !equal_answers(w, x, y, layer)) return false;
    return true;
}

static bool both_relations(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (is_simple(a) && is_simple(b) && same_simple(w, a, b, layer)) return true;
    return same_chain(w, a, b, layer);
}

bool statement_same(Work *w, const Expr *a, const Expr *b, MathLayer *layer) {
    if (*layer < MATH_STRUCTURE) *layer = MATH_STRUCTURE;
    Named x = statement_name(w, a), y = statement_name(w, b);
    bool both = a->kind == EX_RELATION && b->kind == EX_RELATION;
    if (x.value && y.value) {
        MathLayer names = MATH_UNREAD;
        const Expr *alone = !x.name ? y.name : !y.name ? x.name : NULL;
        if (alone && alone->kind == EX_TUPLE && w->rules->tuple_names_kept) {
            w->why = "names on one side alone";
            return false;
        }
        bool agree = !x.name || !y.name || equal_answers(w, x.name, y.name, &names);
        if (agree && equal_answers(w, x.value, y.value, layer)) return true;
        if (!agree) w->why = "different names";
    } else if (!both) {
        w->why = "a statement and a value";
        return false;
    }
    if (both && both_relations(w, a, b, layer)) return true;
    if (!w->why) w->why = "different statements";
    return false;
}
