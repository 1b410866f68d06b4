// verifiers/math/tree/tail_plain.c -- LaTeX behind a number as plain words and signs.
#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

#include "verifiers/math/tree/tail.h"
#include "verifiers/math/tree/unit.h"

static bool put(char *out, size_t *n, const char *text) {
    if (*n + strlen(text) > TAIL_MAX_BYTES) return false;
    for (; *text; text++) out[(*n)++] = *text;
    return true;
}

static bool starts(const char *p, const char *end, const char *text) {
    size_t n = strlen(text);
    return (size_t)(end - p) >= n && memcmp(p, text, n) == 0;
}

// A command of LaTeX: what it is in a plain text; NULL if words do not have it.
static const char *command_text(Slice name) {
    static const char *const rows[][2] = {{"text", ""},
                                          {"textbf", ""},
                                          {"textit", ""},
                                          {"textrm", ""},
                                          {"textsf", ""},
                                          {"textnormal", ""},
                                          {"textup", ""},
                                          {"texttt", ""},
                                          {"mathrm", ""},
                                          {"mathbf", ""},
                                          {"mathit", ""},
                                          {"mathsf", ""},
                                          {"mathtt", ""},
                                          {"mathnormal", ""},
                                          {"operatorname", ""},
                                          {"mbox", ""},
                                          {"hbox", ""},
                                          {"rm", ""},
                                          {"bf", ""},
                                          {"it", ""},
                                          {"displaystyle", ""},
                                          {"left", ""},
                                          {"right", ""},
                                          {"emph", ""},
                                          {"boldsymbol", ""},
                                          {"bm", ""},
                                          {"quad", " "},
                                          {"qquad", " "},
                                          {"enspace", " "},
                                          {"thinspace", " "},
                                          {"space", " "},
                                          {"cdot", "*"},
                                          {"times", "*"},
                                          {"mu", "u"},
                                          {"micro", "micro"},
                                          {"Omega", "ohm"},
                                          {"ohm", "ohm"},
                                          {"degree", " degree "},
                                          {"degrees", " degree "},
                                          {"circ", " degree "},
                                          {"celsius", " degree C"},
                                          {"percent", " percent "},
                                          {"per", "/"},
                                          {"AA", "angstrom"},
                                          {"pounds", "GBP"},
                                          {"euro", "EUR"},
                                          {"yen", "JPY"},
                                          {"slash", "/"},
                                          {"cents", "cent"},
                                          {"squared", " squared "},
                                          {"cubed", " cubed "},
                                          {"square", " square "},
                                          {"cubic", " cubic "}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strlen(rows[i][0]) == name.size && memcmp(rows[i][0], name.data, name.size) == 0)
            return rows[i][1];
    return NULL;
}

// siunitx: \kilo\meter. A prefix joins the name behind it.
static bool put_siunitx(Slice name, char *out, size_t *n) {
    static const char *const prefixes[] = {"kilo", "mega", "giga",  "tera",  "milli", "micro",
                                           "nano", "pico", "femto", "centi", "deci",  "hecto"};
    char word[32] = {0};
    if (name.size >= sizeof word - 1) return false;
    memcpy(word, name.data, name.size);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strcmp(word, prefixes[i]) == 0) return put(out, n, " ") && put(out, n, word);
    Unit unit;
    if (!unit_read(name, &unit)) return false;
    bool joined = *n >= 2 && isalpha((unsigned char)out[*n - 1]) && name.size > 1;
    for (size_t i = 0; joined && i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t size = strlen(prefixes[i]);
        if (*n >= size && memcmp(out + *n - size, prefixes[i], size) == 0)
            return put(out, n, word) && put(out, n, " ");
    }
    return put(out, n, " ") && put(out, n, word) && put(out, n, " ");
}

