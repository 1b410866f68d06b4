// verifiers/math/tree/grammar.h -- what the files of the descent share: its cursor and its rules.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_TREE_GRAMMAR_H
#define VERIFIERS_MATH_TREE_GRAMMAR_H

#include "verifiers/math/tree/latex.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Reader {
    Work *w;
    Token *t;                    // the next token
    const Token *first;          // of all
    const Token *apply;          // a letter that is a function's name whatever follows: f(x) = ...
    const Token *alone;          // a letter that is an argument by itself: \frac r2
    int depth;                   // of the descent
    int bars;                    // open | of an absolute value
    int sets;                    // inside \{: a bar is "such that"
    int texts;                   // items that were read as words
    Slice unit;                  // the words behind the term just read, as they were written
    Slice currency;              // a sign before it: $5 million
    const Token *unit_after;     // the token before these words
    Expr *algebra;               // the term with the letters of its unit as factors, or NULL
    bool no_units;               // letters are factors
    Slice bound[EXPR_MAX_BOUND]; // the letters of the sums around
    int n_bound;
} Reader;

bool reader_enter(Reader *r); // false: too deep (w->over is set)
void reader_leave(Reader *r);
static inline bool reader_take(Reader *r, int mark) {
    if (!token_is(r->t, mark)) return false;
    r->t++;
    return true;
}
// The name of a letter that a \sum around binds, innermost first; NULL of another.
Slice reader_bound(const Reader *r, const Token *t);

Expr *grammar_list(Reader *r);     // an answer, up to a closing token
Expr *grammar_fraction(Reader *r); // a list, or two with \over or \choose between them
Expr *grammar_item(Reader *r);     // words allowed
Expr *grammar_relation(Reader *r);
Expr *grammar_sum(Reader *r);
Expr *grammar_term(Reader *r);
Expr *grammar_factor(Reader *r); // an atom and what is attached to it
Expr *grammar_atom(Reader *r);
Expr *grammar_big(Reader *r);              // \sum, \int, \lim and what belongs to them
bool grammar_starts_atom(const Reader *r); // may follow a factor without a sign
// One argument of \frac, \sqrt, ^: a group or one token; a digit of a number counts alone if
// `one_digit`.
Expr *grammar_argument(Reader *r, bool one_digit);
bool grammar_ends_item(const Token *t);
// ---- words behind a value (quantity.c)

// Do they begin at r->t? 2: with letters that no \text frames, which may be factors as well.
int grammar_starts_unit(const Reader *r, const Expr *value);
bool grammar_take_unit(Reader *r); // up to the end of the item, into r->unit; false: refused
// The value with what r->unit says of it; NULL if that makes no sense.
Expr *grammar_quantity(Reader *r, Expr *value);

// ---- parts of an atom, r->t on its first token unless it says otherwise

Expr *grammar_letter(Reader *r);
// dy and \partial f as one symbol; NULL without moving if it is none.
Expr *grammar_differential(Reader *r);
// Finds the d of derivatives: those of a quotient that would cancel if d were a factor. dx in an
// integral and dn in a + dn stay products.
void differential_mark(Token *first);
// Turns the < > of a vector, the { } of {x | x > 1} and the U of a union into what they mean.
void plainsign_mark(Token *first);
Expr *grammar_decorated(Reader *r, Slice prefix); // behind \overline, \vec: one name
Expr *grammar_angle(Reader *r);
// The text of a subscript: a group, or one token; without blanks and braces. In the arena.
Slice grammar_script(Reader *r);
Slice grammar_join(Reader *r, Slice a, char with, Slice b);
bool grammar_name_tail(Reader *r, Slice *name); // subscripts and primes behind a name

Expr *grammar_number(Reader *r);
// digits_base, (digits)_base, A5_{16}: `digits` may hold letters; r->t on the _.
Expr *grammar_based(Reader *r, Slice digits);
// A5_{16}, \text{AB}_{16}, (1A)_{16}: digits with letters; NULL without moving if it is none.
Expr *grammar_letter_digits(Reader *r);

Expr *grammar_bracketed(Reader *r, int open); // r->t behind the opening bracket
Expr *grammar_group(Reader *r);
Expr *grammar_paired(Reader *r, ExprKind kind, int close);
Expr *grammar_norm(Reader *r);
Expr *grammar_environment(Reader *r);

// Fails (NULL) or a text; `from` is the first token.
Expr *grammar_text(Reader *r, Token *from);

// ---- words around a formula that are part of its meaning (phrase.c)

// "for all x", "n >= 1" in brackets behind a formula, "all reals except 2", "only p = 2". A list
// with op 'd': the formula, then conditions on its letters. The formula alone where the phrase says
// nothing more ("for all x"). A set without some of its elements. NULL where there is no such
// phrase: the text is read as any other.
Expr *phrase_read(Work *w, Slice text, bool group, bool *grouped);

#ifdef __cplusplus
}
#endif
#endif
