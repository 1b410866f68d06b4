// verifiers/math/tree/latex.c -- from bytes to tokens: the pass, letters and signs.
#include "verifiers/math/tree/latex.h"

#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/lexer.h"
#include "verifiers/math/tree/limits.h"
#include "verifiers/math/tree/numeral.h"
#include "verifiers/math/tree/tail.h"
#include "verifiers/math/tree/texcommand.h"

Token *lexer_emit(Lexer *l, TokenKind kind, int id, Slice text, const char *begin) {
    if (l->out->n + 1 >= l->cap) {
        if (!l->w->over) l->w->over = "too many tokens";
        return NULL;
    }
    Token *t = &l->out->token[l->out->n++];
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): latex_tokens made the array
    *t = (Token){.kind = (uint8_t)kind,
                 .space = l->space,
                 .id = (uint16_t)id,
                 .text = text,
                 .begin = begin,
                 .end = l->p};
    l->space = false;
    return t;
}

Token *lexer_mark(Lexer *l, int id, const char *begin) {
    return lexer_emit(l, TK_MARK, id, (Slice){begin, (size_t)(l->p - begin)}, begin);
}

void lexer_blanks(Lexer *l) {
    while (l->p < l->end && (isspace((unsigned char)*l->p) || *l->p == '~'))
        l->p++, l->space = true;
}

bool lexer_starts(const Lexer *l, const char *text) {
    size_t n = strlen(text);
    return (size_t)(l->end - l->p) >= n && memcmp(l->p, text, n) == 0;
}

// "{...}" at p, with escapes: its content, and p behind it. False if it is not closed.
bool lexer_group(Lexer *l, Slice *content) {
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

void lexer_inside(Lexer *l, Slice content) {
    Lexer inner = *l;
    inner.p = content.data;
    inner.end = content.data + content.size;
    inner.nested++;
    if (inner.nested > LEXER_MAX_NESTED) {
        l->out->bad = true;
        return;
    }
    lex(&inner);
    l->space = inner.space;
    l->brackets = inner.brackets;
}

bool lexer_is_blank(char c) {
    return isspace((unsigned char)c) || c == '~';
}

// max(a,b), gcd(12,18), det A, arg z in plain text: only where an argument follows, and no number
// is before (90 deg).
static bool is_plain_function(const Lexer *l, Slice run, const char *behind) {
    static const char *const bracket[] = {"max", "min", "gcd", "lcm",  "det", "arg", "tr",
                                          "deg", "dim", "ker", "rank", "sgn", NULL};
    static const char *const letter[] = {"det", "arg", "tr", "deg", "dim", "ker", "rank", NULL};
    const char *p = behind;
    while (p < l->end && lexer_is_blank(*p)) p++;
    if (p == l->end || (l->out->n && l->out->token[l->out->n - 1].kind == TK_NUMBER)) return false;
    if (*p == '(' || *p == '{' || (*p == '\\' && p + 1 < l->end && p[1] == '{'))
        return lexer_is_one_of(run, bracket) && islower((unsigned char)*run.data);
    bool single = isalpha((unsigned char)*p) && (p + 1 == l->end || !isalpha((unsigned char)p[1]));
    return single && p > behind && lexer_is_one_of(run, letter) &&
           islower((unsigned char)*run.data);
}

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && lexer_is_blank(*p)) p++;
    return p;
}

const char *lexer_currency(Slice word) {
    static const char *const rows[][2] = {
        {"USD", "dollar"}, {"US", "dollar"}, {"EUR", "EUR"}, {"GBP", "GBP"}, {"JPY", "JPY"},
        {"CNY", "CNY"},    {"RMB", "CNY"},   {"INR", "INR"}, {"Rs", "INR"},  {"Re", "INR"},
        {"CAD", "CAD"},    {"AUD", "AUD"},   {"CHF", "CHF"}, {"KRW", "KRW"}, {"HK", "HKD"},
        {"NZ", "NZD"},     {"RUB", "RUB"},   {"Rs.", "INR"}};
    if (word.size < 2 || word.size > 3 || !isupper((unsigned char)*word.data)) return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (*rows[i][0] == *word.data && strlen(rows[i][0]) == word.size &&
            memcmp(rows[i][0], word.data, word.size) == 0)
            return rows[i][1];
    return NULL;
}

// USD 12, US$12, Rs. 12: a currency before a number.
static bool lex_currency(Lexer *l, Slice run) {
    const char *p = run.data + run.size, *behind = p, *name = lexer_currency(run);
    if (!name) return false;
    if (p < l->end && *p == '.') p++;
    p = skip_blanks(p, l->end);
    bool sign = false;
    if (l->end - p > 1 && memcmp(p, "\\$", 2) == 0) p += 2, sign = true;
    if (p < l->end && *p == '$') p++, sign = true;
    p = skip_blanks(p, l->end);
    bool code = run.size == 3 || *run.data == 'R' || sign; // "US 12" is none
    if (!code || p >= l->end || !isdigit((unsigned char)*p) || p == behind) return false;
    l->p = p;
    lexer_emit(l, TK_MARK, MARK_CURRENCY, slice_of(name), run.data);
    return true;
}

