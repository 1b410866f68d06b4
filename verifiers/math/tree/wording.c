// verifiers/math/tree/wording.c -- a plain form of words, and the letters of choices.
#include "verifiers/math/tree/wording.h"

#include <ctype.h>
#include <string.h>
#include <utf8proc.h>

static bool dress(const char *p, const char *end, size_t *n) {
    static const char *const skip[] = {
        "\\textbf", "\\textit", "\\textrm", "\\textnormal", "\\text",
        "\\mathrm", "\\mathbf", "\\mathit", "\\mathsf",     "\\operatorname",
        "\\mbox",   "\\hbox",   "\\left",   "\\right",      "\\displaystyle",
        "\\quad",   "\\qquad",  "\\,",      "\\;",          "\\:",
        "\\!",      "\\ ",      "\\(",      "\\)",          "\\[",
        "\\]"};
    for (size_t i = 0; i < sizeof skip / sizeof *skip; i++) {
        if (end - p < 2 || skip[i][1] != p[1]) continue;
        size_t k = strlen(skip[i]);
        if ((size_t)(end - p) >= k && memcmp(p, skip[i], k) == 0) {
            *n = k;
            return true;
        }
    }
    return false;
}

// "an ellipse", "the origin": where the word itself begins.
static const char *without_article(const char *p, const char *end) {
    static const char *const articles[] = {"a ", "an ", "the "};
    const char *from = p;
    size_t k = 0;
    while (p < end &&
           (isspace((unsigned char)*p) || *p == '{' || (*p == '\\' && dress(p, end, &k))))
        p += *p == '\\' ? k : 1;
    for (size_t i = 0; i < sizeof articles / sizeof *articles; i++) {
        size_t n = strlen(articles[i]), letters = 0;
        if ((size_t)(end - p) <= n || (*p | 0x20) != *articles[i]) continue;
        if (strncasecmp(p, articles[i], n) != 0) continue;
        while (p + n + letters < end && isalpha((unsigned char)p[n + letters])) letters++;
        if (letters >= 3) return p + n;
    }
    return from;
}

Slice words_normal(Work *w, Slice text) {
    char *out = ARENA_ARRAY(w->arena, char, text.size + 1);
    size_t n = 0;
    const char *end = text.data + text.size, *p = without_article(text.data, end);
    while (p < end) {
        size_t k;
        unsigned char c = (unsigned char)*p;
        if (c == '\\' && dress(p, end, &k)) {
            p += k;
        } else if (isspace(c) || strchr("${}~\"'`", c) || (c == '\\')) {
            p++; // NUL too
        } else {
            out[n++] = *p++;
        }
    }
    while (n && strchr(".,;:!?", out[n - 1])) n--;
    return (Slice){out, n};
}

static size_t next_letter(Slice s, size_t at, utf8proc_int32_t *c) {
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s.data + at, (utf8proc_ssize_t)(s.size - at), c);
    if (n > 0) {
        *c = utf8proc_tolower(*c);
        return (size_t)n;
    }
    *c = (unsigned char)s.data[at];
    return 1;
}

static bool is_ascii(Slice s) {
    for (size_t i = 0; i < s.size; i++)
        if (s.data[i] & 0x80) return false;
    return true;
}

bool words_equal(Slice a, Slice b, bool case_matters) {
    if (!case_matters && a.size && b.size && !is_ascii(a) && !is_ascii(b)) {
        size_t i = 0, k = 0;
        while (i < a.size && k < b.size) {
            utf8proc_int32_t x, y;
            i += next_letter(a, i, &x);
            k += next_letter(b, k, &y);
            if (x != y) return false;
        }
        return i == a.size && k == b.size;
    }
    if (a.size != b.size) return false;
    return a.size == 0 || (case_matters ? memcmp(a.data, b.data, a.size)
                                        : strncasecmp(a.data, b.data, a.size)) == 0;
}

Slice words_sentence(Work *w, Slice text) {
    char *out = ARENA_ARRAY(w->arena, char, 2 * text.size + 1);
    size_t n = 0, run = 0, longest = 0;
    bool blank = false;
    text = slice_trim(text);
    while (text.size && strchr(".,;:!?", text.data[text.size - 1]) && text.data[text.size - 1])
        text.size--;
    for (const char *p = text.data, *end = p + text.size; p < end; p++) {
        size_t k;
        unsigned char c = (unsigned char)*p;
        if (c == '\\' && dress(p, end, &k)) {
            p += k - 1;
        } else if (c == '$' || c == '{' || c == '}') {
        } else if (isspace(c) || c == '~') {
            blank = true;
        } else if (!isalnum(c) && c < 0x80 && !(c && strchr(",.:;'()-/&!?", c))) {
            return (Slice){NULL, 0};
        } else {
            if (blank && n && (isalnum(c) || c >= 0x80)) out[n++] = ' ';
            out[n++] = (char)c;
            blank = false;
        }
        run = isalpha(c) ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest >= 3 ? (Slice){out, n} : (Slice){NULL, 0};
}

char choice_letter(Slice text, Slice *rest) {
    *rest = (Slice){NULL, 0};
    const char *p = text.data, *end = p + text.size;
    static const char *const titles[] = {"option", "choice", "answer"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        size_t n = strlen(titles[i]);
        if ((size_t)(end - p) > n && (*p | 0x20) == *titles[i] &&
            strncasecmp(p, titles[i], n) == 0) {
            p += n;
            if (end - p > 1 && *p == ':') p++;
            break;
        }
    }
    bool open = p < end && *p == '(';
    if (open) p++;
    if (p >= end || *p < 'A' || *p > 'J') return 0;
    char letter = *p++;
    if (open) {
        if (p >= end || *p != ')') return 0;
        p++;
    } else if (p < end) {
        if (*p != '.' && *p != ')' && *p != ':') return 0;
        p++;
    }
    if (p < end && (*p == '.' || *p == ':')) p++;
    if (p < end) *rest = (Slice){p, (size_t)(end - p)};
    static const char *const more[] = {"or", "and", ",", "/", "&", ";"}; // a second choice
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        size_t n = strlen(more[i]);
        if (rest->size >= n && memcmp(p, more[i], n) == 0) return 0;
    }
    return letter;
}
