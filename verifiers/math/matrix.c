// verifiers/math/matrix.c -- entry by entry; products up to 8 x 8.
#include "verifiers/math/matrix.h"

#include "verifiers/math/rational.h"
#include "verifiers/math/tree/wording.h"

enum {
    MAX_PRODUCT = 8,
    MAX_DETERMINANT = 5, // has 120 products
    MAX_INVERSE = 3,
    MAX_POWER = 4, // each doubles and more what an entry holds
};

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

// Of the rows and columns whose bits are set, by the first row.
static Expr *minor_of(Work *w, const Expr *m, unsigned row_set, unsigned columns) {
    if (!row_set) return expr_integer(w, 1);
    uint32_t row = (uint32_t)__builtin_ctz(row_set);
    unsigned rest = row_set & (row_set - 1);
    Expr *total = expr_new(w, EX_SUM);
    bool minus = false, last = !rest;
    for (uint32_t j = 0; j < m->op; j++) {
        if (!(columns & 1u << j)) continue;
        Expr *cell = expr_copy(w, at(m, row, j));
        if (last) return cell;
        Expr *term = expr_two(w, EX_PRODUCT, cell, minor_of(w, m, rest, columns & ~(1u << j)));
        expr_add(total, minus ? expr_one(w, EX_NEGATE, 0, term) : term);
        minus = !minus;
    }
    return expr_done(w, total);
}

static Expr *transpose(Work *w, const Expr *m) {
    Expr *out = begin(w, rows(m));
    for (uint32_t j = 0; j < m->op; j++)
        for (uint32_t i = 0; i < rows(m); i++) expr_add(out, expr_copy(w, at(m, i, j)));
    return expr_done(w, out);
}

// The adjugate over the determinant.
static Expr *inverse(Work *w, const Expr *m) {
    if (m->op > MAX_INVERSE) return NULL;
    unsigned all = (1u << m->op) - 1;
    Expr *out = begin(w, m->op);
    const Expr *whole = minor_of(w, m, all, all);
    for (uint32_t i = 0; i < m->op; i++)
        for (uint32_t j = 0; j < m->op; j++) {
            Expr *cell = minor_of(w, m, all & ~(1u << j), all & ~(1u << i));
            if ((i + j) % 2) cell = expr_one(w, EX_NEGATE, 0, cell);
            expr_add(out, expr_two(w, EX_QUOTIENT, cell, expr_copy(w, whole)));
        }
    return expr_done(w, out);
}

// A^T, A^{-1}, A^3; NULL if it is none of these.
static Expr *raised(Work *w, const Expr *m, const Expr *power) {
    long k;
    if (power->kind == EX_SYMBOL && (words_equal(power->text, (Slice){"T", 1}, true) ||
                                     words_equal(power->text, (Slice){"top", 3}, true)))
        return transpose(w, m);
    bool square = m->n == (uint32_t)m->op * m->op;
    for (const Expr *c = m->first; c; c = c->next) square = square && expr_is_scalar(c);
    if (!square || !rational_integer(w, power, &k) || k == 0 || k < -1 || k > MAX_POWER)
        return NULL;
    if (k == -1) return inverse(w, m);
    Expr *out = expr_copy(w, m);
    while (--k && out) out = product(w, out, m);
    return out;
}

const Expr *matrix_fold(Work *w, const Expr *e) {
    if (!(e->has & HAS_COLLECTION)) return e;
    if (e->kind == EX_CALL && e->op == FN_DET && e->n == 1) {
        const Expr *m = matrix_fold(w, e->first);
        if (m->kind != EX_MATRIX || rows(m) != m->op || m->op > MAX_DETERMINANT) return e;
        const Expr *value = minor_of(w, m, (1u << m->op) - 1, (1u << m->op) - 1);
        return value ? value : e;
    }
    if (e->kind == EX_NEGATE) {
        const Expr *inner = matrix_fold(w, e->first);
        Expr *m = inner->kind == EX_MATRIX ? scale(w, inner, NULL, EX_NEGATE) : NULL;
        return m ? m : e;
    }
    if (e->kind == EX_POWER) {
        const Expr *base = matrix_fold(w, e->first);
        const Expr *m = base->kind == EX_MATRIX ? raised(w, base, e->last) : NULL;
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

Expr *matrix_determinants(Work *w, Expr *e) {
    if (!e || !(e->has & HAS_DET)) return e;
    const Expr *m = e->first;
    bool det = (e->kind == EX_ABS || (e->kind == EX_CALL && e->op == FN_DET && e->n == 1)) &&
               m->kind == EX_MATRIX && m->n == (uint32_t)m->op * m->op && m->op <= MAX_DETERMINANT;
    for (const Expr *c = m->first; det && c; c = c->next) det = expr_is_scalar(c);
    if (det) return minor_of(w, m, (1u << m->op) - 1, (1u << m->op) - 1);
    Expr *out = expr_copy(w, e);
    if (!out) return NULL;
    out->first = out->last = NULL;
    for (Expr *c = e->first; c; c = c->next) {
        Expr *child = matrix_determinants(w, c);
        Expr *copy = child ? expr_copy(w, child) : NULL;
        if (!copy) return NULL;
        copy->relation = c->relation;
        expr_add(out, copy);
    }
    return expr_done(w, out);
}
