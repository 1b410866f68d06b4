// verifiers/math/tree/latex.c -- from bytes to tokens; commands are in texcommand.c, numbers in
// numeral.c.
#include "verifiers/math/tree/latex.h"

#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/numeral.h"
#include "verifiers/math/tree/texcommand.h"

bool token_is(const Token *t, int mark) {
    return t->kind == TK_MARK && t->id == mark;
}

enum { MAX_NESTED_TEXT = 8 };

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

static Token *emit(Lexer *l, TokenKind kind, int id, Slice text, const char *begin) {
    if (l->out->n + 1 >= l->cap) {
        if (!l->w->over) l->w->over = "too many tokens";
        return NULL;
    }
    Token *t = &l->out->token[l->out->n++];
    *t = (Token){.kind = (uint8_t)kind,
                 .space = l->space,
                 .id = (uint16_t)id,
                 .text = text,
                 .begin = begin,
                 .end = l->p};
    l->space = false;
    return t;
}

static Token *mark(Lexer *l, int id, const char *begin) {
    return emit(l, TK_MARK, id, (Slice){begin, (size_t)(l->p - begin)}, begin);
}

static Slice literal(const char *text) {
    return (Slice){text, strlen(text)};
}

static void skip_blanks(Lexer *l) {
    while (l->p < l->end && (isspace((unsigned char)*l->p) || *l->p == '~'))
        l->p++, l->space = true;
}

static bool starts(const Lexer *l, const char *text) {
    size_t n = strlen(text);
    return (size_t)(l->end - l->p) >= n && memcmp(l->p, text, n) == 0;
}

// "{...}" at p, with escapes: its content, and p behind it. False if it is not closed.
static bool take_group(Lexer *l, Slice *content) {
    const char *p = l->p + 1;
    for (int depth = 1; p < l->end; p++) {
        if (*p == '\\' && p + 1 < l->end)
            p++;
        else if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0) {
            *content = (Slice){l->p + 1, (size_t)(p - l->p - 1)};
            l->p = p + 1;
            return true;
        }
    }
    return false;
}

static void lex(Lexer *l);

static void lex_inside(Lexer *l, Slice content) {
    Lexer inner = *l;
    inner.p = content.data;
    inner.end = content.data + content.size;
    inner.nested++;
    if (inner.nested > MAX_NESTED_TEXT) {
        l->out->bad = true;
        return;
    }
    lex(&inner);
    l->space = inner.space;
    l->brackets = inner.brackets;
}

static bool is_blank(char c) {
    return isspace((unsigned char)c) || c == '~';
}

static Slice trim_text(Slice s) {
    for (;;) {
        while (s.size && is_blank(*s.data)) s.data++, s.size--;
        while (s.size && is_blank(s.data[s.size - 1])) s.size--;
        if (s.size >= 2 && s.data[0] == '\\' && strchr(" ,;:!", s.data[1]))
            s.data += 2, s.size -= 2;
        else
            return s;
    }
}

static bool is_word(Slice s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.data, word, s.size) == 0;
}

static bool is_one_of(Slice s, const char *const *words) {
    for (; *words; words++)
        if (is_word(s, *words)) return true;
    return false;
}

// "A, D, F": letters of choices, not a sentence.
static bool is_letters_list(Slice s) {
    bool comma = false;
    for (size_t i = 0; i < s.size; i++) {
        bool letter = isalpha((unsigned char)s.data[i]);
        if (letter && i + 1 < s.size && isalpha((unsigned char)s.data[i + 1])) return false;
        if (!letter && s.data[i] != ',' && s.data[i] != ' ') return false;
        comma |= s.data[i] == ',';
    }
    return comma;
}

static bool begins_item(const Lexer *l) {
    if (!l->out->n) return true;
    const Token *t = &l->out->token[l->out->n - 1];
    return token_is(t, ',') || token_is(t, ';') || token_is(t, MARK_AND) || token_is(t, '(') ||
           token_is(t, MARK_SET_OPEN);
}

static void lex_words(Lexer *l, Slice content, bool font, bool bold, const char *begin);

