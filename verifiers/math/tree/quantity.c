// verifiers/math/tree/quantity.c -- the words behind a value: where they begin, what they make of
// it.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/tail.h"
#include "verifiers/math/tree/unit.h"
#include "verifiers/math/tree/wording.h"

// The token that ends the item t is in; brackets that open inside of it belong to it. The words
// behind a number are few: where the item goes on for longer the result is in the middle of it, and
// the text up to there is none that tail_read takes.
static Token *item_end(Token *t) {
    enum { FAR = 96 };
    int far = 0;
    for (int open = 0; t->kind != TK_END && far < FAR; t++, far++) {
        if (open == 0 && (grammar_ends_item(t) || token_is(t, MARK_RELATION))) break;
        open += token_is(t, '(') || token_is(t, '{');
        open -= token_is(t, ')') || token_is(t, '}');
    }
    return t;
}

static Slice text_of(const Token *from, const Token *end) {
    return (Slice){from->begin, (size_t)(end[-1].end - from->begin)};
}

static bool reads_unit(Slice text, Unit *unit) {
    char plain[TAIL_MAX_BYTES + 1];
    size_t n;
    return text.size <= TAIL_MAX_BYTES && tail_plain(text, plain, &n) &&
           unit_read((Slice){plain, n}, unit);
}

// Letters that no \text frames, as in "12 m/s^2" and "12 kJ/mol": a symbol of two letters and more,
// or a quotient by a time, a length or a temperature. "5 m" alone is a product.
static bool is_bare_unit(const Token *t, const Token *end) {
    Slice text = text_of(t, end);
    Unit unit;
    if (text.size < 2 || !reads_unit(text, &unit)) return false;
    bool longer = false, below = false, sound = true, newton = false;
    for (const Token *at = t; at < end; at++) {
        if (at->kind == TK_LETTER && at->id == 0 && at->run >= 2) longer = true;
        if (at->kind == TK_LETTER && at->id == 1) longer = true; // \mu
        if (token_is(at, '/')) {
            below = true;
            const Token *next = at + 1;
            sound &=
                next->kind == TK_LETTER && (next->run >= 2 || strchr("shmLK", *next->text.data));
        }
        newton |= at->kind == TK_LETTER && *at->text.data == 'N' && end - t >= 2;
    }
    bool power = t->kind == TK_LETTER && t->run == 1 && *t->text.data == 'm' && unit.n == 1;
    return (longer || (below && sound) || newton || power) && unit.n > 0;
}

// "(base 5)", "(cm)", "(repeating)" behind a value.
static bool is_remark(Token *t, const Expr *value) {
    if (!token_is(t, '(') || value->kind != EX_NUMBER) return false;
    if (t[1].kind != TK_WORD && !(t[1].kind == TK_LETTER && (t[1].run >= 2 || t[1].plain)))
        return false;
    Token *end = item_end(t);
    NumberTail tail;
    if (end == t || !token_is(end - 1, ')') || !tail_read(text_of(t, end), &tail)) return false;
    return tail.base || tail.repeating || tail.percent || (tail.unit[0] && !tail.noun);
}

static bool is_noun_run(Slice run, bool more) {
    if (run.size >= 4 || more) return true;
    static const char *const short_nouns[] = {"men", "cow", "day", "car", "boy", "dog", "cat",
                                              "egg", "box", "bag", "pen", "win", "way"};
    for (size_t i = 0; i < sizeof short_nouns / sizeof *short_nouns; i++)
        if (words_equal(run, slice_of(short_nouns[i]), false)) return true;
    return tolower((unsigned char)run.data[run.size - 1]) == 's';
}

int grammar_starts_unit(const Reader *r, const Expr *value) {
    Token *t = r->t, *before = t > r->first ? t - 1 : NULL;
    if (r->no_units) return 0;
    if (t->kind == TK_WORD) return value->kind != EX_TEXT;
    if (token_is(t, MARK_CURRENCY)) return 1;
    if (is_remark(t, value)) return 1;
    if (token_is(t, MARK_FRAC)) { // \frac{\text{m}}{\text{s}}
        const Token *up = t + 1 + token_is(t + 1, '{');
        return (up->kind == TK_LETTER && up->plain) || up->kind == TK_WORD;
    }
    Unit unit;
    if (token_is(t, '/') && (t[1].kind == TK_WORD || (t[1].kind == TK_LETTER && t[1].plain))) {
        Token *end = item_end(t); // 60/\text{hour}
        return reads_unit(text_of(t, end), &unit);
    }
    if (t->kind != TK_LETTER || !before) return 0;
    if (strchr("ap", *t->text.data) && token_is(t + 1, '.') && t[2].kind == TK_LETTER &&
        *t[2].text.data == 'm' && before->kind == TK_NUMBER)
        return 1; // 4:30 p.m.
    if (t->plain) return *t->text.data != 'e' && *t->text.data != 'i';
    bool number = before->kind == TK_NUMBER || token_is(before, '}') || token_is(before, ')') ||
                  token_is(before, MARK_CONSTANT) || token_is(before, '!');
    if (!number || value->has & HAS_SYMBOL) return 0;
    Token *end = item_end(t);
    if ((t->space || t->run >= 2) && is_bare_unit(t, end)) return 2;
    if (t->id == 1 && t[1].plain) return reads_unit(text_of(t, end), &unit); // \mu\text{m}
    if (t->run < 2 || !t->space) return 0;
    Slice run = {t->text.data, t->run};
    NumberTail tail;
    if (!tail_read(text_of(t, end), &tail)) return t->run >= 4;
    return tail.noun ? is_noun_run(run, t + t->run < end) && t->run >= 3 : 1;
}

