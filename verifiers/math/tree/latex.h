// verifiers/math/tree/latex.h -- LaTeX and plain-text mathematics as a row of tokens.
//
// Layer 3 (verifiers). One pass, linear. White space, sizes, fonts, dollar signs are gone; the
// hundred ways to write a relation or a times sign are one. A number is one token with its
// separators of thousands taken out.
#ifndef VERIFIERS_MATH_TREE_LATEX_H
#define VERIFIERS_MATH_TREE_LATEX_H

#include <stdbool.h>
#include <stdint.h>

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

// A token is a MARK (id = its ASCII character, or a MARK_ name) or carries text.
typedef enum TokenKind { TK_END, TK_MARK, TK_NUMBER, TK_LETTER, TK_WORD, TK_FUNCTION } TokenKind;

typedef enum MarkId {
    MARK_PM = 256,
    MARK_MP,
    MARK_SET_OPEN,
    MARK_SET_CLOSE,
    MARK_FLOOR_OPEN,
    MARK_FLOOR_CLOSE,
    MARK_CEIL_OPEN,
    MARK_CEIL_CLOSE,
    MARK_ANGLE_OPEN,
    MARK_ANGLE_CLOSE,
    MARK_BAR_OPEN,
    MARK_BAR_CLOSE,
    MARK_DOUBLE_BAR,
    MARK_CUP,
    MARK_CAP,
    MARK_WITHOUT,
    MARK_FRAC,
    MARK_SQRT,
    MARK_BINOM,
    MARK_OVER,
    MARK_CHOOSE,
    MARK_DOTS,
    MARK_ROW,
    MARK_LINE, // a line ends outside of every table
    MARK_BEGIN,
    MARK_END,
    MARK_AND,
    MARK_DEGREE,
    MARK_EMPTY,
    MARK_OVERLINE,
    MARK_DOT_ACCENT,
    MARK_ACCENT,
    MARK_ANGLE_SIGN,
    MARK_BIG,
    MARK_PMOD,
    MARK_BMOD,
    MARK_DOMAIN,
    MARK_CURRENCY,
    MARK_MID,
    MARK_RELATION,
    MARK_CONSTANT,
    MARK_NOT,
    MARK_UNKNOWN,
} MarkId;

typedef struct Token {
    uint8_t kind;
    bool space;        // white space is before it
    bool plain;        // a number of digits alone; a letter out of a text command
    bool bold;         // a letter in bold: a vector
    bool differential; // a d that belongs to the letter behind it, as in dy/dx
    uint16_t id;
    uint16_t run;            // letters: length of the run of plain letters that begins here, else 0
    int32_t exp10;           // numbers
    Slice text;              // number: its digits; letter, word, accent, environment: the name
    const char *begin, *end; // in the source
} Token;

typedef struct Tokens {
    Token *token; // ends with TK_END
    uint32_t n;
    bool grouped; // a comma was read as a separator of thousands, which may be a list as well
    bool bad;     // a byte that mathematics has no use for
} Tokens;

// `group`: read 1,236 as one number. False if over budget (w->over).
bool latex_tokens(Work *w, Slice text, bool group, Tokens *out);
static inline bool token_is(const Token *t, int mark) {
    return t->kind == TK_MARK && t->id == mark;
}

#ifdef __cplusplus
}
#endif
#endif
