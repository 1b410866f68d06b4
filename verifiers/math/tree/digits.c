// verifiers/math/tree/digits.c -- numbers with a period, and those of another base.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/wording.h"

// 0.1\overline{6}, 0.\dot{1}4\dot{2}: (digits with period - digits before it) / 99..90..0
static Expr *take_period(Reader *r, const Token *number) {
    Slice period = {NULL, 0};
    if (token_is(r->t, MARK_OVERLINE)) {
        r->t++;
        bool brace = reader_take(r, '{');
        if (r->t->kind != TK_NUMBER || !r->t->plain) return NULL;
        period = (r->t++)->text;
        if (brace && !reader_take(r, '}')) return NULL;
    } else if (token_is(r->t, MARK_DOT_ACCENT)) {
        char *digits = ARENA_ARRAY(r->w->arena, char, 64);
        size_t n = 0;
        for (int dots = 0; dots < 2 && n < 60;) {
            bool dot = reader_take(r, MARK_DOT_ACCENT), brace = dot && reader_take(r, '{');
            if (r->t->kind != TK_NUMBER || !r->t->plain) {
                if (dots == 1 && !dot) break;
                return NULL;
            }
            Slice s = (r->t++)->text;
            if (n + s.size > 60) return NULL;
            memcpy(digits + n, s.data, s.size);
            n += s.size;
            if (brace && !reader_take(r, '}')) return NULL;
            dots += dot;
            if (dots == 1 && r->t->kind != TK_NUMBER && !token_is(r->t, MARK_DOT_ACCENT)) break;
        }
        period = (Slice){digits, n};
    } else { // 0.(3)
        r->t++;
        if (r->t->kind != TK_NUMBER || !r->t->plain) return NULL;
        period = (r->t++)->text;
        if (!reader_take(r, ')')) return NULL;
    }
    if (!period.size || period.size > 60 || number->text.size > 200) return NULL;
    if (r->t->kind == TK_NUMBER) return NULL; // digits behind an endless row
    size_t n = period.size, places = (size_t)-number->exp10;
    char *nines = ARENA_ARRAY(r->w->arena, char, n);
    memset(nines, '9', n);
    Expr *repeat = expr_two(r->w, EX_QUOTIENT, expr_number(r->w, period, -(int32_t)places),
                            expr_number(r->w, (Slice){nines, n}, 0));
    return expr_two(r->w, EX_SUM, expr_number(r->w, number->text, number->exp10), repeat);
}

// 0.333..., 0.1666..., 0.606060...: the shortest period that is there twice or more at the end.
// Its length; 0 if there is none.
static size_t shown_period(const Token *number) {
    size_t n = number->exp10 < 0 ? (size_t)-number->exp10 : 0;
    if (n < 2 || n > 200 || n > number->text.size) return 0;
    const char *d = number->text.data + number->text.size - n;
    for (size_t p = 1; 2 * p <= n; p++)
        if (memcmp(d + n - p, d + n - 2 * p, p) == 0) return p;
    return 0;
}

static Expr *take_dots(Reader *r, const Token *number) {
    size_t p = shown_period(number);
    r->t++;
    if (!p || r->t->kind == TK_NUMBER) return NULL; // how far is not said
    char *nines = ARENA_ARRAY(r->w->arena, char, p);
    memset(nines, '9', p);
    Slice period = {number->text.data + number->text.size - p, p};
    Expr *rest = expr_two(r->w, EX_QUOTIENT, expr_number(r->w, period, number->exp10),
                          expr_number(r->w, (Slice){nines, p}, 0));
    return expr_two(r->w, EX_SUM, expr_number(r->w, number->text, number->exp10), rest);
}