bool grammar_take_unit(Reader *r) {
    Token *from = r->t;
    r->unit_after = from > r->first ? from - 1 : NULL;
    if (r->unit.data) r->currency = r->unit; // $5 million
    if (token_is(from, MARK_CURRENCY)) {
        r->unit = (r->t++)->text;
        return !r->currency.data;
    }
    r->t = item_end(from);
    r->unit = text_of(from, r->t);
    NumberTail tail;
    return tail_read(r->unit, &tail);
}

static Expr *fraction(Reader *r, int64_t up, int64_t down, int exp10) {
    Expr *e = expr_integer(r->w, (long)up);
    if (e && exp10) e = expr_number(r->w, e->text, e->exp10 + exp10);
    return down == 1 ? e : expr_two(r->w, EX_QUOTIENT, e, expr_integer(r->w, (long)down));
}

// The digits as they were written: "101 in binary", "0.3 repeating".
static const Token *digits_of(const Reader *r, const Expr *value) {
    const Token *t = r->unit_after;
    return value->kind == EX_NUMBER && t && t->kind == TK_NUMBER ? t : NULL;
}

static Expr *in_base(Reader *r, const Expr *value, int base) {
    const Token *t = digits_of(r, value);
    if (!t || !t->plain || t->text.size > 200) return NULL;
    Slice digits = t->text;
    while (digits.size > 1 && *digits.data == '0') digits.data++, digits.size--;
    for (size_t i = 0; i < digits.size; i++)
        if (digits.data[i] - '0' >= base) return NULL;
    return base == 10 ? expr_number(r->w, digits, 0) : expr_leaf(r->w, EX_BASED, base, digits);
}

// 0.3 repeating: 0.3 and a ninth of its last place three times over.
static Expr *repeated(Reader *r, Expr *value) {
    const Token *t = digits_of(r, value);
    if (!t || !tail_can_repeat(t->text, t->exp10)) return NULL;
    Slice digit = {t->text.data + t->text.size - 1, 1};
    Expr *rest =
        expr_two(r->w, EX_QUOTIENT, expr_number(r->w, digit, t->exp10), expr_integer(r->w, 9));
    return expr_two(r->w, EX_SUM, value, rest);
}

static Expr *with_unit(Reader *r, Expr *value, Slice name, Expr *algebra) {
    Expr *with = expr_new(r->w, EX_UNIT);
    if (!with || !value) return NULL;
    char *copy = ARENA_ARRAY(r->w->arena, char, name.size + 1);
    memcpy(copy, name.data, name.size);
    with->text = (Slice){copy, name.size};
    expr_add(with, value);
    if (algebra) expr_add(with, algebra);
    return expr_done(r->w, with);
}

// The unit of "$5 million", "$5 per hour": false if the words name another currency.
static bool join_currency(Reader *r, NumberTail *tail) {
    NumberTail money;
    if (!r->currency.data || !tail_read(r->currency, &money)) return !r->currency.data;
    if (tail->percent || tail->degree || tail->base || tail->repeating) return false;
    Slice unit = slice_of(tail->unit), currency = slice_of(money.unit);
    if (!unit.size || tail->noun) {
        memcpy(tail->unit, money.unit, sizeof money.unit);
        tail->noun = false;
        return true;
    }
    if (unit_same_name(unit, currency)) return true;
    Slice per = r->unit;
    char *text = ARENA_ARRAY(r->w->arena, char, per.size + currency.size + 2);
    memcpy(text, per.data, per.size);
    text[per.size] = ' ';
    memcpy(text + per.size + 1, currency.data, currency.size);
    Unit both;
    if (!strstr(tail->unit, "^-") ||
        !reads_unit((Slice){text, per.size + currency.size + 1}, &both))
        return false;
    unit_name(&both, tail->unit);
    return true;
}

Expr *grammar_quantity(Reader *r, Expr *value) {
    NumberTail tail;
    bool good = tail_read(r->unit, &tail) && join_currency(r, &tail);
    Expr *algebra = r->algebra;
    r->unit = r->currency = (Slice){NULL, 0};
    r->algebra = NULL;
    if (!good) return NULL;
    if (tail.base) return in_base(r, value, tail.base);
    if (tail.repeating) return repeated(r, value);
    bool negative = value->kind == EX_NEGATE; // -3 and a half is -3.5
    const Expr *number = negative ? value->first : value;
    bool sum = value->kind == EX_SUM, plain = number->kind == EX_NUMBER;
    if (tail.add_up && !plain) return NULL;
    if ((tail.power > 1 || tail.factorial) && (!plain || negative)) return NULL;
    if (sum && (tail.up != 1 || tail.down != 1 || tail.exp10)) return NULL; // 2 + 3 thousand
    if (tail.add_up) {
        Expr *part = fraction(r, tail.add_up, tail.add_down, 0);
        value = negative ? expr_one(r->w, EX_NEGATE, 0, expr_two(r->w, EX_SUM, value->first, part))
                         : expr_two(r->w, EX_SUM, value, part);
    }
    if (tail.up != 1 || tail.down != 1 || tail.exp10)
        value = expr_two(r->w, EX_PRODUCT, value, fraction(r, tail.up, tail.down, tail.exp10));
    if (tail.power > 1) value = expr_two(r->w, EX_POWER, value, expr_integer(r->w, tail.power));
    if (tail.factorial) value = expr_one(r->w, EX_FACTORIAL, 1, value);
    if (tail.percent) return expr_one(r->w, EX_PERCENT, 0, value);
    if (tail.degree) return expr_one(r->w, EX_DEGREE, 0, value);
    return tail.unit[0] ? with_unit(r, value, slice_of(tail.unit), algebra) : value;
}
