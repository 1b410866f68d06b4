// verifiers/math/tree/lexer.h -- what latex.c and the lex_*.c share: the cursor of the pass.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_TREE_LEXER_H
#define VERIFIERS_MATH_TREE_LEXER_H

#include "verifiers/math/tree/texcommand.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { LEXER_MAX_NESTED = 8 }; // text commands inside of each other

typedef struct Lexer {
    Work *w;
    Tokens *out;
    const char *p, *end;
    uint32_t cap;
    char **room;  // for digits
    int brackets; // open ( [ \{
    int tables;   // open environments
    int frames;   // those that only align
    int nested;   // text commands inside of each other
    bool group, space;
} Lexer;

// Appends a token that ends at p; NULL if there is no space (w->over).
Token *lexer_emit(Lexer *l, TokenKind kind, int id, Slice text, const char *begin);
Token *lexer_mark(Lexer *l, int id, const char *begin);
void lexer_blanks(Lexer *l);
bool lexer_is_blank(char c);
bool lexer_starts(const Lexer *l, const char *text);
bool lexer_is_word(Slice s, const char *word); // in either case
bool lexer_is_one_of(Slice s, const char *const *words);
const char *lexer_currency(Slice word); // USD, Rs: its unit's name; NULL if it is none
// "{...}" at p, with escapes: its content, and p behind it. False if it is not closed.
bool lexer_group(Lexer *l, Slice *content);
void lexer_inside(Lexer *l, Slice content);

// Behind "The answer is", "Answer:", "Final answer =": the text itself if it has no such title.
Slice lexer_behind_title(Slice s);
// What is in \text{}, \mathrm{} and the like.
void lexer_words(Lexer *l, Slice content, bool font, bool bold, const char *begin);
void lexer_command(Lexer *l, const TexCommand *c, Slice name, const char *begin);
void lexer_backslash(Lexer *l); // p is on it
void lexer_utf8(Lexer *l);      // p is on a byte above 127
// The bytes of a Latin letter with an accent at p; 0 if there is none.
size_t lexer_accented(const char *p, const char *end);

#ifdef __cplusplus
}
#endif
#endif