Expr *grammar_number(Reader *r) {
    const Token *t = r->t++;
    bool point = !t->plain && (t->exp10 < 0 || t->end[-1] == '.' || t->id == 1) &&
                 !memchr(t->begin, 'e', (size_t)(t->end - t->begin)) &&
                 !memchr(t->begin, 'E', (size_t)(t->end - t->begin));
    if (point && (token_is(r->t, MARK_OVERLINE) || token_is(r->t, MARK_DOT_ACCENT)))
        return take_period(r, t);
    if (point && t->end[-1] == '.' && token_is(r->t, '(') && !r->t->space &&
        r->t[1].kind == TK_NUMBER)
        return take_period(r, t);
    if (point && token_is(r->t, MARK_DOTS)) return take_dots(r, t);
    return expr_number(r->w, t->text, t->exp10);
}

// digits_base, (digits)_base, A5_{16}: `digits` may hold letters.
Expr *grammar_based(Reader *r, Slice digits) {
    static const struct {
        const char *word;
        int base;
    } words[] = {{"two", 2},  {"three", 3},   {"four", 4},    {"five", 5},
                 {"six", 6},  {"seven", 7},   {"eight", 8},   {"nine", 9},
                 {"ten", 10}, {"twelve", 12}, {"sixteen", 16}};
    int base = 0;
    r->t++; // '_'
    bool brace = reader_take(r, '{'), round = reader_take(r, '(');
    if (r->t->kind == TK_NUMBER && r->t->plain && r->t->text.size <= 2 && *r->t->text.data != '0') {
        for (size_t i = 0; i < r->t->text.size; i++) base = base * 10 + (r->t->text.data[i] - '0');
        r->t++;
    } else if (r->t->kind == TK_WORD || r->t->kind == TK_LETTER) {
        Slice word = r->t->kind == TK_WORD ? r->t->text : (Slice){r->t->begin, r->t->run};
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (words_equal(word, slice_of(words[i].word), false)) base = words[i].base;
        r->t += r->t->kind == TK_WORD ? 1 : r->t->run ? r->t->run : 1;
    }
    if (round && !reader_take(r, ')')) return NULL;
    if (brace && !reader_take(r, '}')) return NULL;
    if (base < 2 || base > 36 || !digits.size || digits.size > 200) return NULL;
    while (digits.size > 1 && *digits.data == '0') digits.data++, digits.size--;
    for (size_t i = 0; i < digits.size; i++) {
        int c = toupper((unsigned char)digits.data[i]);
        if ((isdigit(c) ? c - '0' : c - 'A' + 10) >= base) return NULL;
    }
    if (base == 10) return expr_number(r->w, digits, 0);
    return expr_leaf(r->w, EX_BASED, base, digits);
}

// A5_{16}, \text{AB}_{16}, (1A)_{16}: digits with letters; NULL without moving if it is none.
Expr *grammar_letter_digits(Reader *r) {
    Token *t = r->t;
    bool bracket = token_is(t, '(');
    t += bracket;
    const Token *first = t;
    char *digits = ARENA_ARRAY(r->w->arena, char, 64);
    size_t n = 0;
    bool letter = false;
    for (; n < 40; t++) {
        bool word = t->kind == TK_WORD && t->text.size <= 16;
        bool capital = t->kind == TK_LETTER && t->id == 0 && t->text.size == 1 &&
                       isupper((unsigned char)*t->text.data);
        if (t != first && t->space) break;
        if (!word && !capital && !(t->kind == TK_NUMBER && t->plain && t->text.size < 20)) break;
        for (size_t i = 0; word && i < t->text.size; i++)
            if (!isdigit((unsigned char)t->text.data[i]) &&
                !isupper((unsigned char)t->text.data[i]))
                return NULL;
        memcpy(digits + n, t->text.data, t->text.size);
        n += t->text.size;
        letter |= word || capital;
    }
    if (bracket && !token_is(t++, ')')) return NULL;
    if (!letter || n < 2 || !token_is(t, '_')) return NULL;
    Token *from = r->t;
    r->t = t;
    Expr *e = grammar_based(r, (Slice){digits, n});
    if (!e) r->t = from;
    return e;
}