// "red, blue and green": items with separators between them. False if it is one item.
static bool lex_enumeration(Lexer *l, Slice s) {
    static const char *const between[] = {", and ", ", or ", ", ", " and ", " or "};
    const char *at = NULL, *sign = NULL, *after = l->p;
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        const char *found = memmem(s.data, s.size, between[i], strlen(between[i]));
        if (found && (!at || found < at)) at = found, sign = between[i];
    }
    if (!at || at == s.data || l->nested >= MAX_NESTED_TEXT) return false;
    Slice rest = {at + strlen(sign), (size_t)(s.data + s.size - at) - strlen(sign)};
    l->p = at;
    emit(l, TK_WORD, 0, (Slice){s.data, (size_t)(at - s.data)}, s.data);
    l->p = rest.data;
    emit(l, TK_MARK, sign[2] ? MARK_AND : ',', literal(strstr(sign, "or") ? "or" : "and"), at);
    l->p = rest.data + rest.size;
    l->nested++;
    lex_words(l, rest, false, false, rest.data);
    l->nested--;
    l->p = after;
    return true;
}

// Behind "The answer is", "Answer:", "Final answer =": the text itself if it has no such title.
static Slice behind_title(Slice s) {
    enum { NAMES = 4 };
    static const char *const words[] = {"answer", "ans",      "result", "solution", "the",
                                        "final",  "correct",  "our",    "so",       "therefore",
                                        "thus",   "required", "hence",  NULL};
    static const char *const ends[] = {"is", "equals", NULL};
    const char *p = s.data, *end = p + s.size;
    for (bool named = false; p < end;) {
        while (p < end && is_blank(*p)) p++;
        const char *word = p;
        while (p < end && isalpha((unsigned char)*p)) p++;
        Slice w = {word, (size_t)(p - word)};
        bool sign = p < end && (*p == ':' || *p == '=');
        if (named && (is_one_of(w, ends) || (!w.size && sign))) {
            while (p < end && (is_blank(*p) || *p == ':' || *p == '=')) p++;
            return (Slice){p, (size_t)(end - p)};
        }
        if (!w.size || !is_one_of(w, words)) return s;
        for (int i = 0; i < NAMES; i++) named |= is_word(w, words[i]);
        if (p < end && *p == ',') p++;
    }
    return s;
}

// What stands in \text{}, \mathrm{} and the like.
static void lex_words(Lexer *l, Slice content, bool font, bool bold, const char *begin) {
    static const char *const ands[] = {"and", "or", "and/or", ",",    ", and", ", or", ",and",
                                       ",or", ";",  "; and",  "; or", "&",     NULL};
    bool blank = content.size && is_blank(*content.data);
    Slice s = trim_text(content);
    l->space |= blank;
    if (!l->out->n) s = behind_title(s);
    if (!s.size) return;
    if (is_one_of(s, ands)) {
        mark(l, *s.data == ',' && s.size == 1 ? ',' : MARK_AND, begin);
        return;
    }
    if (s.size >= 3 && is_word((Slice){s.data, 3}, "mod") &&
        (s.size == 3 || !isalpha((unsigned char)s.data[3]))) {
        lex_inside(l, s);
        return;
    }
    static const char *const ifs[] = {"if", "for", "when", "where", NULL};
    size_t letters = 0;
    while (letters < s.size && isalpha((unsigned char)s.data[letters])) letters++;
    if (l->tables && is_one_of((Slice){s.data, letters}, ifs)) { // conditions of a case distinction
        lex_inside(l, (Slice){s.data + letters, s.size - letters});
        return;
    }
    letters = 0;
    while (letters < s.size && isalpha((unsigned char)s.data[letters])) letters++;
    if (s.size == 1 || is_letters_list(s)) {
        lex_inside(l, s);
        if (s.size == 1 && !bold && l->out->n && l->out->token[l->out->n - 1].kind == TK_LETTER)
            l->out->token[l->out->n - 1].plain = true; // may be a unit
        return;
    }
    const Command *known = letters == s.size ? texcommand_find(s) : NULL;
    if (known && known->action == DO_FUNCTION && (font || texcommand_is_word(s))) {
        emit(l, TK_FUNCTION, known->value, s, begin);
        return;
    }
    if (!font && letters == s.size && is_one_of(s, (const char *const[]){"infinity", NULL})) {
        Token *t = emit(l, TK_MARK, MARK_CONSTANT, s, begin);
        if (t) t->exp10 = 'o';
        return;
    }
    if (!isalpha((unsigned char)*s.data) && !(*s.data & 0x80)) {
        lex_inside(l, s);
        return;
    }
    if (!font && begins_item(l) && lex_enumeration(l, s)) return;
    emit(l, TK_WORD, font, s, begin);
}