static const char *glyph_text(const char *p, const char *end, size_t *size) {
    static const char *const rows[][2] = {{"\xC2\xB7", "*"},
                                          {"\xE2\x8B\x85", "*"},
                                          {"\xE2\x80\xA2", "*"},
                                          {"\xE2\x88\x99", "*"},
                                          {"\xC3\x97", "*"},
                                          {"\xC2\xB5", "u"},
                                          {"\xCE\xBC", "u"},
                                          {"\xCE\xA9", "ohm"},
                                          {"\xE2\x84\xA6", "ohm"},
                                          {"\xC2\xB0", " degree "},
                                          {"\xC2\xBA", " degree "},
                                          {"\xE2\x84\x83", " degree C"},
                                          {"\xE2\x84\x89", " degree F"},
                                          {"\xE2\x82\xAC", "EUR"},
                                          {"\xC2\xA3", "GBP"},
                                          {"\xC2\xA5", "JPY"},
                                          {"\xE2\x82\xB9", "INR"},
                                          {"\xE2\x82\xA9", "KRW"},
                                          {"\xE2\x82\xBD", "RUB"},
                                          {"\xC2\xA2", "cent"},
                                          {"\xC3\x85", "angstrom"},
                                          {"\xE2\x84\xAB", "angstrom"},
                                          {"\xC2\xA0", " "},
                                          {"\xE2\x80\xAF", " "},
                                          {"\xE2\x80\x89", " "},
                                          {"\xE3\x80\x80", " "},
                                          {"\xE2\x88\x92", "-"},
                                          {"\xE2\x80\x93", "-"},
                                          {"\xE2\x80\x91", "-"},
                                          {"\xE2\x80\x99", "'"},
                                          {"\xE2\x80\xB0", " per thousand"},
                                          {"\xE2\x80\x8B", ""},
                                          {"\xC2\xB2", "^2"},
                                          {"\xC2\xB3", "^3"},
                                          {"\xE2\x81\xBB\xC2\xB9", "^-1"},
                                          {"\xE2\x81\xBB\xC2\xB2", "^-2"},
                                          {"\xE2\x81\xBB\xC2\xB3", "^-3"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (starts(p, end, rows[i][0])) {
            *size = strlen(rows[i][0]);
            return rows[i][1];
        }
    return NULL;
}

static bool is_letter_code(utf8proc_int32_t c) {
    utf8proc_category_t kind = utf8proc_category(c);
    return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_ME;
}

typedef struct PlainWriter {
    const char *p, *end;
    char *out;
    size_t n;
    int fraction, depth; // 1: the numerator's group comes, 2: the denominator's
} PlainWriter;

static bool write_text(PlainWriter *w, const char *text) {
    return put(w->out, &w->n, text);
}

// p is behind a backslash.
static bool write_command(PlainWriter *w) {
    const char *from = w->p;
    while (w->p < w->end && isalpha((unsigned char)*w->p)) w->p++;
    Slice name = {from, (size_t)(w->p - from)};
    if (!name.size) {
        if (w->p >= w->end) return true;
        char c = *w->p++;
        const char *plain = c == '%' ? " percent " : c == '$' ? " dollar " : c == '!' ? "" : " ";
        return c && strchr("%$!,;: >/\\()[]\n", c) && write_text(w, plain);
    }
    if (name.size >= 4 && memcmp(name.data + name.size - 4, "frac", 4) == 0) {
        bool first = !w->fraction;
        w->fraction = 1, w->depth = 0;
        return first && write_text(w, "(");
    }
    const char *plain = command_text(name);
    if (!plain) return put_siunitx(name, w->out, &w->n);
    if (strcmp(plain, " degree ") == 0 && w->n && w->out[w->n - 1] == '^') w->n--;
    if (*plain == 'u') // \mu m
        while (w->p < w->end && (*w->p == ' ' || *w->p == '~')) w->p++;
    return write_text(w, plain);
}

static bool write_utf8(PlainWriter *w) {
    size_t glyph;
    const char *plain = glyph_text(w->p, w->end, &glyph);
    if (plain) {
        if (*plain == ' ' && w->n && w->out[w->n - 1] == '^') w->n--;
        w->p += glyph;
        return write_text(w, plain);
    }
    utf8proc_int32_t code;
    utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)w->p, w->end - w->p, &code);
    if (got <= 0 || !is_letter_code(code) || w->n + (size_t)got > TAIL_MAX_BYTES) return false;
    for (utf8proc_ssize_t i = 0; i < got; i++) w->out[w->n++] = *w->p++;
    return true;
}

static bool write_brace(PlainWriter *w, char c) {
    if (!w->fraction) return true;
    w->depth += (c == '{') - (c == '}');
    if (c != '}' || w->depth != 0) return true;
    bool first = w->fraction == 1;
    w->fraction = first ? 2 : 0;
    return write_text(w, first ? ")/(" : ")");
}

static bool write_ascii(PlainWriter *w) {
    char c = *w->p++, one[2] = {c, 0};
    if (isspace((unsigned char)c) || c == '~')
        return (w->n && w->out[w->n - 1] == ' ') || write_text(w, " ");
    if (c == '{' || c == '}' || c == '$') return write_brace(w, c);
    if (c == '%') return write_text(w, " percent ");
    bool known = isalnum((unsigned char)c) || (c && strchr(".,'-/^()*:", c));
    return known && write_text(w, one);
}

bool tail_plain(Slice text, char out[TAIL_MAX_BYTES + 1], size_t *size) {
    PlainWriter w = {.p = text.data, .end = text.data + text.size, .out = out};
    while (w.p < w.end) {
        bool good;
        if (*w.p == '\\') {
            w.p++;
            good = write_command(&w);
        } else if (*w.p & 0x80) {
            good = write_utf8(&w);
        } else {
            good = write_ascii(&w);
        }
        if (!good) return false;
    }
    if (w.fraction) return false;
    size_t n = w.n, front = 0;
    while (front < n && out[front] == ' ') front++;
    while (n > front && out[n - 1] == ' ') n--;
    memmove(out, out + front, n - front);
    n -= front;
    out[n] = 0;
    *size = n;
    return true;
}
