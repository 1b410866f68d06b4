// verifiers/math/signs.c -- every tree anew, one a choice of signs.
#include "verifiers/math/signs.h"

#include "verifiers/math/tree/limits.h"

static void count(const Expr *e, int *plus, int *minus) {
    if (!(e->has & HAS_SIGN)) return;
    if (e->kind == EX_PLUSMINUS) ++*(e->op == '+' ? plus : minus);
    for (const Expr *c = e->first; c; c = c->next) count(c, plus, minus);
}

static Expr *rebuild(Work *w, const Expr *e, unsigned choice, bool together, int *at) {
    Expr *copy = expr_copy(w, e);
    if (!copy || !(e->has & HAS_SIGN)) return copy;
    if (e->kind == EX_PLUSMINUS) {
        bool negative = together ? (choice & 1) != (e->op == '-') : choice >> *at & 1;
        ++*at;
        Expr *inner = rebuild(w, e->first, choice, together, at);
        return negative ? expr_one(w, EX_NEGATE, 0, inner) : inner;
    }
    copy->first = copy->last = NULL;
    for (const Expr *c = e->first; c; c = c->next) {
        Expr *child = rebuild(w, c, choice, together, at);
        if (!child) return NULL;
        expr_add(copy, child);
        child->relation = c->relation;
    }
    return expr_done(w, copy);
}

int signs_expand(Work *w, const Expr *e, const Expr **out) {
    int plus = 0, minus = 0;
    count(e, &plus, &minus);
    if (!plus && !minus) {
        out[0] = e;
        return 1;
    }
    bool together = minus > 0;
    int n = together ? 2 : plus > MATH_MAX_SIGNS ? 0 : 1 << plus;
    for (int i = 0; i < n; i++) {
        int at = 0;
        out[i] = rebuild(w, e, (unsigned)i, together, &at);
        if (!out[i]) return 0;
    }
    return n;
}
