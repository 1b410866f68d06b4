// verifiers/math/tree/bracket.c -- what has an opening and an end: sets, intervals, matrices.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/limits.h"

static bool closes(const Token *t) {
    return token_is(t, ')') || token_is(t, ']') || token_is(t, MARK_SET_CLOSE) || token_is(t, '[');
}

static bool has_infinity(const Expr *e) {
    return (e->has & HAS_INFINITY) && !(e->has & HAS_OBJECT);
}

static Expr *make_bracketed(Reader *r, int open, int close, Expr *list, uint32_t n) {
    if (open == MARK_SET_OPEN) {
        if (close != MARK_SET_CLOSE) return NULL;
        list->kind = EX_SET;
        return expr_done(r->w, list);
    }
    if (close == MARK_SET_CLOSE) return NULL;
    if (n == 1)
        return (open == '(' && close == ')') || (open == '[' && close == ']') ? list->first : NULL;
    bool lo = open == '[', hi = close == ']'; // ]a,b[ has them turned round
    bool turned = open == ']' || close == '[';
    bool mixed = lo != hi || turned;
    bool endless = n == 2 && (has_infinity(list->first) || has_infinity(list->last));
    if (mixed || endless) {
        if (n != 2) return NULL;
        list->kind = EX_INTERVAL;
        list->op = (uint16_t)(lo | hi << 1);
        return expr_done(r->w, list);
    }
    list->kind = lo ? EX_BRACKET : EX_TUPLE;
    return expr_done(r->w, list);
}

// Behind the opening bracket. { x | x > 2 } is a set with op 'b'.
Expr *grammar_bracketed(Reader *r, int open) {
    Expr *list = expr_new(r->w, EX_TUPLE);
    int bars = r->bars, sets = r->sets, close = 0;
    uint32_t n = 0;
    if (!list) return NULL;
    r->bars = 0;
    r->sets = open == MARK_SET_OPEN;
    if (open == MARK_SET_OPEN && reader_take(r, MARK_SET_CLOSE)) {
        r->bars = bars, r->sets = sets;
        list->kind = EX_SET;
        return expr_done(r->w, list);
    }
    for (;;) {
        Token *from = r->t;
        Expr *e = open == '(' ? grammar_item(r) : grammar_relation(r);
        if (!e && open == MARK_SET_OPEN && !r->w->over) e = grammar_text(r, from);
        if (!e || ++n > 4 * MATH_MAX_ELEMENTS) return NULL;
        expr_add(list, e);
        if (open == MARK_SET_OPEN && n == 1 &&
            (token_is(r->t, '|') || token_is(r->t, MARK_MID) || token_is(r->t, ':'))) {
            r->t++;
            r->sets = 0;
            Expr *condition = grammar_list(r);
            if (!condition) return NULL;
            expr_add(list, condition);
            list->op = 'b';
            break;
        }
        if (!reader_take(r, ',') && !reader_take(r, ';')) break;
    }
    r->bars = bars, r->sets = sets;
    if (open == MARK_ANGLE_OPEN) {
        if (!reader_take(r, MARK_ANGLE_CLOSE) || n < 2) return NULL;
        return expr_done(r->w, list); // a vector
    }
    if (!closes(r->t)) return NULL;
    close = r->t->id;
    if (close == '[' && open != ']' && open != '[' && open != '(') return NULL;
    r->t++;
    return make_bracketed(r, open, close, list, n);
}

Expr *grammar_group(Reader *r) {
    Expr *e;
    r->t++;
    if (reader_take(r, '}')) return NULL;
    int bars = r->bars, sets = r->sets;
    r->bars = 0, r->sets = 0;
    e = grammar_fraction(r);
    r->bars = bars, r->sets = sets;
    return e && reader_take(r, '}') ? e : NULL;
}

Expr *grammar_paired(Reader *r, ExprKind kind, int close) {
    r->t++;
    int bars = r->bars, sets = r->sets;
    r->bars = close == '|' ? bars + 1 : 0;
    r->sets = 0;
    Expr *e = grammar_sum(r);
    r->bars = bars, r->sets = sets;
    if (!e || !(reader_take(r, close) || (kind == EX_ABS && reader_take(r, '|')))) return NULL;
    return expr_one(r->w, kind, 0, e);
}

Expr *grammar_norm(Reader *r) {
    r->t++;
    Expr *e = grammar_sum(r), *norm = expr_new(r->w, EX_APPLY);
    if (!e || !norm || !reader_take(r, MARK_DOUBLE_BAR)) return NULL;
    norm->text = slice_of("norm");
    expr_add(norm, e);
    return expr_done(r->w, norm);
}

Expr *grammar_environment(Reader *r) {
    Slice name = (r->t++)->text;
    bool cases = name.size >= 5 && (memcmp(name.data, "cases", 5) == 0 ||
                                    (name.size == 6 && memcmp(name.data, "dcases", 6) == 0));
    bool matrix = (name.size >= 6 && memmem(name.data, name.size, "matrix", 6)) ||
                  (name.size == 5 && memcmp(name.data, "array", 5) == 0);
    if (!cases && !matrix) return NULL;
    Expr *e = expr_new(r->w, cases ? EX_CASES : EX_MATRIX);
    if (!e) return NULL;
    uint32_t columns = 0, in_row = 0, n_rows = 0;
    int bars = r->bars, sets = r->sets;
    r->bars = 0, r->sets = 0;
    for (;;) {
        bool empty = in_row == 0 && (token_is(r->t, MARK_END) || token_is(r->t, MARK_ROW));
        if (!empty) {
            Expr *cell = grammar_item(r);
            if (!cell) return NULL;
            while (cases && reader_take(r, ',')) continue; // "x, & x > 0"
            expr_add(e, cell);
            in_row++;
        }
        if (reader_take(r, '&')) continue;
        if (in_row) {
            if (columns && in_row != columns) return NULL;
            columns = in_row;
            in_row = 0;
            if (++n_rows > MATH_MAX_MATRIX || columns > MATH_MAX_MATRIX) {
                r->w->over = "a matrix of too many rows";
                return NULL;
            }
        }
        if (reader_take(r, MARK_ROW)) continue;
        break;
    }
    r->bars = bars, r->sets = sets;
    if (!reader_take(r, MARK_END) || !n_rows) return NULL;
    e->op = (uint16_t)columns;
    if (cases && columns == 1 && n_rows > 1) // a system of equations
        e->kind = EX_LIST, e->op = 'a';
    Expr *done = expr_done(r->w, e);
    if (done && name.data[0] == 'v') return expr_one(r->w, EX_CALL, FN_DET, done);
    return done;
}
