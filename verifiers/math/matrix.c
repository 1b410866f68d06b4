// verifiers/math/matrix.c -- entry by entry; products up to 8 x 8.
#include "verifiers/math/matrix.h"

#include "verifiers/math/tree/wording.h"

enum { MAX_PRODUCT = 8, MAX_DETERMINANT = 5 }; // 5! products

static uint32_t rows(const Expr *m) {
    return m->op ? m->n / m->op : 0;
}

static const Expr *at(const Expr *m, uint32_t row, uint32_t column) {
    return expr_child(m, row * m->op + column);
}

static Expr *begin(Work *w, uint32_t columns) {
    Expr *m = expr_new(w, EX_MATRIX);
    if (m) m->op = (uint16_t)columns;
    return m;
}

static Expr *scale(Work *w, const Expr *m, const Expr *by, ExprKind how) {
    Expr *out = begin(w, m->op);
    for (const Expr *c = m->first; c && out; c = c->next)
        expr_add(out, how == EX_NEGATE ? expr_one(w, EX_NEGATE, 0, expr_copy(w, c))
                                       : expr_two(w, how, expr_copy(w, c), expr_copy(w, by)));
    return expr_done(w, out);
}

static Expr *sum(Work *w, const Expr *a, const Expr *b) {
    if (a->op != b->op || a->n != b->n) return NULL;
    Expr *out = begin(w, a->op);
    const Expr *y = b->first;
    for (const Expr *x = a->first; x && out; x = x->next, y = y->next)
        expr_add(out, expr_two(w, EX_SUM, expr_copy(w, x), expr_copy(w, y)));
    return expr_done(w, out);
}

static Expr *product(Work *w, const Expr *a, const Expr *b) {
    uint32_t n = rows(a), k = a->op, m = b->op;
    if (rows(b) != k || n > MAX_PRODUCT || k > MAX_PRODUCT || m > MAX_PRODUCT) return NULL;
    Expr *out = begin(w, m);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < m; j++) {
            Expr *cell = expr_new(w, EX_SUM);
            for (uint32_t l = 0; l < k; l++)
                expr_add(cell, expr_two(w, EX_PRODUCT, expr_copy(w, at(a, i, l)),
                                        expr_copy(w, at(b, l, j))));
            if (!cell || !out) return NULL;
            expr_add(out, expr_done(w, cell));
        }
    return expr_done(w, out);
}

// Along the first row; `used` are the columns that are gone.
static Expr *determinant(Work *w, const Expr *m, uint32_t row, uint32_t used) {
    uint32_t n = m->op, sign = 0;
    if (row == n) return expr_integer(w, 1);
    Expr *out = expr_new(w, EX_SUM);
    for (uint32_t j = 0; j < n && out; j++) {
        if (used >> j & 1) continue;
        Expr *term = expr_two(w, EX_PRODUCT, expr_copy(w, at(m, row, j)),
                              determinant(w, m, row + 1, used | 1u << j));
        if (sign++ & 1) term = expr_one(w, EX_NEGATE, 0, term);
        if (!term) return NULL;
        expr_add(out, term);
    }
    return expr_done(w, out);
}

static const Expr *transposed(Work *w, const Expr *m) {
    Expr *out = begin(w, rows(m));
    for (uint32_t j = 0; j < m->op && out; j++)
        for (uint32_t i = 0; i < rows(m); i++) expr_add(out, expr_copy(w, at(m, i, j)));
    return expr_done(w, out);
}

const Expr *matrix_fold(Work *w, const Expr *e) {
    if (!(e->has & HAS_COLLECTION)) return e;
    if (e->kind == EX_POWER && e->last->kind == EX_SYMBOL && // ^T
        (words_equal(e->last->text, (Slice){"T", 1}, true) ||
         words_equal(e->last->text, (Slice){"top", 3}, true))) {
        const Expr *m = matrix_fold(w, e->first);
        const Expr *t = m->kind == EX_MATRIX ? transposed(w, m) : NULL;
        return t ? t : e;
    }
    if (e->kind == EX_CALL && e->op == FN_DET && e->n == 1) {
        const Expr *m = matrix_fold(w, e->first);
        if (m->kind != EX_MATRIX || rows(m) != m->op || m->op > MAX_DETERMINANT) return e;
        const Expr *value = determinant(w, m, 0, 0);
        return value ? value : e;
    }
    if (e->kind == EX_NEGATE) {
        const Expr *inner = matrix_fold(w, e->first);
        Expr *m = inner->kind == EX_MATRIX ? scale(w, inner, NULL, EX_NEGATE) : NULL;
        return m ? m : e;
    }
    if (e->kind != EX_SUM && e->kind != EX_PRODUCT && e->kind != EX_QUOTIENT) return e;
    const Expr *value = matrix_fold(w, e->first);
    for (const Expr *c = e->first->next; c; c = c->next) {
        const Expr *next = matrix_fold(w, c);
        bool left = value->kind == EX_MATRIX, right = next->kind == EX_MATRIX;
        if ((!left && (value->has & HAS_OBJECT)) || (!right && (next->has & HAS_OBJECT))) return e;
        Expr *folded = NULL;
        if (e->kind == EX_SUM && left && right)
            folded = sum(w, value, next);
        else if (e->kind == EX_PRODUCT && left && right)
            folded = product(w, value, next);
        else if (e->kind == EX_PRODUCT && left != right)
            folded = scale(w, left ? value : next, left ? next : value, EX_PRODUCT);
        else if (e->kind == EX_PRODUCT)
            folded = expr_two(w, EX_PRODUCT, expr_copy(w, value), expr_copy(w, next));
        else if (e->kind == EX_QUOTIENT && left && !right)
            folded = scale(w, value, next, EX_QUOTIENT);
        if (!folded) return e;
        value = folded;
    }
    return value;
}