static void lex_environment(Lexer *l, bool begin, const char *from) {
    Slice name = {NULL, 0};
    skip_blanks(l);
    if (l->p < l->end && *l->p == '{') take_group(l, &name);
    name = slice_trim(name);
    if (name.size && name.data[name.size - 1] == '*') name.size--;
    static const char *const aligned[] = {"align",    "aligned", "equation", "gather",
                                          "gathered", "split",   NULL};
    if (!name.size) {
        l->out->bad = true;
    } else if (begin && name.size == 5 && memcmp(name.data, "array", 5) == 0) {
        Slice columns;
        skip_blanks(l);
        if (l->p < l->end && *l->p == '{') take_group(l, &columns);
    }
    if (name.size && is_one_of(name, aligned)) { // a frame: only its lines mean something
        l->frames += begin ? 1 : l->frames > 0 ? -1 : 0;
        return;
    }
    l->tables += begin ? 1 : l->tables > 0 ? -1 : 0;
    Token *t = emit(l, TK_MARK, begin ? MARK_BEGIN : MARK_END, name, from);
    if (t) t->text = name;
}

static bool is_bold(Slice font) {
    return is_one_of(font, (const char *const[]){"mathbf", "bm", "boldsymbol", "pmb", NULL});
}

static void lex_command(Lexer *l, const Command *c, Slice name, const char *begin) {
    Slice group = {NULL, 0};
    Token *t;
    switch (c->action) {
    case DO_SPACE:
        l->space = true;
        if ((name.size == 4 && memcmp(name.data, "left", 4) == 0) ||
            (name.size == 5 && memcmp(name.data, "right", 5) == 0)) {
            skip_blanks(l);
            if (l->p < l->end && *l->p == '.') l->p++;
        }
        return;
    case DO_SKIP_GROUP:
        skip_blanks(l);
        if (l->p < l->end && *l->p == '{') take_group(l, &group);
        return;
    case DO_TEXT:
    case DO_FONT:
        skip_blanks(l);
        if (l->p < l->end && *l->p == '{' && take_group(l, &group))
            lex_words(l, group, c->action == DO_FONT, is_bold(name), begin);
        return;
    case DO_DOMAIN:
        skip_blanks(l);
        if (l->p < l->end && *l->p == '{') {
            if (!take_group(l, &group)) return;
            group = slice_trim(group);
        } else if (l->p < l->end) {
            group = (Slice){l->p++, 1};
        }
        if (!group.size) {
            l->out->bad = true;
            return;
        }
        if (group.size == 1 && strchr("RZNQCP", *group.data))
            emit(l, TK_MARK, MARK_DOMAIN, group, begin);
        else
            emit(l, TK_LETTER, 0, group, begin);
        return;
    case DO_SYMBOL: emit(l, TK_LETTER, 1, literal(c->text), begin); return;
    case DO_FUNCTION: emit(l, TK_FUNCTION, c->value, name, begin); return;
    case DO_ACCENT: emit(l, TK_MARK, MARK_ACCENT, literal(c->text), begin); return;
    case DO_BIG: emit(l, TK_MARK, MARK_BIG, literal(c->text), begin); return;
    case DO_CONSTANT:
        t = mark(l, MARK_CONSTANT, begin);
        if (t) t->exp10 = c->value;
        return;
    case DO_RELATION: {
        int relation = c->value;
        if (relation == RELATION_OTHER) relation += texcommand_number(c);
        Token *before = l->out->n ? &l->out->token[l->out->n - 1] : NULL;
        if (before && token_is(before, MARK_NOT)) { // \not\in
            l->out->n--;
            relation = relation == RELATION_EQ   ? RELATION_NE
                       : relation == RELATION_IN ? RELATION_NOTIN
                                                 : relation | RELATION_NEGATED;
        }
        t = mark(l, MARK_RELATION, begin);
        if (t) t->exp10 = relation;
        return;
    }
    case DO_MARK:
        if (c->value == MARK_BEGIN || c->value == MARK_END) {
            lex_environment(l, c->value == MARK_BEGIN, begin);
            return;
        }
        if (c->value == MARK_SET_OPEN || c->value == '(' || c->value == '[') l->brackets++;
        if (c->value == MARK_SET_CLOSE || c->value == ')' || c->value == ']') l->brackets--;
        mark(l, c->value, begin);
        return;
    }
}

