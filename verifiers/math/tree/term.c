// verifiers/math/tree/term.c -- sums, products and the unit behind a value.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/wording.h"

// A word behind a value begins its unit, which goes on to the end of the item.
static bool starts_unit(const Reader *r, const Expr *value) {
    const Token *t = r->t, *before = t > r->first ? t - 1 : NULL;
    if (t->kind == TK_WORD) return value->kind != EX_TEXT;
    if (token_is(t, MARK_CURRENCY)) return true;
    if (token_is(t, MARK_FRAC)) { // \frac{\text{m}}{\text{s}}
        const Token *up = t + 1 + token_is(t + 1, '{');
        return (up->kind == TK_LETTER && up->plain) || up->kind == TK_WORD;
    }
    if (t->kind != TK_LETTER || !before) return false;
    if (strchr("ap", *t->text.data) && token_is(t + 1, '.') && t[2].kind == TK_LETTER &&
        *t[2].text.data == 'm' && before->kind == TK_NUMBER)
        return true; // 4:30 p.m.
    if (t->plain) return *t->text.data != 'e' && *t->text.data != 'i';
    bool number = before->kind == TK_NUMBER || token_is(before, '}') || token_is(before, ')');
    if (!number || value->has & HAS_SYMBOL || t->run < 2) return false;
    Slice run = {t->text.data, t->run};
    if (t->run >= 3 && t->space) return true;
    return unit_known(run) && (t->space || t->run > 2 || strncmp(run.data, "km", 2) != 0);
}

// "or more", "less than", "of x" change what a number says: no units.
static bool qualifies(Slice text) {
    static const char *const words[] = {"or",   "more",  "less", "least", "most",  "than",
                                        "not",  "of",    "to",   "plus",  "minus", "except",
                                        "over", "under", "ago",  "below", "above"};
    for (size_t i = 0; i < text.size; i++) {
        size_t n = 0;
        while (i + n < text.size && isalpha((unsigned char)text.data[i + n])) n++;
        for (size_t k = 0; n && k < sizeof words / sizeof *words; k++)
            if (strlen(words[k]) == n && strncasecmp(text.data + i, words[k], n) == 0) return true;
        i += n;
    }
    return false;
}

// "million", "dozen": the factor, and the unit behind it.
static long unit_factor(Slice *unit) {
    static const struct {
        const char *word;
        long factor;
    } rows[] = {{"hundred", 100},        {"thousand", 1000},          {"million", 1000000},
                {"billion", 1000000000}, {"trillion", 1000000000000}, {"dozen", 12}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].word);
        if (unit->size < n || memcmp(unit->data, rows[i].word, n) != 0) continue;
        *unit = (Slice){unit->data + n, unit->size - n};
        return rows[i].factor;
    }
    return 1;
}

static bool take_unit(Reader *r) {
    const char *begin = r->t->begin;
    if (token_is(r->t, MARK_CURRENCY)) {
        r->unit = (r->t++)->text;
        return true;
    }
    while (!grammar_ends_item(r->t) && !token_is(r->t, MARK_RELATION)) {
        const Token *t = r->t;
        bool raised =
            t > r->first && (token_is(t - 1, '^') || token_is(t - 1, '-') || token_is(t - 1, '{'));
        if (t->kind == TK_NUMBER && !raised) return false;
        if (t->kind == TK_MARK && !strchr("^/*-'{.", t->id < 128 ? t->id : '?') &&
            !token_is(t, MARK_FRAC))
            return false;
        if (token_is(t, '{')) {
            while (r->t->kind != TK_END && !token_is(r->t, '}')) r->t++;
            if (r->t->kind == TK_END) return false;
        }
        r->t++;
    }
    r->unit = (Slice){begin, (size_t)(r->t[-1].end - begin)};
    return !qualifies(r->unit);
}

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
    if (reader_take(r, MARK_PM)) return '+';
    if (reader_take(r, MARK_MP)) return '-';
    if (!token_is(t, '+') && !token_is(t, '-')) return 0;
    const Token *last = t + 1 + token_is(t + 1, '/');
    bool together = t[1].begin == t->end && last->begin == last[-1].end;
    if (!together || !(token_is(last, '+') || token_is(last, '-')) || last->id == t->id) return 0;
    r->t = (Token *)last + 1;
    return t->id;
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

Expr *grammar_term(Reader *r) {
    const Token *start = r->t;
    Expr *value = grammar_factor(r);
    while (value) {
        if (token_is(r->t, '*') || token_is(r->t, '/')) {
            bool divide = token_is(r->t++, '/');
            Expr *factor = grammar_signed_factor(r);
            if (divide)
                value = factor ? expr_two(r->w, EX_QUOTIENT, value, factor) : NULL;
            else
                value = factor ? append_factor(r, value, factor) : NULL;
            continue;
        }
        if (starts_unit(r, value)) {
            if (!take_unit(r)) value = NULL;
            break;
        }
        if (!grammar_starts_atom(r)) break;
        const Token *before = r->t - 1;
        bool whole = before->kind == TK_NUMBER && before->plain && before >= start &&
                     (before == start || !token_is(before - 1, '^'));
        bool lone = whole && (value->kind == EX_NUMBER ||
                              (value->kind == EX_PRODUCT && value->last->kind == EX_NUMBER));
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
    if (only && r->unit.data) {
        Slice unit = unit_normal(r->w, r->unit);
        r->unit = (Slice){NULL, 0};
        long factor = unit_factor(&unit);
        if (factor > 1) {
            only = expr_two(r->w, EX_PRODUCT, only, expr_integer(r->w, factor));
            unit = unit_normal(r->w, unit);
        }
        if (unit.size == 7 && memcmp(unit.data, "percent", 7) == 0) {
            only = expr_one(r->w, EX_PERCENT, 0, only);
        } else if (unit.size == 6 && memcmp(unit.data, "degree", 6) == 0) {
            only = expr_one(r->w, EX_DEGREE, 0, only);
        } else if (unit.size) {
            Expr *with = expr_new(r->w, EX_UNIT);
            if (!with) return NULL;
            with->text = unit;
            expr_add(with, only);
            only = expr_done(r->w, with);
        }
    }
    return only;
}