// 1.0 x 10^3: the letter between a number and a power of ten.
static bool lex_times(Lexer *l, Slice run) {
    if (run.size != 1 || (*run.data != 'x' && *run.data != 'X') || !l->out->n) return false;
    if (l->out->token[l->out->n - 1].kind != TK_NUMBER) return false;
    const char *p = skip_blanks(run.data + 1, l->end);
    if (l->end - p < 3 || memcmp(p, "10", 2) != 0) return false;
    p = skip_blanks(p + 2, l->end);
    bool power = p < l->end && (*p == '^' || (l->end - p > 1 && memcmp(p, "**", 2) == 0) ||
                                (unsigned char)*p == 0xC2 || (unsigned char)*p == 0xE2);
    if (!power) return false;
    l->p = run.data + 1;
    lexer_emit(l, TK_MARK, '*', slice_of("*"), run.data);
    return true;
}

// A run of plain letters: a word of mathematics, a word of prose, or one letter a token.
static void lex_letters(Lexer *l) {
    const char *from = l->p, *p = from;
    while (p < l->end && isalpha((unsigned char)*p)) p++;
    if (lexer_accented(p, l->end)) { // a word of German, French, ..
        size_t n;
        while (p < l->end && (isalpha((unsigned char)*p) || lexer_accented(p, l->end)))
            n = lexer_accented(p, l->end), p += n ? n : 1;
        l->p = p;
        lexer_emit(l, TK_WORD, 0, (Slice){from, (size_t)(p - from)}, from);
        return;
    }
    Slice run = {from, (size_t)(p - from)};
    if (lex_currency(l, run) || lex_times(l, run)) return;
    size_t half = run.size == 3 ? tail_addition((Slice){from, (size_t)(l->end - from)}) : 0;
    if (half) { // "5 and a half"
        l->p = from + half;
        lexer_emit(l, TK_WORD, 0, (Slice){from, half}, from);
        return;
    }
    bool word = run.size >= 2 && (texcommand_is_word(run) || is_plain_function(l, run, p));
    const TexCommand *known = word ? texcommand_find(run) : NULL;
    if (known) {
        l->p = p;
        lexer_command(l, known, run, from);
        return;
    }
    if (lexer_is_word(run, "mod")) {
        l->p = p;
        lexer_mark(l, MARK_PMOD, from);
        return;
    }
    if (run.size >= 5) {
        l->p = p;
        lexer_emit(l, TK_WORD, 0, run, from);
        return;
    }
    for (const char *at = from; at < p; at++) {
        l->p = at + 1;
        Token *t = lexer_emit(l, TK_LETTER, 0, (Slice){at, 1}, at);
        if (!t) return;
        t->run = at == from ? (uint16_t)run.size : 0;
    }
}

// ^\circ, ^{\circ}, ^\prime: marks of their own. p is on the caret.
static bool lex_raised(Lexer *l) {
    const char *begin = l->p, *p = begin + 1;
    while (p < l->end && lexer_is_blank(*p)) p++;
    bool brace = p < l->end && *p == '{';
    if (brace) p++;
    while (p < l->end && lexer_is_blank(*p)) p++;
    Lexer ahead = *l;
    ahead.p = p;
    int n_primes = 0;
    bool degree = false;
    if (lexer_starts(&ahead, "\\circ")) {
        degree = true, p += 5;
    } else if (lexer_starts(&ahead, "\xC2\xB0")) {
        degree = true, p += 2;
    } else {
        for (;;) {
            ahead.p = p;
            if (!lexer_starts(&ahead, "\\prime")) break;
            p += 6, n_primes++;
            while (p < l->end && lexer_is_blank(*p)) p++;
        }
    }
    if (!degree && !n_primes) return false;
    if (degree && p < l->end && isalpha((unsigned char)*p)) return false;
    while (brace && p < l->end && lexer_is_blank(*p)) p++;
    if (brace && (p >= l->end || *p != '}')) return false;
    l->p = p + brace;
    if (degree)
        lexer_mark(l, MARK_DEGREE, begin);
    else
        while (n_primes--) lexer_mark(l, '\'', begin);
    return true;
}

static void relation(Lexer *l, int which, int bytes) {
    const char *begin = l->p;
    l->p += bytes;
    Token *before = l->out->n ? &l->out->token[l->out->n - 1] : NULL;
    if (which == RELATION_EQ && before && token_is(before, MARK_NOT)) {
        l->out->n--;
        which = RELATION_NE;
    }
    Token *t = lexer_mark(l, MARK_RELATION, begin);
    if (t) t->exp10 = which;
}

