// verifiers/math/tree/reader.c -- lists, relations and words; sums are in term.c, atoms in atom.c.
#include "verifiers/math/tree/reader.h"

#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/wording.h"

enum { MAX_TEXTS = 32, MAX_CALL_SPAN = 64 };

bool reader_enter(Reader *r) {
    if (r->w->over) return false;
    if (++r->depth > MATH_MAX_DEPTH) {
        r->w->over = "too deep";
        return false;
    }
    return true;
}

void reader_leave(Reader *r) {
    r->depth--;
}

// ---- items that are words

bool grammar_ends_item(const Token *t) {
    if (t->kind == TK_END) return true;
    if (t->kind != TK_MARK) return false;
    switch (t->id) {
    case ',':
    case ';':
    case '&':
    case ')':
    case ']':
    case '}':
    case MARK_AND:
    case MARK_LINE:
    case MARK_ROW:
    case MARK_END:
    case MARK_OVER:
    case MARK_CHOOSE:
    case MARK_SET_CLOSE:
    case MARK_ANGLE_CLOSE: return true;
    default: return false;
    }
}

static int opens(const Token *t) {
    if (t->kind != TK_MARK) return 0;
    switch (t->id) {
    case '(':
    case '[':
    case '{':
    case MARK_SET_OPEN:
    case MARK_ANGLE_OPEN:
    case MARK_BEGIN: return 1;
    case ')':
    case ']':
    case '}':
    case MARK_SET_CLOSE:
    case MARK_ANGLE_CLOSE:
    case MARK_END: return -1;
    default: return 0;
    }
}

Expr *grammar_text(Reader *r, Token *from) {
    int nested = 0;
    bool words = false;
    if (r->w->over || ++r->texts > MAX_TEXTS) return NULL;
    for (r->t = from; r->t->kind != TK_END; r->t++) {
        if (nested == 0 && grammar_ends_item(r->t)) break;
        nested += opens(r->t);
        words |=
            r->t->kind == TK_WORD || (r->t->kind == TK_LETTER && (r->t->run >= 2 || r->t->plain));
    }
    if (!words) return NULL;
    const char *end =
        r->t->kind == TK_END || r->t->begin < from->begin ? r->t[-1].end : r->t->begin;
    if (end < from->begin) return NULL;
    Slice text = words_normal(r->w, (Slice){from->begin, (size_t)(end - from->begin)});
    return text.size ? expr_leaf(r->w, EX_TEXT, 0, text) : NULL;
}

static bool is_among(const Token *t, int n, const char *letters) {
    for (int i = 0; i < n; i++)
        if (!strchr(letters, tolower((unsigned char)*t[i].text.data))) return false;
    return true;
}

static bool is_one_of(const Token *t, int n, const char *const *words) {
    char spelt[8] = {0};
    for (int i = 0; i < n && i < 7; i++) spelt[i] = (char)tolower((unsigned char)*t[i].text.data);
    for (; *words; words++)
        if (strcmp(*words, spelt) == 0) return true;
    return false;
}

// Two or three letters side by side that are an answer: xyz, mgh, abc are products, whose factors
// commute; cat, red, no are words. A word has a vowel; products of the first letters or the last
// ones of the alphabet have them as well.
static bool is_short_word(const Token *t) {
    static const char *const words[] = {"no",  "on",  "so",  "ok",  "if",  "of",  "up",  "us", "we",
                                        "add", "bad", "cab", "dab", "dad", "bay", "cay", NULL};
    if (is_one_of(t, t->run, words)) return true;
    if (t->run < 3 || is_among(t, t->run, "bcdfghjklmnpqrstvwxz")) return false;
    return !is_among(t, t->run, "abcd") && !is_among(t, t->run, "abcxyz") &&
           !is_among(t, t->run, "uvwxyz");
}

// An item of letters alone is a word, not a product: Navin, CBAD, even.
static bool is_plain_word(const Token *t) {
    if (t->kind != TK_LETTER || t->run < 2) return false;
    bool upper = true;
    for (int i = 0; i < t->run; i++) upper &= isupper((unsigned char)*t[i].text.data) != 0;
    const Token *next = t + t->run;
    bool month = isupper((unsigned char)*t->text.data) && t->run >= 3 && !upper && next->space &&
                 next->kind == TK_NUMBER; // July 4
    return month || ((upper || t->run >= 4 || is_short_word(t)) && grammar_ends_item(next));
}

// "Bob is taller": a short word, then only words up to the end of the item.
static bool is_prose(const Token *t) {
    int words = 0;
    bool longer = false;
    for (; !grammar_ends_item(t); words++) {
        if (words && !t->space) return false;
        if (t->kind == TK_WORD) {
            longer = true, t++;
        } else if (t->kind == TK_LETTER && t->run) {
            longer |= t->run >= 3, t += t->run;
        } else {
            return false;
        }
    }
    return words >= 2 && longer;
}

