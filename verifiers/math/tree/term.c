// verifiers/math/tree/term.c -- sums and products.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"

static bool is_integer_quotient(const Expr *e) {
    return e->kind == EX_QUOTIENT && e->first->kind == EX_NUMBER && e->last->kind == EX_NUMBER &&
           !e->first->flag && !e->last->flag && !e->first->exp10 && !e->last->exp10;
}

// "2 1/3" behind the 2
static Expr *take_plain_fraction(Reader *r) {
    const Token *t = r->t;
    if (t[0].kind != TK_NUMBER || !t[0].plain || !token_is(t + 1, '/') || t[2].kind != TK_NUMBER ||
        !t[2].plain || !t[0].space)
        return NULL;
    r->t += 3;
    return expr_two(r->w, EX_QUOTIENT, expr_number(r->w, t[0].text, 0),
                    expr_number(r->w, t[2].text, 0));
}

static Expr *append_factor(Reader *r, Expr *value, Expr *factor) {
    if (value->kind == EX_PRODUCT && value->flag) {
        expr_add(value, factor);
        return expr_done(r->w, value);
    }
    Expr *product = expr_two(r->w, EX_PRODUCT, value, factor);
    if (product) product->flag = true; // open for more factors
    return product;
}

// \pm, \mp, and as people type them: +- and -+, +/- and -/+ without a blank between. '+' or '-',
// and behind it; 0 without moving if there is none.
static int take_both_signs(Reader *r) {
    const Token *t = r->t;
    if (t->kind != TK_MARK) return 0;
    if (reader_take(r, MARK_PM)) return '+';
    if (reader_take(r, MARK_MP)) return '-';
    if (!token_is(t, '+') && !token_is(t, '-')) return 0;
    const Token *last = t + 1 + token_is(t + 1, '/');
    bool together = t[1].begin == t->end && last->begin == last[-1].end;
    if (!together || !(token_is(last, '+') || token_is(last, '-')) || last->id == t->id) return 0;
    r->t = (Token *)last + 1;
    return t->id;
}

static bool is_vector(const Expr *e) {
    return e->kind == EX_SYMBOL &&
           (e->flag || (e->text.size > 4 && memcmp(e->text.data, "vec ", 4) == 0));
}

// \vec a \times \vec b: turned round it changes its sign, and it is not \vec a \cdot \vec b.
static Expr *cross_product(Reader *r, const Expr *a, const Expr *b) {
    Slice x = a->text, y = b->text;
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    bool turned = order > 0 || (order == 0 && x.size > y.size);
    Expr *cross = expr_new(r->w, EX_APPLY);
    if (!cross) return NULL;
    cross->text = slice_of("cross");
    expr_add(cross, expr_copy(r->w, turned ? b : a));
    expr_add(cross, expr_copy(r->w, turned ? a : b));
    cross = expr_done(r->w, cross);
    return turned ? expr_one(r->w, EX_NEGATE, 0, cross) : cross;
}

static bool is_times(const Token *t) {
    return t->text.size >= 2 &&
           (memcmp(t->text.data, "\\t", 2) == 0 || memcmp(t->text.data, "\xC3\x97", 2) == 0);
}

// value times factor, where the sign between them is \times.
static Expr *append_times(Reader *r, Expr *value, Expr *factor) {
    bool open = value->kind == EX_PRODUCT && value->flag;
    Expr *last = open ? value->last : value;
    if (!factor || !is_vector(last) || !is_vector(factor))
        return factor ? append_factor(r, value, factor) : NULL;
    Expr *cross = cross_product(r, last, factor);
    if (!open || !cross) return cross;
    Expr *product = expr_new(r->w, EX_PRODUCT);
    for (const Expr *c = value->first; c != last && product; c = c->next)
        expr_add(product, expr_copy(r->w, c));
    expr_add(product, cross);
    if (product) product->flag = true;
    return expr_done(r->w, product);
}

static Expr *grammar_signed_factor(Reader *r) {
    int minus = 0, both = take_both_signs(r);
    while (!both && (token_is(r->t, '-') || token_is(r->t, '+'))) {
        minus ^= token_is(r->t++, '-');
        both = take_both_signs(r);
    }
    if (both) {
        Expr *value = expr_one(r->w, EX_PLUSMINUS, both, grammar_factor(r));
        return minus ? expr_one(r->w, EX_NEGATE, 0, value) : value;
    }
    Expr *e = grammar_factor(r);
    return minus ? expr_one(r->w, EX_NEGATE, 0, e) : e;
}

// "12 m/s^2" as a product of letters, which it is where the other side has them; r->t stays.
static Expr *read_as_letters(Reader *r, Token *start) {
    Token *at = r->t;
    if (r->depth > 2) return NULL;
    r->t = start;
    r->no_units = true;
    Expr *e = grammar_term(r);
    r->no_units = false;
    if (!e || !grammar_ends_item(r->t)) e = NULL;
    r->t = at;
    return e;
}

