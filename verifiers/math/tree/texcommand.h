// verifiers/math/tree/texcommand.h -- what a LaTeX command means to the reader of tokens.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_TREE_TEXCOMMAND_H
#define VERIFIERS_MATH_TREE_TEXCOMMAND_H

#include "verifiers/math/tree/latex.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CommandAction {
    DO_SPACE,      // leaves nothing behind
    DO_SKIP_GROUP, // nor does its argument
    DO_TEXT,       // words
    DO_FONT,       // letters of one name, or just letters
    DO_DOMAIN,     // \mathbb
    DO_SYMBOL,     // text: the name of the letter
    DO_FUNCTION,   // value: ExprFunction; text: the name of one without a rule
    DO_CONSTANT,   // value: op of EX_CONSTANT
    DO_MARK,       // value: character or MarkId
    DO_ACCENT,     // text: which
    DO_BIG,        // text: which
    DO_SIUNITX,    // value: 1 a number, 2 a number and its unit, 3 a unit, 4 an angle
    DO_RELATION,   // value: Relation; text: the command it is another name of
} CommandAction;

typedef struct TexCommand {
    const char *name;
    CommandAction action;
    int value;
    const char *text;
} TexCommand;

const TexCommand *texcommand_find(Slice name); // without the backslash; NULL if unknown
int texcommand_number(const TexCommand *c);    // its own, or that of the command it stands for
bool texcommand_is_word(Slice name);           // a plain word that means the command of its name

#ifdef __cplusplus
}
#endif
#endif