Expr *grammar_item(Reader *r) {
    Token *from = r->t;
    int bars = r->bars, depth = r->depth;
    if (is_plain_word(from) || (from->kind == TK_LETTER && from->run >= 2 && is_prose(from)))
        return grammar_text(r, from);
    Expr *e = grammar_relation(r);
    if (e && grammar_ends_item(r->t)) return e;
    if (r->w->over) return NULL;
    r->bars = bars;
    r->depth = depth;
    r->unit = (Slice){NULL, 0};
    return grammar_text(r, from);
}

// ---- lists

static bool take_separator(Reader *r, char *op) {
    bool any = false;
    while (token_is(r->t, ',') || token_is(r->t, ';') || token_is(r->t, MARK_AND) ||
           token_is(r->t, MARK_LINE)) {
        if (token_is(r->t, MARK_LINE)) { // "x = 1, \\ y = 2"
            any = true;
            r->t++;
            continue;
        }
        if (token_is(r->t, MARK_AND)) {
            *op = memmem(r->t->text.data, r->t->text.size, "or", 2) ? 'o' : 'a';
        } else if (any) {
            return false;
        }
        any = true;
        r->t++;
    }
    return any;
}

Expr *grammar_list(Reader *r) {
    Expr *first = grammar_item(r), *list = NULL;
    char op = ',';
    while (first) {
        Token *at = r->t;
        if (!take_separator(r, &op)) {
            if (r->t != at) first = NULL;
            break;
        }
        Expr *next = grammar_item(r);
        if (!next) {
            first = NULL;
            break;
        }
        if (!list) {
            list = expr_new(r->w, EX_LIST);
            expr_add(list, first);
        }
        expr_add(list, next);
    }
    if (!first || !list) return first;
    list->op = (uint16_t)op;
    return expr_done(r->w, list);
}

Expr *grammar_fraction(Reader *r) {
    Expr *e = grammar_list(r);
    if (!e || !(token_is(r->t, MARK_OVER) || token_is(r->t, MARK_CHOOSE))) return e;
    bool over = token_is(r->t++, MARK_OVER);
    Expr *below = grammar_list(r);
    return below ? expr_two(r->w, over ? EX_QUOTIENT : EX_BINOMIAL, e, below) : NULL;
}

// ---- statements

// f(x) and a_n(k) before "=": a name, not a product.
static void find_name(Reader *r) {
    const Token *t = r->t;
    if (t->kind != TK_LETTER) return;
    const Token *open = t + 1;
    while (token_is(open, '\'')) open++;
    if (token_is(open, '_')) {
        open++;
        if (token_is(open, '{'))
            while (open->kind != TK_END && !token_is(open, '}')) open++;
        if (open->kind != TK_END) open++;
    }
    if (token_is(open, '^') && token_is(open + 1, '{')) // f^{-1}(x)
        for (open++; open->kind != TK_END && !token_is(open - 1, '}');) open++;
    if (!token_is(open, '(')) return;
    int nested = 0;
    for (int i = 0; i < MAX_CALL_SPAN && open->kind != TK_END; i++, open++) {
        nested += opens(open);
        if (nested == 0) break;
    }
    if (token_is(open, ')') && token_is(open + 1, MARK_RELATION)) r->apply = t;
}

static Expr *grammar_union(Reader *r) {
    Expr *e = grammar_sum(r);
    while (e &&
           (token_is(r->t, MARK_CUP) || token_is(r->t, MARK_CAP) || token_is(r->t, MARK_WITHOUT))) {
        int id = (r->t++)->id;
        ExprKind kind = id == MARK_CUP ? EX_UNION : id == MARK_CAP ? EX_INTERSECTION : EX_WITHOUT;
        Expr *next = grammar_sum(r);
        if (!next) return NULL;
        if (e->kind == kind && kind != EX_WITHOUT) {
            expr_add(e, next);
            e = expr_done(r->w, e);
        } else {
            e = expr_two(r->w, kind, e, next);
        }
    }
    return e;
}

// 12:05 may be an hour: two digits of minutes behind one or two.
static bool is_clock(const Token *hour, const Token *minute) {
    return minute == hour + 2 && hour->kind == TK_NUMBER && hour->plain && hour->text.size <= 2 &&
           minute->kind == TK_NUMBER && minute->plain && minute->text.size == 2 &&
           *minute->text.data < '6';
}

