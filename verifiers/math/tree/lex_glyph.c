// verifiers/math/tree/lex_glyph.c -- signs outside of ASCII: what each of them means.
#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/lexer.h"
#include "verifiers/math/tree/limits.h"

typedef struct Glyph {
    const char *utf8;
    int mark; // 0: only a blank; < 0: a relation; or what `command` says
    const char *command;
} Glyph;

static const Glyph glyphs[] = {
    {"\xC3\x97", '*', NULL},
    {"\xC2\xB7", '*', NULL},
    {"\xE2\x8B\x85", '*', NULL},
    {"\xE2\x88\x97", '*', NULL},
    {"\xC3\xB7", '/', NULL},
    {"\xE2\x88\x95", '/', NULL},
    {"\xE2\x88\x92", '-', NULL},
    {"\xE2\x80\x93", '-', NULL},
    {"\xC2\xB1", MARK_PM, NULL},
    {"\xE2\x88\x93", MARK_MP, NULL},
    {"\xE2\x89\xA4", 0, "le"},
    {"\xE2\x89\xA5", 0, "ge"},
    {"\xE2\xA9\xBD", 0, "le"},
    {"\xE2\xA9\xBE", 0, "ge"},
    {"\xE2\x89\xA0", 0, "ne"},
    {"\xE2\x89\x88", 0, "approx"},
    {"\xE2\x88\x88", 0, "in"},
    {"\xE2\x88\x89", 0, "notin"},
    {"\xE2\x89\xA1", 0, "equiv"},
    {"\xE2\x86\x92", 0, "to"},
    {"\xCF\x80", 0, "pi"},
    {"\xE2\x88\x9E", 0, "infty"},
    {"\xE2\x88\x9A", MARK_SQRT, NULL},
    {"\xE2\x88\xAA", MARK_CUP, NULL},
    {"\xE2\x88\xA9", MARK_CAP, NULL},
    {"\xE2\x88\x85", MARK_EMPTY, NULL},
    {"\xC3\x98", MARK_EMPTY, NULL},
    {"\xC2\xB0", MARK_DEGREE, NULL},
    {"\xC2\xBA", MARK_DEGREE, NULL},
    {"\xE2\x80\xA6", MARK_DOTS, NULL},
    {"\xE2\x80\xB2", '\'', NULL},
    {"\xE2\x80\x99", '\'', NULL},
    {"\xE2\x8C\x8A", MARK_FLOOR_OPEN, NULL},
    {"\xE2\x8C\x8B", MARK_FLOOR_CLOSE, NULL},
    {"\xE2\x8C\x88", MARK_CEIL_OPEN, NULL},
    {"\xE2\x8C\x89", MARK_CEIL_CLOSE, NULL},
    {"\xE2\x9F\xA8", MARK_ANGLE_OPEN, NULL},
    {"\xE2\x9F\xA9", MARK_ANGLE_CLOSE, NULL},
    {"\xE2\x88\xA0", MARK_ANGLE_SIGN, NULL},
    {"\xE2\x88\x96", MARK_WITHOUT, NULL},
    {"\xCE\xB1", 0, "alpha"},
    {"\xCE\xB2", 0, "beta"},
    {"\xCE\xB3", 0, "gamma"},
    {"\xCE\xB4", 0, "delta"},
    {"\xCE\xB5", 0, "epsilon"},
    {"\xCE\xB8", 0, "theta"},
    {"\xCE\xBB", 0, "lambda"},
    {"\xCE\xBC", 0, "mu"},
    {"\xC2\xB5", 0, "mu"},
    {"\xCF\x81", 0, "rho"},
    {"\xCF\x83", 0, "sigma"},
    {"\xCF\x84", 0, "tau"},
    {"\xCF\x86", 0, "phi"},
    {"\xCF\x88", 0, "psi"},
    {"\xCF\x89", 0, "omega"},
    {"\xCE\xA9", 0, "Omega"},
    {"\xCE\x94", 0, "Delta"},
    {"\xC2\xA0", ' ', NULL},
    {"\xE2\x80\x8A", ' ', NULL}, // hair space
    {"\xE2\x80\x83", ' ', NULL}, // em space
    {"\xE2\x80\x8B", ' ', NULL}, // of no width
    {"\xE2\x81\xA0", ' ', NULL},
    {"\xE2\x81\xA1", ' ', NULL}, // function application
    {"\xE2\x81\xA2", '*', NULL}, // invisible times
    {"\xEF\xBB\xBF", ' ', NULL},
    {"\xEF\xBC\x8C", ',', NULL}, // full width
    {"\xEF\xBC\x88", '(', NULL},
    {"\xEF\xBC\x89", ')', NULL},
    {"\xEF\xBC\x9D", 0, "eq"},
    {"\xE2\x80\x89", ' ', NULL},
    {"\xE2\x80\xAF", ' ', NULL},
    {"\xE3\x80\x80", ' ', NULL},
    {"\xE2\x84\x9D", 0, "R"},
    {"\xE2\x88\x91", 0, "sum"},
    {"\xE2\x88\x8F", 0, "prod"},
    {"\xE2\x88\xAB", 0, "int"},
};