static void lex_backslash(Lexer *l) {
    const char *begin = l->p++;
    if (l->p >= l->end) return; // a backslash that ends the text is dress
    unsigned char c = (unsigned char)*l->p;
    if (isalpha(c)) {
        const char *from = l->p;
        while (l->p < l->end && isalpha((unsigned char)*l->p)) l->p++;
        Slice name = {from, (size_t)(l->p - from)};
        const Command *known = texcommand_find(name);
        // "\cdotx" and "\pir" are what models write for "\cdot x"
        if (known)
            lex_command(l, known, name, begin);
        else
            emit(l, TK_MARK, MARK_UNKNOWN, name, begin);
        return;
    }
    l->p++;
    switch (c) {
    case '{': l->brackets++, mark(l, MARK_SET_OPEN, begin); return;
    case '}': l->brackets--, mark(l, MARK_SET_CLOSE, begin); return;
    case '|': mark(l, MARK_DOUBLE_BAR, begin); return;
    case '%': mark(l, '%', begin); return;
    case '$': emit(l, TK_MARK, MARK_CURRENCY, literal("dollar"), begin); return;
    case '&': mark(l, MARK_AND, begin); return;
    case '_': mark(l, '_', begin); return;
    case '\\': {
        // A whole answer that was escaped twice: \\frac{1}{2}
        const char *from = l->p;
        const char *p = from;
        while (p < l->end && isalpha((unsigned char)*p)) p++;
        if (!l->tables && p - from >= 2 && texcommand_find((Slice){from, (size_t)(p - from)})) {
            l->p--;
            lex_backslash(l);
            return;
        }
        if (l->p < l->end && *l->p == '[' && l->tables) { // \\[2pt]
            const char *close = memchr(l->p, ']', (size_t)(l->end - l->p));
            if (close && close - l->p < 8 && isalpha((unsigned char)close[-1])) l->p = close + 1;
        }
        mark(l, l->tables ? MARK_ROW : MARK_LINE, begin);
        return;
    }
    case '(':
    case ')':
    case '[':
    case ']': l->space = true; return; // frames of a formula
    case '!':
    case ',':
    case ';':
    case ':':
    case ' ':
    case '>':
    case '\n':
    case '\t':
    case '\r':
    case '/': l->space = true; return;
    default: l->out->bad = true; return;
    }
}

// A run of plain letters: a word of mathematics, a word of prose, or one letter a token.
static void lex_letters(Lexer *l) {
    const char *from = l->p, *p = from;
    while (p < l->end && isalpha((unsigned char)*p)) p++;
    Slice run = {from, (size_t)(p - from)};
    const Command *known = run.size >= 2 && texcommand_is_word(run) ? texcommand_find(run) : NULL;
    if (known) {
        l->p = p;
        lex_command(l, known, run, from);
        return;
    }
    if (is_word(run, "mod")) {
        l->p = p;
        mark(l, MARK_PMOD, from);
        return;
    }
    if (run.size >= 5) {
        l->p = p;
        emit(l, TK_WORD, 0, run, from);
        return;
    }
    for (const char *at = from; at < p; at++) {
        l->p = at + 1;
        Token *t = emit(l, TK_LETTER, 0, (Slice){at, 1}, at);
        if (!t) return;
        t->run = at == from ? (uint16_t)run.size : 0;
    }
}

