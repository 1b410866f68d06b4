// verifiers/math/tree/name.c -- letters with their scripts, primes and accents; f(x).
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/grammar.h"

// The text of a subscript: a group, or one token; without blanks and braces. In the arena.
Slice grammar_script(Reader *r) {
    char *out = ARENA_ARRAY(r->w->arena, char, 64);
    size_t n = 0;
    int nested = 0;
    do {
        const Token *t = r->t;
        if (t->kind == TK_END) return (Slice){NULL, 0};
        r->t++;
        if (token_is(t, '{')) {
            nested++;
        } else if (token_is(t, '}')) {
            nested--;
        } else {
            Slice s = t->text.data ? t->text : (Slice){t->begin, (size_t)(t->end - t->begin)};
            Slice bound = reader_bound(r, t);
            if (bound.data) s = bound;
            if (n + s.size > 60) return (Slice){NULL, 0};
            memcpy(out + n, s.data, s.size);
            n += s.size;
        }
    } while (nested > 0);
    return (Slice){out, n};
}

Slice grammar_join(Reader *r, Slice a, char with, Slice b) {
    char *out = ARENA_ARRAY(r->w->arena, char, a.size + b.size + 1);
    memcpy(out, a.data, a.size);
    out[a.size] = with;
    memcpy(out + a.size + 1, b.data, b.size);
    return (Slice){out, a.size + b.size + 1};
}

// Subscripts and primes behind a name.
bool grammar_name_tail(Reader *r, Slice *name) {
    enum { LONGEST = 200 };
    for (;;) {
        if (name->size > LONGEST) return false;
        if (token_is(r->t, '\'')) {
            r->t++;
            *name = grammar_join(r, *name, '\'', (Slice){"", 0});
        } else if (token_is(r->t, '_')) {
            r->t++;
            Slice script = grammar_script(r);
            if (!script.data) return false;
            *name = grammar_join(r, *name, '_', script);
        } else {
            return true;
        }
    }
}

static Expr *take_arguments(Reader *r, Slice name) {
    Expr *call = expr_new(r->w, EX_APPLY);
    if (!call) return NULL;
    call->text = name;
    r->t++; // the bracket
    if (reader_take(r, ')')) return expr_done(r->w, call);
    int sets = r->sets;
    r->sets = name.size && *name.data == 'P'; // P(A | B)
    do {
        Expr *e = grammar_relation(r);
        if (!e) return NULL;
        expr_add(call, e);
    } while (reader_take(r, ',') || reader_take(r, ';') ||
             (r->sets && (reader_take(r, '|') || reader_take(r, MARK_MID))));
    r->sets = sets;
    return reader_take(r, ')') ? expr_done(r->w, call) : NULL;
}

static bool names_function(const Reader *r, const Token *t, Slice name) {
    if (t == r->apply) return true;
    const Token *open = r->t;
    if (!token_is(open, '(')) return false;
    bool certain = (t->id == 0 && name.size == 1 && strchr("fgFG", *name.data)) ||
                   (t->id == 1 && t->text.size == 3 &&
                    (memcmp(t->text.data, "phi", 3) == 0 || memcmp(t->text.data, "psi", 3) == 0 ||
                     memcmp(t->text.data, "Phi", 3) == 0)) ||
                   memchr(name.data, '\'', name.size);
    if (certain) return true;
    // h(x), P(n): one letter or number alone inside
    return name.size >= 1 && strchr("hHPQpq", *name.data) &&
           (open[1].kind == TK_LETTER || open[1].kind == TK_NUMBER) && token_is(open + 2, ')');
}

// x1 is x_1: a digit right behind a letter is its index. Not behind i: 3+i2 is a complex number.
static bool has_index(const Token *letter) {
    const Token *digits = letter + 1;
    bool imaginary = letter->id == 0 && letter->text.size == 1 && *letter->text.data == 'i';
    return digits->kind == TK_NUMBER && digits->plain && digits->begin == letter->end && !imaginary;
}

Expr *grammar_letter(Reader *r) {
    Expr *differential = grammar_differential(r);
    if (differential || r->w->over) return differential;
    const Token *t = r->t++;
    Slice name = t->text;
    Slice bound = reader_bound(r, t);
    if (bound.data && !token_is(r->t, '_') && !token_is(r->t, '\''))
        return expr_leaf(r->w, EX_SYMBOL, 0, bound);
    if (t != r->alone && has_index(t)) name = grammar_join(r, name, '_', (r->t++)->text);
    if (!grammar_name_tail(r, &name)) return NULL;
    if (t == r->apply && reader_take(r, '^')) { // f^{-1}(x) = ...
        Slice script = grammar_script(r);
        if (!script.data) return NULL;
        name = grammar_join(r, name, '^', script);
    }
    if (names_function(r, t, name) && token_is(r->t, '(')) return take_arguments(r, name);
    bool bare = name.size == 1 && t->id == 0;
    if (bare && *name.data == 'e') return expr_leaf(r->w, EX_CONSTANT, 'e', slice_of(""));
    if (bare && (*name.data == 'i' || (*name.data == 'j' && r->w->rules->engineering_j)))
        return expr_leaf(r->w, EX_CONSTANT, 'i', slice_of(""));
    Expr *symbol = expr_leaf(r->w, EX_SYMBOL, 0, name);
    if (symbol) symbol->flag = t->bold;
    return symbol;
}

// \overline{AB}, \vec{v}, \angle ABC: one name.
Expr *grammar_decorated(Reader *r, Slice prefix) {
    Slice name = grammar_script(r);
    if (!name.data) return NULL;
    name = grammar_join(r, prefix, ' ', name);
    return grammar_name_tail(r, &name) ? expr_leaf(r->w, EX_SYMBOL, 0, name) : NULL;
}

Expr *grammar_angle(Reader *r) {
    r->t++;
    if (token_is(r->t, '{')) return grammar_decorated(r, slice_of("angle"));
    Slice name = slice_of("angle");
    int n = 0;
    while (r->t->kind == TK_LETTER && n++ < 8) {
        Slice letter = (r->t++)->text;
        if (!grammar_name_tail(r, &letter)) return NULL;
        name = grammar_join(r, name, ' ', letter);
    }
    if (r->t->kind == TK_NUMBER && !n) name = grammar_join(r, name, ' ', (r->t++)->text), n++;
    return n ? expr_leaf(r->w, EX_SYMBOL, 0, name) : NULL;
}