// Is what comes the argument of \frac, \sqrt, \overline, _ or ^? An empty one is not left out:
// \frac{}1{4} prints no quarter.
static bool wants_argument(const Lexer *l) {
    if (!l->out->n) return false;
    const Token *t = &l->out->token[l->out->n - 1], *first = l->out->token;
    if (token_is(t, '}')) { // the second one?
        int open = 0;
        do open += token_is(t, '}') - token_is(t, '{');
        while (open && t-- > first);
        if (open || t == first) return false;
        t--;
        return token_is(t, MARK_FRAC) || token_is(t, MARK_BINOM);
    }
    return token_is(t, MARK_FRAC) || token_is(t, MARK_SQRT) || token_is(t, MARK_BINOM) ||
           token_is(t, MARK_OVERLINE) || token_is(t, MARK_ACCENT) || token_is(t, '^') ||
           token_is(t, '_') ||
           (t > first && (token_is(t - 1, MARK_FRAC) || token_is(t - 1, MARK_BINOM)));
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
            l->p++, lexer_mark(l, '!', begin);
        return;
    }
    if (c == '.' && lexer_starts(l, "...")) {
        while (l->p < l->end && *l->p == '.') l->p++;
        lexer_mark(l, MARK_DOTS, begin);
        return;
    }
    if (c == '*' && lexer_starts(l, "**")) {
        l->p += 2;
        lexer_mark(l, '^', begin);
        return;
    }
    if (c == '^' && lex_raised(l)) return;
    if (c == '{' && lexer_starts(l, "{:}")) { // 3{:}30
        l->p += 3;
        lexer_emit(l, TK_MARK, ':', slice_of(":"), begin);
        return;
    }
    if (c == '{' && lexer_starts(l, "{}") && !wants_argument(l)) { // {}_6C_3
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
        lexer_mark(l, c, begin);
    else
        l->out->bad = true;
}

static void lex(Lexer *l) {
    while (l->p < l->end && !l->w->over) {
        unsigned char c = (unsigned char)*l->p;
        if (lexer_is_blank((char)c)) {
            l->p++, l->space = true;
        } else if (c == '$') {
            l->p++;
        } else if (isdigit(c) ||
                   (c == '.' && l->p + 1 < l->end && isdigit((unsigned char)l->p[1]))) {
            const char *begin = l->p;
            Numeral n;
            bool commas = l->brackets == 0 && (l->group || numeral_has_zero_group(l->p, l->end));
            if (!numeral_take(l->w, &l->p, l->end, commas, l->room, &n)) return;
            l->out->grouped |= n.comma;
            Token *t = lexer_emit(l, TK_NUMBER, 0, n.digits, begin);
            if (!t) return;
            t->exp10 = n.exp10;
            t->plain = n.plain;
        } else if (c == '.' && (lexer_starts(l, ".\\overline") || lexer_starts(l, ".\\bar"))) {
            const char *begin = l->p++; // .\overline{3}
            Token *t = lexer_emit(l, TK_NUMBER, 1, slice_of("0"), begin);
            if (!t) return;
        } else if (isalpha(c)) {
            lex_letters(l);
        } else if (c == '\\') {
            lexer_backslash(l);
        } else if (c & 0x80) {
            lexer_utf8(l);
        } else {
            lex_ascii(l);
        }
    }
}

// \text{Answer}: 7 as Answer: 7.
static Slice plain_title(Work *w, Slice text) {
    static const char *const fonts[] = {"\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{"};
    for (size_t i = 0; i < sizeof fonts / sizeof *fonts; i++) {
        size_t n = strlen(fonts[i]);
        if (text.size <= n || memcmp(text.data, fonts[i], n) != 0) continue;
        const char *close = memchr(text.data, '}', text.size), *end = text.data + text.size;
        for (const char *p = text.data + n; close && p < close; p++)
            if (!isalpha((unsigned char)*p) && *p != ' ' && *p != ':') return text;
        if (!close || close + 1 == end) return text;
        char *out = arena_alloc_unset(w->arena, text.size, 1);
        size_t words = (size_t)(close - text.data) - n, rest = (size_t)(end - close) - 1;
        memcpy(out, text.data + n, words);
        memcpy(out + words, close + 1, rest);
        Slice plain = {out, words + rest};
        return lexer_behind_title(plain).size < plain.size ? plain : text;
    }
    return text;
}

enum { BEHIND_END = 8 }; // the grammar looks some tokens ahead without asking where the end is

bool latex_tokens(Work *w, Slice text, bool group, Tokens *out) {
    *out = (Tokens){0};
    Slice titled = lexer_behind_title(plain_title(w, text));
    if (titled.size && titled.size < text.size) text = boxed_unmarked(titled); // Answer: **73**
    size_t cap = 2 * text.size + 16; // a glyph may give three tokens, but has two bytes
    if (cap > MATH_MAX_TOKENS) cap = MATH_MAX_TOKENS;
    out->token = arena_alloc_unset(w->arena, cap + BEHIND_END, sizeof *out->token);
    char *room = arena_alloc_unset(w->arena, text.size + 1, 1);
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
    for (int i = 0; i < BEHIND_END; i++)
        out->token[out->n + (uint32_t)i] = (Token){.kind = TK_END, .begin = l.end, .end = l.end};
    return true;
}
