// verifiers/math/tree/differential.c -- pairs of tokens that are one symbol: dy, d^2y, \partial f.
#include <string.h>

#include "verifiers/math/tree/grammar.h"

enum { MAX_SPAN = 64 }; // tokens of one side of a quotient that are looked at

static bool is_d(const Token *t) {
    return t->kind == TK_LETTER && t->text.size == 1 && *t->text.data == 'd';
}

static bool is_named(const Token *t, const char *name) {
    return t->kind == TK_LETTER && t->id == 1 && t->text.size == strlen(name) &&
           memcmp(t->text.data, name, t->text.size) == 0;
}

// \partial and the like: no letter of their own, always a part of what follows.
static bool is_operator_sign(const Token *t) {
    return is_named(t, "partial") || is_named(t, "nabla") || is_named(t, "Delta") ||
           is_named(t, "delta");
}

// Behind "^2" or "^{2}"; `t` itself if there is no such power.
static const Token *behind_power(const Token *t) {
    if (!token_is(t, '^')) return t;
    if (t[1].kind == TK_NUMBER || t[1].kind == TK_LETTER) return t + 2;
    if (token_is(t + 1, '{') && (t[2].kind == TK_NUMBER || t[2].kind == TK_LETTER) &&
        token_is(t + 3, '}'))
        return t + 4;
    return t;
}

// The letter behind d, d^2 or \partial; NULL if there is none.
static const Token *letter_of(const Token *t) {
    if (!is_d(t) && !is_operator_sign(t)) return NULL;
    const Token *next = behind_power(t + 1);
    if (next->kind != TK_LETTER) return NULL;
    if (is_named(t, "delta") && next->id) return NULL; // \delta\epsilon is a product
    return is_d(next) && next->id == 0 && next[1].kind == TK_LETTER ? NULL : next;
}

static int step(const Token *t) {
    if (t->kind != TK_MARK) return 0;
    return t->id == '(' || t->id == '{' || t->id == '[' || t->id == MARK_SET_OPEN    ? 1
           : t->id == ')' || t->id == '}' || t->id == ']' || t->id == MARK_SET_CLOSE ? -1
                                                                                     : 0;
}

// One side of a quotient: the tokens from `begin` up to `end`.
typedef struct QuotientSide {
    Token *begin, *end;
} QuotientSide;

static bool same_letter(const Token *a, const Token *b) {
    return a->text.size == b->text.size && memcmp(a->text.data, b->text.data, a->text.size) == 0;
}

static bool holds_letter(QuotientSide s, const Token *letter) {
    for (const Token *t = s.begin; t < s.end; t++)
        if (t->kind == TK_LETTER && same_letter(t, letter)) return true;
    return false;
}

static bool holds_pair(QuotientSide s) {
    for (const Token *t = s.begin; t < s.end; t++)
        if (is_d(t) && letter_of(t) && letter_of(t) < s.end) return true;
    return false;
}

// d alone, or d^2: the operator of \frac{d}{dx}.
static bool is_bare(QuotientSide s) {
    return s.begin < s.end && (is_d(s.begin) || is_named(s.begin, "partial")) &&
           behind_power(s.begin + 1) == s.end;
}

static void mark_pairs(QuotientSide s, QuotientSide other, bool both) {
    for (Token *t = s.begin; t < s.end; t++) {
        const Token *letter = is_d(t) ? letter_of(t) : NULL;
        if (letter && letter < s.end && (both || holds_letter(other, letter)))
            t->differential = true;
    }
}

static void mark_quotient(QuotientSide up, QuotientSide down) {
    bool both = holds_pair(down) && (holds_pair(up) || is_bare(up));
    if (both && is_bare(up)) up.begin->differential = true;
    mark_pairs(up, down, both);
    mark_pairs(down, up, both);
}

// "{...}" at t; its end is behind the brace. An empty side if there is no group.
static QuotientSide group_at(Token *t, Token **behind) {
    QuotientSide none = {t, t};
    *behind = t;
    if (!token_is(t, '{')) return none;
    int open = 0;
    for (Token *p = t; p->kind != TK_END; p++) {
        open += step(p);
        if (open == 0) {
            *behind = p + 1;
            return (QuotientSide){t + 1, p};
        }
    }
    return none;
}

static bool ends_side(const Token *t) {
    if (t->kind == TK_END) return true;
    if (t->kind != TK_MARK) return false;
    switch (t->id) {
    case '+':
    case '-':
    case '/':
    case ',':
    case ';':
    case '&':
    case MARK_RELATION:
    case MARK_PM:
    case MARK_MP:
    case MARK_AND:
    case MARK_ROW:
    case MARK_LINE: return true;
    default: return false;
    }
}

// What is on both sides of a slash.
static void mark_slash(Token *first, Token *slash) {
    QuotientSide up = {slash, slash}, down = {slash + 1, slash + 1};
    int open = 0;
    for (int i = 0; i < MAX_SPAN && up.begin > first; i++) {
        Token *t = up.begin - 1;
        open -= step(t);
        if (open < 0 || (open == 0 && ends_side(t))) break;
        up.begin = t;
    }
    open = 0;
    for (int i = 0; i < MAX_SPAN && down.end->kind != TK_END; i++) {
        open += step(down.end);
        if (open < 0 || (open == 0 && (ends_side(down.end) || token_is(down.end, '*')))) break;
        down.end++;
    }
    mark_quotient(up, down);
}

// \frac{d}{dx} y as \frac{dy}{dx}: the letter moves into the numerator.
static void apply_operator(QuotientSide up, Token *behind) {
    if (!is_bare(up) || behind->kind != TK_LETTER || behind->plain) return;
    Token letter = *behind;
    memmove(up.end + 1, up.end, (size_t)(behind - up.end) * sizeof letter);
    *up.end = letter;
}

void differential_mark(Token *first) {
    for (Token *t = first; t->kind != TK_END; t++) {
        if (t->kind != TK_MARK) continue;
        if (token_is(t, MARK_FRAC)) {
            Token *behind, *end;
            QuotientSide up = group_at(t + 1, &behind), down = group_at(behind, &end);
            if (up.begin == up.end || down.begin == down.end) continue;
            if (is_bare(up) && (holds_pair(down) || letter_of(down.begin))) {
                apply_operator(up, end);
                up = group_at(t + 1, &behind), down = group_at(behind, &end);
            }
            mark_quotient(up, down);
        } else if (token_is(t, '/') || token_is(t, MARK_OVER)) {
            mark_slash(first, t);
        }
    }
}

Expr *grammar_differential(Reader *r) {
    const Token *t = r->t, *letter = letter_of(t);
    if (!(is_d(t) ? t->differential : is_operator_sign(t))) return NULL;
    if (!letter) {
        if (!t->differential) return NULL;
        r->t++; // d alone, over dx
        const Token *behind = behind_power(r->t);
        Slice name = slice_of("d operator");
        if (behind != r->t)
            name = grammar_join(r, name, '^',
                                (Slice){r->t->begin, (size_t)(behind[-1].end - r->t->begin)});
        r->t = (Token *)behind;
        return expr_leaf(r->w, EX_SYMBOL, 0, name);
    }
    // the sign, its power without braces, the letter with its scripts
    Slice name = t->text;
    for (const Token *p = t + 1; p < letter; p++)
        if (p->kind != TK_MARK) name = grammar_join(r, name, '^', p->text);
    r->t = (Token *)letter + 1;
    Slice of = letter->text;
    if (!grammar_name_tail(r, &of)) return NULL;
    return expr_leaf(r->w, EX_SYMBOL, 0, grammar_join(r, name, ' ', of));
}