// ^\circ, ^{\circ}, ^\prime: marks of their own. p stands on the caret.
static bool lex_raised(Lexer *l) {
    const char *begin = l->p, *p = begin + 1;
    while (p < l->end && is_blank(*p)) p++;
    bool brace = p < l->end && *p == '{';
    if (brace) p++;
    while (p < l->end && is_blank(*p)) p++;
    Lexer ahead = *l;
    ahead.p = p;
    int n_primes = 0;
    bool degree = false;
    if (starts(&ahead, "\\circ")) {
        degree = true, p += 5;
    } else if (starts(&ahead, "\xC2\xB0")) {
        degree = true, p += 2;
    } else {
        for (;;) {
            ahead.p = p;
            if (!starts(&ahead, "\\prime")) break;
            p += 6, n_primes++;
            while (p < l->end && is_blank(*p)) p++;
        }
    }
    if (!degree && !n_primes) return false;
    if (degree && p < l->end && isalpha((unsigned char)*p)) return false;
    while (brace && p < l->end && is_blank(*p)) p++;
    if (brace && (p >= l->end || *p != '}')) return false;
    l->p = p + brace;
    if (degree)
        mark(l, MARK_DEGREE, begin);
    else
        while (n_primes--) mark(l, '\'', begin);
    return true;
}

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
    Token *t = emit(l, TK_NUMBER, 0, (Slice){*digits, (size_t)(end - *digits)}, begin);
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
        while (i < n_rows && !starts(l, row[i].utf8)) i++;
        if (i == n_rows) break;
        l->p += strlen(row[i].utf8);
        if (!open) mark(l, sign, begin), emit(l, TK_MARK, '{', literal("{"), begin);
        open = true;
        if (isdigit((unsigned char)*row[i].text)) {
            *end++ = *row[i].text;
            continue;
        }
        small_number(l, &digits, end, begin);
        if (*row[i].text == 'n')
            emit(l, TK_LETTER, 0, literal("n"), begin);
        else
            emit(l, TK_MARK, '-', literal("-"), begin);
    }
    if (end - digits > MATH_MAX_DIGITS) l->w->over = "a number of too many digits";
    small_number(l, &digits, end, begin);
    *l->room = end;
    if (open) emit(l, TK_MARK, '}', literal("}"), begin);
    return open;
}

static void lex_utf8(Lexer *l) {
    const char *begin = l->p;
    static const char *const money[][2] = {{"\xE2\x82\xAC", "euro"},
                                           {"\xC2\xA3", "pound"},
                                           {"\xC2\xA5", "yen"},
                                           {"\xC2\xA2", "cent"},
                                           {"\xE2\x82\xB9", "rupee"}};
    if (lex_small(l, raised, sizeof raised / sizeof *raised, '^') ||
        lex_small(l, lowered, sizeof lowered / sizeof *lowered, '_'))
        return;
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        if (starts(l, fractions[i].utf8)) {
            l->p += strlen(fractions[i].utf8);
            mark(l, MARK_FRAC, begin);
            for (int part = 0; part < 2; part++) {
                Token *t = emit(l, TK_NUMBER, 0,
                                literal(part ? fractions[i].down : fractions[i].up), begin);
                if (t) t->plain = true;
            }
            return;
        }
    for (size_t i = 0; i < sizeof money / sizeof *money; i++)
        if (starts(l, money[i][0])) {
            l->p += strlen(money[i][0]);
            emit(l, TK_MARK, MARK_CURRENCY, literal(money[i][1]), begin);
            return;
        }
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (starts(l, glyphs[i].utf8)) {
            l->p += strlen(glyphs[i].utf8);
            if (glyphs[i].mark == ' ') {
                l->space = true;
            } else if (!glyphs[i].command) {
                l->brackets += (glyphs[i].mark == '(') - (glyphs[i].mark == ')');
                mark(l, glyphs[i].mark, begin);
            } else if (strcmp(glyphs[i].command, "R") == 0) {
                emit(l, TK_MARK, MARK_DOMAIN, literal("R"), begin);
            } else {
                Slice name = literal(glyphs[i].command);
                lex_command(l, texcommand_find(name), name, begin);
            }
            return;
        }
    l->out->bad = true;
    l->p++;
}

static void relation(Lexer *l, int which, int bytes) {
    const char *begin = l->p;
    l->p += bytes;
    Token *before = l->out->n ? &l->out->token[l->out->n - 1] : NULL;
    if (which == RELATION_EQ && before && token_is(before, MARK_NOT)) {
        l->out->n--;
        which = RELATION_NE;
    }
    Token *t = mark(l, MARK_RELATION, begin);
    if (t) t->exp10 = which;
}