static Expr *grammar_ratio(Reader *r) {
    const Token *begin = r->t, *part = begin;
    Expr *e = grammar_union(r);
    if (!e || !token_is(r->t, ':') || r->sets) return e;
    Expr *ratio = expr_new(r->w, EX_RATIO);
    Slice unit = {NULL, 0};
    expr_add(ratio, e);
    while (reader_take(r, ':')) {
        part = r->t;
        Expr *last = grammar_union(r);
        if (!last || !ratio || unit.data) return NULL;
        if (last->kind == EX_UNIT) unit = last->text, last = last->first; // 4:30 p.m.
        expr_add(ratio, last);
    }
    if (!ratio) return NULL;
    ratio->flag = is_clock(begin, part);
    ratio->op = ratio->flag && *part->text.data == '0'; // 7:05 is no ratio
    ratio = expr_done(r->w, ratio);
    if (!unit.data || !ratio) return ratio;
    Expr *with = expr_new(r->w, EX_UNIT);
    if (!with) return NULL;
    with->text = unit;
    expr_add(with, ratio);
    return expr_done(r->w, with);
}

static bool is_modulus(const Token *t) {
    if (token_is(t, '(')) t++;
    return token_is(t, MARK_PMOD) || token_is(t, MARK_BMOD);
}

Expr *grammar_relation(Reader *r) {
    const Token *outer = r->apply;
    if (token_is(r->t, MARK_RELATION) &&
        (r->t->exp10 == RELATION_EQ || r->t->exp10 == RELATION_APPROX))
        r->t++; // "= 5"
    find_name(r);
    Expr *first = grammar_ratio(r), *chain = NULL;
    while (first && token_is(r->t, MARK_RELATION)) {
        int relation = (r->t++)->exp10;
        find_name(r);
        Expr *next = grammar_ratio(r);
        if (!next) {
            first = NULL;
            break;
        }
        if (!chain) {
            chain = expr_new(r->w, EX_RELATION);
            expr_add(chain, first);
        }
        next->relation = (uint16_t)relation;
        expr_add(chain, next);
    }
    r->apply = outer;
    if (!first) return NULL;
    if (chain && first->kind == EX_APPLY && !is_modulus(r->t)) // f(x) \equiv 0: everywhere
        for (Expr *c = first->next; c; c = c->next)
            if (c->relation == RELATION_CONGRUENT) c->relation = RELATION_EQ;
    bool round = token_is(r->t, '(') && token_is(r->t + 1, MARK_PMOD);
    r->t += round;
    if (token_is(r->t, MARK_PMOD) || token_is(r->t, MARK_BMOD)) {
        bool bare = token_is(r->t, MARK_BMOD); // 17 \bmod 5 is a number
        r->t++;
        Expr *modulus = grammar_argument(r, false);
        if (round && !reader_take(r, ')')) return NULL;
        Expr *whole = chain ? expr_done(r->w, chain) : first;
        if (!chain && bare && modulus && !(modulus->has & HAS_OBJECT)) {
            Expr *rest = expr_two(r->w, EX_CALL, first, modulus);
            if (!rest) return NULL;
            rest->op = FN_MOD;
            return expr_done(r->w, rest);
        }
        Expr *mod = expr_two(r->w, EX_APPLY, whole, modulus);
        if (!mod) return NULL;
        mod->text = (Slice){"mod", 3};
        return expr_done(r->w, mod);
    }
    return chain ? expr_done(r->w, chain) : first;
}

Expr *reader_read(Work *w, Slice text, bool group, bool *grouped) {
    Tokens tokens;
    *grouped = false;
    text = slice_trim(text);
    while (text.size && !(text.size > 1 && memcmp(text.data + text.size - 2, "..", 2) == 0) &&
           strchr(",;.", text.data[text.size - 1]) && text.data[text.size - 1] &&
           !(text.size > 1 && text.data[text.size - 2] == '\\')) // the end of a sentence; not "\,"
        text = slice_trim((Slice){text.data, text.size - 1});
    if (text.size > MATH_MAX_BYTES) {
        w->over = "too long";
        return NULL;
    }
    Expr *phrase = phrase_read(w, text, group, grouped);
    if (phrase) return phrase;
    if (!latex_tokens(w, text, group, &tokens)) return NULL;
    *grouped = tokens.grouped;
    if (!tokens.n) return NULL;
    differential_mark(tokens.token);
    plainsign_mark(tokens.token);
    Reader r = {.w = w, .t = tokens.token, .first = tokens.token};
    Expr *e = tokens.bad ? NULL : grammar_fraction(&r);
    if (e && r.t->kind == TK_END) return e;
    if (w->over) return NULL;
    bool letters = false; // not mathematics: words, if there are any
    for (size_t i = 0; i + 1 < text.size; i++)
        letters |=
            (isalpha((unsigned char)text.data[i]) && isalpha((unsigned char)text.data[i + 1])) ||
            (text.data[i] & 0x80);
    if (!letters || memchr(text.data, '\\', text.size)) {
        Slice plain = words_normal(w, text);
        bool words = false;
        for (size_t i = 0; i < plain.size; i++) words |= isalpha((unsigned char)plain.data[i]) != 0;
        if (!words || memchr(text.data, '\\', text.size) || tokens.bad) return NULL;
    }
    Slice plain = words_normal(w, text);
    return plain.size ? expr_leaf(w, EX_TEXT, 0, plain) : NULL;
}
