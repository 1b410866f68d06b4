// verifiers/math/tree/lex_glyph.c -- signs outside of ASCII: what each of them means.
#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

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
    {"\xE2\x84\x95", 0, "N"}, // double struck
    {"\xE2\x84\xA4", 0, "Z"},
    {"\xE2\x84\x9A", 0, "Q"},
    {"\xE2\x84\x82", 0, "C"},
    {"\xE2\x84\x99", 0, "P"},
    {"\xE2\x88\x80", 0, "forall"},
    {"\xE2\x88\x83", 0, "exists"},
    {"\xE2\x88\x82", 0, "partial"},
    {"\xE2\x88\x87", 0, "nabla"},
    {"\xE2\x88\x9D", 0, "propto"},
    {"\xE2\x89\x85", 0, "cong"},
    {"\xE2\x87\x92", 0, "Rightarrow"},
    {"\xE2\x87\x94", 0, "Leftrightarrow"},
    {"\xE2\x88\xA5", 0, "parallel"},
    {"\xE2\x8A\xA5", 0, "perp"},
    {"\xE2\x8A\x82", 0, "subset"},
    {"\xE2\x8A\x86", 0, "subseteq"},
    {"\xE2\x8A\x83", 0, "supset"},
    {"\xE2\x8A\x87", 0, "supseteq"},
    {"\xE2\x96\xB3", MARK_ANGLE_SIGN, NULL},
    {"\xE2\x80\x96", MARK_DOUBLE_BAR, NULL},
    {"\xE2\x84\x8F", 0, "hbar"},
    {"\xCF\x95", 0, "phi"},
    {"\xCF\xB5", 0, "epsilon"},
    {"\xCF\x91", 0, "theta"},
    {"\xCE\xB6", 0, "zeta"},
    {"\xCE\xB7", 0, "eta"},
    {"\xCE\xB9", 0, "iota"},
    {"\xCE\xBA", 0, "kappa"},
    {"\xCE\xBD", 0, "nu"},
    {"\xCE\xBE", 0, "xi"},
    {"\xCF\x85", 0, "upsilon"},
    {"\xCF\x87", 0, "chi"},
    {"\xCE\x93", 0, "Gamma"},
    {"\xCE\x98", 0, "Theta"},
    {"\xCE\x9B", 0, "Lambda"},
    {"\xCE\x9E", 0, "Xi"},
    {"\xCE\xA0", 0, "Pi"},
    {"\xCE\xA3", 0, "Sigma"},
    {"\xCE\xA6", 0, "Phi"},
    {"\xCE\xA8", 0, "Psi"},
};

static const struct {
    const char *utf8, *up, *down;
} fractions[] = {
    {"\xC2\xBD", "1", "2"},     {"\xC2\xBC", "1", "4"},     {"\xC2\xBE", "3", "4"},
    {"\xE2\x85\x93", "1", "3"}, {"\xE2\x85\x94", "2", "3"}, {"\xE2\x85\x9B", "1", "8"},
    {"\xE2\x85\x95", "1", "5"}, {"\xE2\x85\x96", "2", "5"}, {"\xE2\x85\x97", "3", "5"},
    {"\xE2\x85\x98", "4", "5"}, {"\xE2\x85\x99", "1", "6"}, {"\xE2\x85\x9A", "5", "6"},
    {"\xE2\x85\x9C", "3", "8"}, {"\xE2\x85\x9D", "5", "8"}, {"\xE2\x85\x9E", "7", "8"},
    {"\xE2\x85\x90", "1", "7"}, {"\xE2\x85\x91", "1", "9"}, {"\xE2\x85\x92", "1", "10"}};

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

// The third root and the fourth.
static bool lex_root(Lexer *l, const char *begin) {
    bool third = lexer_starts(l, "\xE2\x88\x9B");
    if (!third && !lexer_starts(l, "\xE2\x88\x9C")) return false;
    l->p += 3;
    lexer_mark(l, MARK_SQRT, begin);
    lexer_emit(l, TK_MARK, '[', slice_of("["), begin);
    Token *t = lexer_emit(l, TK_NUMBER, 0, slice_of(third ? "3" : "4"), begin);
    if (t) t->plain = true;
    lexer_emit(l, TK_MARK, ']', slice_of("]"), begin);
    return true;
}