static void lex_ascii(Lexer *l) {
    const char *begin = l->p;
    char c = *begin;
    if (c == '<' || c == '>' || c == '=' || c == '!') {
        bool equals = l->p + 1 < l->end && l->p[1] == '=';
        if (c == '<' || c == '>')
            relation(l,
                     c == '<' ? equals ? RELATION_LE : RELATION_LT
                     : equals ? RELATION_GE
                              : RELATION_GT,
                     1 + equals);
        else if (c == '=')
            relation(l, RELATION_EQ, 1 + equals);
        else if (equals && l->p + 2 < l->end && l->p[2] != '=')
            relation(l, RELATION_NE, 2);
        else
            l->p++, mark(l, '!', begin);
        return;
    }
    if (c == '.' && starts(l, "...")) {
        while (l->p < l->end && *l->p == '.') l->p++;
        mark(l, MARK_DOTS, begin);
        return;
    }
    if (c == '*' && starts(l, "**")) {
        l->p += 2;
        mark(l, '^', begin);
        return;
    }
    if (c == '^' && lex_raised(l)) return;
    if (c == '{' && starts(l, "{:}")) { // 3{:}30
        l->p += 3;
        emit(l, TK_MARK, ':', literal(":"), begin);
        return;
    }
    if (c == '{' && starts(l, "{}")) { // {}_6C_3
        l->p += 2;
        return;
    }
    if (c == '&' && !l->tables && l->frames) { // of an aligned equation
        l->p++;
        return;
    }
    l->p++;
    if (c == '(' || c == '[') l->brackets++;
    if (c == ')' || c == ']') l->brackets--;
    if (c && strchr("+-*/^_()[]{}|,;:&'%.", c))
        mark(l, c, begin);
    else
        l->out->bad = true;
}

static void lex(Lexer *l) {
    while (l->p < l->end && !l->w->over) {
        unsigned char c = (unsigned char)*l->p;
        if (is_blank((char)c)) {
            l->p++, l->space = true;
        } else if (c == '$') {
            l->p++;
        } else if (isdigit(c) ||
                   (c == '.' && l->p + 1 < l->end && isdigit((unsigned char)l->p[1]))) {
            const char *begin = l->p;
            Numeral n;
            if (!numeral_take(l->w, &l->p, l->end, l->group && l->brackets == 0, l->room, &n))
                return;
            l->out->grouped |= n.comma;
            Token *t = emit(l, TK_NUMBER, 0, n.digits, begin);
            if (!t) return;
            t->exp10 = n.exp10;
            t->plain = n.plain;
        } else if (c == '.' && (starts(l, ".\\overline") || starts(l, ".\\bar"))) {
            const char *begin = l->p++; // .\overline{3}
            Token *t = emit(l, TK_NUMBER, 1, literal("0"), begin);
            if (!t) return;
        } else if (isalpha(c)) {
            lex_letters(l);
        } else if (c == '\\') {
            lex_backslash(l);
        } else if (c & 0x80) {
            lex_utf8(l);
        } else {
            lex_ascii(l);
        }
    }
}

bool latex_tokens(Work *w, Slice text, bool group, Tokens *out) {
    *out = (Tokens){0};
    Slice titled = behind_title(text);
    if (titled.size) text = titled;
    size_t cap = 2 * text.size + 16; // a glyph may give three tokens, but has two bytes
    if (cap > MATH_MAX_TOKENS) cap = MATH_MAX_TOKENS;
    out->token = ARENA_ARRAY(w->arena, Token, cap);
    char *room = ARENA_ARRAY(w->arena, char, text.size + 1);
    Lexer l = {.w = w,
               .out = out,
               .room = &room,
               .p = text.data,
               .end = text.data + text.size,
               .cap = (uint32_t)cap,
               .group = group};
    lex(&l);
    if (w->over) return false;
    while (out->n && (token_is(&out->token[out->n - 1], '.') || // the end of a sentence, of a line
                      token_is(&out->token[out->n - 1], MARK_LINE)))
        out->n--;
    out->token[out->n] = (Token){.kind = TK_END, .begin = l.end, .end = l.end};
    return true;
}
