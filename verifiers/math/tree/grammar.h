// verifiers/math/tree/grammar.h -- what reader.c and atom.c share: the cursor of the descent.
//
// Floor 3 (verifiers).
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
    int depth;                   // of the descent
    int bars;                    // open | of an absolute value
    int sets;                    // inside \{: a bar is "such that"
    int texts;                   // items that were read as words
    Slice unit;                  // of the term just read
    Slice bound[EXPR_MAX_BOUND]; // the letters of the sums around
    int n_bound;
} Reader;

bool reader_enter(Reader *r); // false: too deep (w->over is set)
void reader_leave(Reader *r);
bool reader_take(Reader *r, int mark);
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
bool grammar_starts_atom(const Reader *r); // may stand behind a factor without a sign
// One argument of \frac, \sqrt, ^: a group or one token; a digit of a number counts alone if
// `one_digit`.
Expr *grammar_argument(Reader *r, bool one_digit);
// Fails (NULL) or a text; `from` is the first token.
Expr *grammar_text(Reader *r, Token *from);

#ifdef __cplusplus
}
#endif
#endif