// The bytes of a letter, mark, number sign or symbol of another script at p that has no meaning in
// mathematics; 0 if there is none.
static size_t script_char(const char *p, const char *end) {
    if (p >= end || !(*p & 0x80)) return 0;
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
    if (n <= 0) return 0;
    size_t size = (size_t)n;
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (strlen(glyphs[i].utf8) == size && memcmp(glyphs[i].utf8, p, size) == 0) return 0;
    return utf8proc_category(c) == UTF8PROC_CATEGORY_CN ? 0 : size;
}

// Chinese, Japanese, Korean and Russian "and", "or" between formulas.
static bool lex_connector(Lexer *l, const char *begin) {
    static const struct {
        const char *utf8, *word;
    } rows[] = {{"\xE6\x88\x96\xE8\x80\x85", "or"},             // 或者
                {"\xE6\x88\x96", "or"},                         // 或
                {"\xE4\xBB\xA5\xE5\x8F\x8A", "and"},            // 以及
                {"\xE5\x92\x8C", "and"},                        // 和
                {"\xE4\xB8\x8E", "and"},                        // 与
                {"\xE8\x88\x87", "and"},                        // 與
                {"\xE5\x8F\x8A", "and"},                        // 及
                {"\xE3\x81\xBE\xE3\x81\x9F\xE3\x81\xAF", "or"}, // または
                {"\xE3\x81\xA8", "and"},                        // と
                {"\xE3\x81\x8B", "or"},                         // か
                {"\xEB\x98\x90\xEB\x8A\x94", "or"},             // 또는
                {"\xED\x98\xB9\xEC\x9D\x80", "or"},             // 혹은
                {"\xEC\x99\x80", "and"},                        // 와
                {"\xEA\xB3\xBC", "and"},                        // 과
                {"\xD0\xB8\xD0\xBB\xD0\xB8", "or"},             // или
                {"\xD0\xB8", "and"}};                           // и
    if (!l->out->n || l->out->token[l->out->n - 1].kind == TK_WORD) return false;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].utf8);
        if (!lexer_starts(l, rows[i].utf8) || script_char(l->p + n, l->end)) continue;
        l->p += n;
        lexer_emit(l, TK_MARK, MARK_AND, slice_of(rows[i].word), begin);
        return true;
    }
    return false;
}

// A word of another script.
static bool lex_script(Lexer *l, const char *begin) {
    size_t n;
    while ((n = script_char(l->p, l->end)) > 0) l->p += n;
    if (l->p == begin) return false;
    lexer_emit(l, TK_WORD, 0, (Slice){begin, (size_t)(l->p - begin)}, begin);
    return true;
}

// A word of Greek: three letters and more side by side, one of which no formula has.
static bool lex_greek(Lexer *l, const char *begin) {
    const char *p = begin;
    int letters = 0;
    bool other = false;
    while (l->end - p > 1 &&
           ((unsigned char)*p == 0xCD || (unsigned char)*p == 0xCE || (unsigned char)*p == 0xCF)) {
        other |= script_char(p, l->end) > 0;
        p += 2, letters++;
    }
    if (letters < 3 || !other) return false;
    l->p = p;
    lexer_emit(l, TK_WORD, 0, (Slice){begin, (size_t)(p - begin)}, begin);
    return true;
}

size_t lexer_accented(const char *p, const char *end) {
    if (end - p < 2 || (unsigned char)*p < 0xC3 || (unsigned char)*p > 0xC9) return 0;
    if ((unsigned char)*p == 0xC3 && ((unsigned char)p[1] == 0x97 || (unsigned char)p[1] == 0xB7))
        return 0; // times, divided
    return script_char(p, end);
}

void lexer_utf8(Lexer *l) {
    const char *begin = l->p;
    static const char *const money[][2] = {{"\xE2\x82\xAC", "EUR"}, {"\xC2\xA3", "GBP"},
                                           {"\xC2\xA5", "JPY"},     {"\xC2\xA2", "cent"},
                                           {"\xE2\x82\xB9", "INR"}, {"\xE2\x82\xA9", "KRW"},
                                           {"\xE2\x82\xBD", "RUB"}};
    if (lex_greek(l, begin)) return;
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
            } else if (strlen(glyphs[i].command) == 1) {
                lexer_emit(l, TK_MARK, MARK_DOMAIN, slice_of(glyphs[i].command), begin);
            } else {
                Slice name = slice_of(glyphs[i].command);
                lexer_command(l, texcommand_find(name), name, begin);
            }
            return;
        }
    if (lex_root(l, begin) || lex_connector(l, begin) || lex_script(l, begin)) return;
    l->out->bad = true;
    l->p++;
}