// 5{6}, {5}6, {5}{6}: digits side by side with braces that do not print. `before` ends a factor,
// `t` begins the next one.
static bool digits_touch(const Token *before, const Token *t, const Token *start) {
    if (token_is(t, '{')) t++;
    if (t->kind != TK_NUMBER || t->space) return false;
    if (before->kind == TK_NUMBER) return token_is(t - 1, '{');
    if (!token_is(before, '}') || before - start < 2 || before[-1].kind != TK_NUMBER) return false;
    const Token *open = before - 2; // {5}, an argument of nothing
    return token_is(open, '{') &&
           (open == start || open[-1].kind == TK_NUMBER || token_is(open - 1, '*') ||
            token_is(open - 1, '+') || token_is(open - 1, '-'));
}

Expr *grammar_term(Reader *r) {
    Token *start = r->t;
    Expr *value = grammar_factor(r), *algebra = NULL;
    while (value) {
        bool per = token_is(r->t, '/') && grammar_starts_unit(r, value); // 60/\text{hour}
        if ((token_is(r->t, '*') || token_is(r->t, '/')) && !per) {
            const Token *sign = r->t++;
            Expr *factor = grammar_signed_factor(r);
            if (token_is(sign, '/'))
                value = factor ? expr_two(r->w, EX_QUOTIENT, value, factor) : NULL;
            else if (is_times(sign))
                value = append_times(r, value, factor);
            else
                value = factor ? append_factor(r, value, factor) : NULL;
            continue;
        }
        int unit = grammar_starts_unit(r, value);
        if (unit) {
            if (unit == 2) algebra = read_as_letters(r, start);
            if (!grammar_take_unit(r)) value = NULL;
            r->algebra = algebra;
            break;
        }
        if (!grammar_starts_atom(r)) break;
        const Token *before = r->t - 1;
        bool whole = before->kind == TK_NUMBER && before->plain && before >= start &&
                     (before == start || !token_is(before - 1, '^'));
        bool lone = whole && (value->kind == EX_NUMBER ||
                              (value->kind == EX_PRODUCT && value->last->kind == EX_NUMBER));
        if (digits_touch(before, r->t, start)) {
            value = NULL; // 5{6} prints 56
            continue;
        }
        if (r->t->kind == TK_NUMBER) {
            Expr *part = lone && value->kind == EX_NUMBER ? take_plain_fraction(r) : NULL;
            if (part)
                value = expr_two(r->w, EX_SUM, value, part);
            else if (before->kind == TK_NUMBER)
                value = NULL; // "1 2" means nothing
            else
                value = append_factor(r, value, grammar_factor(r));
            continue;
        }
        bool fraction = token_is(r->t, MARK_FRAC);
        Expr *factor = grammar_factor(r);
        if (!factor) {
            value = NULL;
        } else if (fraction && lone && value->kind == EX_NUMBER && is_integer_quotient(factor)) {
            value = expr_two(r->w, EX_SUM, value, factor); // 13\frac{1}{4}
        } else if (fraction && lone && value->kind == EX_NUMBER &&
                   (factor->kind == EX_PERCENT || factor->kind == EX_DEGREE) &&
                   is_integer_quotient(factor->first)) { // 12\frac12\%
            value = expr_one(r->w, (ExprKind)factor->kind, 0,
                             expr_two(r->w, EX_SUM, value, factor->first));
        } else {
            value = append_factor(r, value, factor);
        }
    }
    return value;
}

// \mathbb{R} - \{0\}
static bool is_difference_of_sets(const Expr *sum) {
    ExprKind left = (ExprKind)sum->first->kind;
    return sum->first->next == sum->last && sum->last->kind == EX_NEGATE &&
           sum->last->first->kind == EX_SET &&
           (left == EX_DOMAIN || left == EX_INTERVAL || left == EX_SET || left == EX_TUPLE ||
            left == EX_BRACKET);
}

Expr *grammar_sum(Reader *r) {
    Expr *sum = NULL, *only = NULL;
    for (bool first = true;; first = false) {
        int minus = 0, both = 0;
        Token *at = r->t;
        for (;;) {
            int sign = both ? 0 : take_both_signs(r);
            if (sign)
                both = sign;
            else if (reader_take(r, '-'))
                minus ^= 1;
            else if (!reader_take(r, '+'))
                break;
        }
        if (!first && r->t == at) break;
        Expr *term = r->unit.data ? NULL : grammar_term(r);
        if (term && both) term = expr_one(r->w, EX_PLUSMINUS, both, term);
        if (term && minus) term = expr_one(r->w, EX_NEGATE, 0, term);
        if (!term) {
            only = NULL;
            break;
        }
        if (first) {
            only = term;
            continue;
        }
        if (!sum) {
            sum = expr_new(r->w, EX_SUM);
            expr_add(sum, only);
        }
        expr_add(sum, term);
    }
    if (only && sum)
        only = is_difference_of_sets(sum) ? expr_two(r->w, EX_WITHOUT, sum->first, sum->last->first)
                                          : expr_done(r->w, sum);
    if (sum) r->algebra = NULL;
    if (only && r->unit.data) only = grammar_quantity(r, only);
    return only;
}
