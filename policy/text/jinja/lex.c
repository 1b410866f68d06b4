// policy/text/jinja/lex.c -- a template cut into tokens, whitespace control included.
#include <ctype.h>
#include <string.h>

#include "policy/text/jinja/syntax.h"

typedef struct TemplateLexer {
    const char *at, *end, *name;
    int line;
    bool line_start; // the last byte taken was a newline, or nothing was taken yet
    JinjaToken *token;
    int n, cap;
    Arena *arena;
} TemplateLexer;

static void add(TemplateLexer *x, JinjaTokenKind kind, const char *data, size_t size) {
    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 256;
        JinjaToken *grown = ARENA_ARRAY(x->arena, JinjaToken, x->cap);
        if (x->n) memcpy(grown, x->token, (size_t)x->n * sizeof *grown);
        x->token = grown;
    }
    x->token[x->n++] = (JinjaToken){.kind = kind, .line = x->line, .text = {data, size}};
}

static bool begins(const TemplateLexer *x, const char *word) {
    size_t n = strlen(word);
    return (size_t)(x->end - x->at) >= n && memcmp(x->at, word, n) == 0;
}

static void skip(TemplateLexer *x, size_t n) {
    for (; n > 0; n--, x->at++) {
        x->line_start = *x->at == '\n';
        x->line += x->line_start;
    }
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_spaces(TemplateLexer *x) {
    while (x->at < x->end && is_space(*x->at)) skip(x, 1);
}

// After the end of a tag: `-` before it takes all whitespace; a block or comment takes one newline,
// unless `+`.
static void after_tag(TemplateLexer *x, char control, bool trims) {
    x->line_start = false;
    if (control == '-')
        skip_spaces(x);
    else if (trims && control != '+' && begins(x, "\n"))
        skip(x, 1);
}

// Text before a tag that begins with `open`. `control` is the byte behind it.
static void data_before(TemplateLexer *x, const char *from, const char *to, bool line_start,
                        bool variable, char control) {
    if (control == '-') {
        while (to > from && is_space(to[-1])) to--;
    } else if (!variable && control != '+') {
        const char *line = to;
        while (line > from && line[-1] != '\n') line--;
        bool blank = line > from || line_start;
        for (const char *c = line; c < to; c++) blank = blank && is_space(*c);
        if (blank) to = line;
    }
    if (to > from) add(x, JINJA_T_DATA, from, (size_t)(to - from));
}

static int hex(const char *s, int n, uint32_t *out) {
    *out = 0;
    for (int i = 0; i < n; i++) {
        char c = s[i];
        if (!isxdigit((unsigned char)c)) return 0;
        *out = *out * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return n;
}

static void put_code(uint32_t c, Str *out) {
    if (c < 0x80) {
        str_putc(out, (char)c);
    } else if (c < 0x800) {
        str_putc(out, (char)(0xC0 | c >> 6));
        str_putc(out, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        str_putc(out, (char)(0xE0 | c >> 12));
        str_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        str_putc(out, (char)(0x80 | (c & 0x3F)));
    } else {
        str_putc(out, (char)(0xF0 | c >> 18));
        str_putc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        str_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
        str_putc(out, (char)(0x80 | (c & 0x3F)));
    }
}

// One escape at s ('\\'), as Python's; how many bytes it took.
static size_t unescape(const char *s, const char *end, Str *out) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    if (s + 1 >= end) {
        str_putc(out, '\\');
        return 1;
    }
    const char *simple = s[1] ? strchr(from, s[1]) : NULL;
    int digits = s[1] == 'x' ? 2 : s[1] == 'u' ? 4 : s[1] == 'U' ? 8 : 0;
    uint32_t code = 0;
    if (s[1] == '\n') return 2;
    if (simple) {
        str_putc(out, to[simple - from]);
        return 2;
    }
    if (digits && end - s >= 2 + digits && hex(s + 2, digits, &code) && code < 0x110000 &&
        (code >> 11) != 0x1B) {
        put_code(code, out);
        return (size_t)digits + 2;
    }
    if (s[1] >= '0' && s[1] <= '7') {
        size_t n = 1;
        for (; n < 4 && s + n < end && s[n] >= '0' && s[n] <= '7'; n++)
            code = code * 8 + (uint32_t)(s[n] - '0');
        put_code(code, out);
        return n;
    }
    str_putc(out, '\\');
    return 1;
}

static Status lex_string(TemplateLexer *x) {
    const char quote = *x->at, *s = x->at + 1;
    Str text = {0};
    while (s < x->end && *s != quote) {
        if (*s == '\\')
            s += unescape(s, x->end, &text);
        else
            str_putc(&text, *s++);
    }
    if (s >= x->end) {
        str_free(&text);
        return FAIL(ST_FORMAT, "%s: line %d: a string has no end", x->name, x->line);
    }
    JinjaValue copy = jinja_copy(&text, x->arena);
    str_free(&text);
    add(x, JINJA_T_STRING, copy.text.data, copy.text.size);
    skip(x, (size_t)(s + 1 - x->at));
    return ST_OK;
}

static bool is_name(char c, bool first) {
    return c == '_' || (unsigned char)c >= 0x80 ||
           (first ? isalpha((unsigned char)c) : isalnum((unsigned char)c));
}

static void lex_number(TemplateLexer *x) {
    const char *s = x->at;
    bool attribute = x->n > 0 && x->token[x->n - 1].kind == JINJA_T_OPERATOR &&
                     jinja_is(x->token[x->n - 1].text, ".");
    bool real = false;
    while (s < x->end && (isdigit((unsigned char)*s) || *s == '_')) s++;
    if (!attribute && s + 1 < x->end && *s == '.' && isdigit((unsigned char)s[1])) {
        real = true;
        for (s++; s < x->end && isdigit((unsigned char)*s);) s++;
    }
    if (!attribute && s < x->end && (*s | 32) == 'e') {
        const char *e = s + 1;
        if (e < x->end && (*e == '+' || *e == '-')) e++;
        if (e < x->end && isdigit((unsigned char)*e)) {
            real = true;
            for (s = e; s < x->end && isdigit((unsigned char)*s);) s++;
        }
    }
    add(x, real ? JINJA_T_FLOAT : JINJA_T_INT, x->at, (size_t)(s - x->at));
    skip(x, (size_t)(s - x->at));
}

// The inside of {{ }} or {% %}, its end included.
static Status lex_tag(TemplateLexer *x, const char *end) {
    static const char *const two[] = {"//", "**", "==", "!=", "<=", ">="};
    int open = 0;
    const int begin = x->line;
    for (;;) {
        skip_spaces(x);
        if (x->at >= x->end)
            return FAIL(ST_FORMAT, "%s: line %d: a tag has no '%s'", x->name, begin, end);
        bool control = *x->at == '-' || (*x->at == '+' && end[0] == '%');
        if (open == 0 && (begins(x, end) || (control && x->at + 2 < x->end && x->at[1] == end[0] &&
                                             x->at[2] == end[1]))) {
            bool variable = end[0] == '}';
            char mark = control ? *x->at : ' ';
            add(x, variable ? JINJA_T_PRINT_END : JINJA_T_BLOCK_END, x->at, 0);
            skip(x, control ? 3 : 2);
            after_tag(x, mark, !variable);
            return ST_OK;
        }
        char c = *x->at;
        if (c == '\'' || c == '"') {
            TRY(lex_string(x));
        } else if (isdigit((unsigned char)c)) {
            lex_number(x);
        } else if (is_name(c, true)) {
            size_t n = 1;
            while (x->at + n < x->end && is_name(x->at[n], false)) n++;
            add(x, JINJA_T_NAME, x->at, n);
            skip(x, n);
        } else if (c && strchr("+-*/%~<>=()[]{},:.|;!", c)) {
            size_t n = 1;
            for (size_t i = 0; i < sizeof two / sizeof *two; i++)
                if (begins(x, two[i])) n = 2;
            if (strchr("([{", c)) open++;
            if (strchr(")]}", c) && --open < 0)
                return FAIL(ST_FORMAT, "%s: line %d: '%c' closes nothing", x->name, x->line, c);
            add(x, JINJA_T_OPERATOR, x->at, n);
            skip(x, n);
        } else {
            return FAIL(ST_FORMAT, "%s: line %d: '%c' has no meaning in a tag", x->name, x->line,
                        c);
        }
    }
}

static Status lex_comment(TemplateLexer *x) {
    const char *s = x->at + 2;
    while (s + 1 < x->end && !(s[0] == '#' && s[1] == '}')) s++;
    if (s + 1 >= x->end)
        return FAIL(ST_FORMAT, "%s: line %d: a comment has no '#}'", x->name, x->line);
    char control = s > x->at + 2 ? s[-1] : ' ';
    skip(x, (size_t)(s + 2 - x->at));
    after_tag(x, control, true);
    return ST_OK;
}

// At "{%": is it raw or endraw, and where does the tag end? *before, *after: its whitespace
// controls.
static size_t raw_tag(const TemplateLexer *x, const char *s, const char *word, char *before,
                      char *after) {
    const char *at = s + 2;
    size_t n = strlen(word);
    *before = at < x->end ? *at : ' ';
    if (at < x->end && (*at == '-' || *at == '+')) at++;
    while (at < x->end && is_space(*at)) at++;
    if ((size_t)(x->end - at) < n || memcmp(at, word, n) != 0) return 0;
    for (at += n; at < x->end && is_space(*at);) at++;
    *after = at < x->end ? *at : ' ';
    if (at < x->end && (*at == '-' || *at == '+')) at++;
    if (x->end - at < 2 || at[0] != '%' || at[1] != '}') return 0;
    return (size_t)(at + 2 - s);
}

static Status lex_raw(TemplateLexer *x, size_t open, char control) {
    const int begin = x->line;
    skip(x, open);
    after_tag(x, control, true);
    const bool line_start = x->line_start;
    for (const char *s = x->at; s + 1 < x->end; s++) {
        char before, after;
        size_t n = s[0] == '{' && s[1] == '%' ? raw_tag(x, s, "endraw", &before, &after) : 0;
        if (n == 0) continue;
        data_before(x, x->at, s, line_start, false, before);
        skip(x, (size_t)(s - x->at) + n);
        after_tag(x, after, true);
        return ST_OK;
    }
    return FAIL(ST_FORMAT, "%s: line %d: raw has no endraw", x->name, begin);
}

Status jinja_lex(const char *text, size_t size, const char *name, JinjaToken **out, Arena *arena) {
    if (size && text[size - 1] == '\n') size--; // as Jinja does
    TemplateLexer x = {.at = text,
                       .end = text + size,
                       .name = name,
                       .line = 1,
                       .line_start = true,
                       .arena = arena};
    while (x.at < x.end) {
        const char *s = x.at;
        while (s < x.end && !(s[0] == '{' && s + 1 < x.end && strchr("{%#", s[1]) && s[1])) s++;
        bool tag = s < x.end;
        char control = tag && s + 2 < x.end ? s[2] : ' ';
        const bool line_start = x.line_start;
        if (!tag) {
            add(&x, JINJA_T_DATA, x.at, (size_t)(s - x.at));
            break;
        }
        data_before(&x, x.at, s, line_start, s[1] == '{', control);
        skip(&x, (size_t)(s - x.at));
        char before, after;
        size_t raw = s[1] == '%' ? raw_tag(&x, s, "raw", &before, &after) : 0;
        if (raw) {
            TRY(lex_raw(&x, raw, after));
        } else if (s[1] == '#') {
            TRY(lex_comment(&x));
        } else {
            bool print = s[1] == '{';
            add(&x, print ? JINJA_T_PRINT_BEGIN : JINJA_T_BLOCK_BEGIN, s, 0);
            skip(&x, control == '-' || (control == '+' && !print) ? 3 : 2);
            TRY(lex_tag(&x, print ? "}}" : "%}"));
        }
    }
    add(&x, JINJA_T_END, x.end, 0);
    *out = x.token;
    return ST_OK;
}