static const struct {
    const char *utf8, *up, *down;
} fractions[] = {{"\xC2\xBD", "1", "2"},     {"\xC2\xBC", "1", "4"},
                 {"\xC2\xBE", "3", "4"},     {"\xE2\x85\x93", "1", "3"},
                 {"\xE2\x85\x94", "2", "3"}, {"\xE2\x85\x9B", "1", "8"}};

typedef struct Small {
    const char *utf8, *text;
} Small;

static const Small raised[] = {{"\xC2\xB2", "2"},     {"\xC2\xB3", "3"},     {"\xC2\xB9", "1"},
                               {"\xE2\x81\xB0", "0"}, {"\xE2\x81\xB4", "4"}, {"\xE2\x81\xB5", "5"},
                               {"\xE2\x81\xB6", "6"}, {"\xE2\x81\xB7", "7"}, {"\xE2\x81\xB8", "8"},
                               {"\xE2\x81\xB9", "9"}, {"\xE2\x81\xBF", "n"}, {"\xE2\x81\xBB", "-"}};
static const Small lowered[] = {{"\xE2\x82\x80", "0"}, {"\xE2\x82\x81", "1"}, {"\xE2\x82\x82", "2"},
                                {"\xE2\x82\x83", "3"}, {"\xE2\x82\x84", "4"}, {"\xE2\x82\x85", "5"},
                                {"\xE2\x82\x86", "6"}, {"\xE2\x82\x87", "7"}, {"\xE2\x82\x88", "8"},
                                {"\xE2\x82\x89", "9"}, {"\xE2\x82\x99", "n"}};

static void small_number(Lexer *l, char **digits, char *end, const char *begin) {
    if (*digits == end) return;
    Token *t = lexer_emit(l, TK_NUMBER, 0, (Slice){*digits, (size_t)(end - *digits)}, begin);
    if (t) t->plain = true;
    *digits = end;
}

// A run of raised or lowered characters is one group: x to the minus twelve.
static bool lex_small(Lexer *l, const Small *row, size_t n_rows, int sign) {
    const char *begin = l->p;
    char *digits = *l->room, *end = digits;
    bool open = false;
    for (;;) {
        size_t i = 0;
        while (i < n_rows && !lexer_starts(l, row[i].utf8)) i++;
        if (i == n_rows) break;
        l->p += strlen(row[i].utf8);
        if (!open) lexer_mark(l, sign, begin), lexer_emit(l, TK_MARK, '{', slice_of("{"), begin);
        open = true;
        if (isdigit((unsigned char)*row[i].text)) {
            *end++ = *row[i].text;
            continue;
        }
        small_number(l, &digits, end, begin);
        if (*row[i].text == 'n')
            lexer_emit(l, TK_LETTER, 0, slice_of("n"), begin);
        else
            lexer_emit(l, TK_MARK, '-', slice_of("-"), begin);
    }
    if (end - digits > MATH_MAX_DIGITS) l->w->over = "a number of too many digits";
    small_number(l, &digits, end, begin);
    *l->room = end;
    if (open) lexer_emit(l, TK_MARK, '}', slice_of("}"), begin);
    return open;
}

void lexer_utf8(Lexer *l) {
    const char *begin = l->p;
    static const char *const money[][2] = {{"\xE2\x82\xAC", "EUR"}, {"\xC2\xA3", "GBP"},
                                           {"\xC2\xA5", "JPY"},     {"\xC2\xA2", "cent"},
                                           {"\xE2\x82\xB9", "INR"}, {"\xE2\x82\xA9", "KRW"},
                                           {"\xE2\x82\xBD", "RUB"}};
    if (lex_small(l, raised, sizeof raised / sizeof *raised, '^') ||
        lex_small(l, lowered, sizeof lowered / sizeof *lowered, '_'))
        return;
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        if (lexer_starts(l, fractions[i].utf8)) {
            l->p += strlen(fractions[i].utf8);
            lexer_mark(l, MARK_FRAC, begin);
            for (int part = 0; part < 2; part++) {
                Token *t = lexer_emit(l, TK_NUMBER, 0,
                                      slice_of(part ? fractions[i].down : fractions[i].up), begin);
                if (t) t->plain = true;
            }
            return;
        }
    for (size_t i = 0; i < sizeof money / sizeof *money; i++)
        if (lexer_starts(l, money[i][0])) {
            l->p += strlen(money[i][0]);
            lexer_emit(l, TK_MARK, MARK_CURRENCY, slice_of(money[i][1]), begin);
            return;
        }
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (lexer_starts(l, glyphs[i].utf8)) {
            l->p += strlen(glyphs[i].utf8);
            if (glyphs[i].mark == ' ') {
                l->space = true;
            } else if (!glyphs[i].command) {
                l->brackets += (glyphs[i].mark == '(') - (glyphs[i].mark == ')');
                lexer_mark(l, glyphs[i].mark, begin);
            } else if (strcmp(glyphs[i].command, "R") == 0) {
                lexer_emit(l, TK_MARK, MARK_DOMAIN, slice_of("R"), begin);
            } else {
                Slice name = slice_of(glyphs[i].command);
                lexer_command(l, texcommand_find(name), name, begin);
            }
            return;
        }
    l->out->bad = true;
    l->p++;
}
