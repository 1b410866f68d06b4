// base/str.c -- growth by doubling, and the three ways a text is escaped.
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void str_free(Str *s) {
    free(s->data);
    *s = (Str){0};
}

void str_clear(Str *s) {
    s->size = 0;
    if (s->data) s->data[0] = 0;
}

// Room for `more` bytes and the terminator; returns where they go.
static char *reserve(Str *s, size_t more) {
    CHECK(more < SIZE_MAX / 4 && s->size < SIZE_MAX / 4);
    size_t need = s->size + more + 1;
    if (need > s->cap) {
        size_t cap = s->cap ? s->cap : 64;
        while (cap < need) cap *= 2;
        s->data = realloc(s->data, cap);
        if (!s->data) {
            fprintf(stderr, "grpo: out of host memory: %zu bytes\n", cap);
            abort();
        }
        s->cap = cap;
    }
    return s->data + s->size;
}

void str_add(Str *s, const void *data, size_t size) {
    char *to = reserve(s, size);
    if (size) memcpy(to, data, size);
    s->size += size;
    s->data[s->size] = 0;
}

void str_puts(Str *s, const char *text) {
    str_add(s, text, strlen(text));
}

void str_putc(Str *s, char c) {
    str_add(s, &c, 1);
}

void str_printf(Str *s, const char *fmt, ...) {
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    CHECK(n >= 0);
    vsnprintf(reserve(s, (size_t)n), (size_t)n + 1, fmt, again);
    va_end(again);
    s->size += (size_t)n;
}

const char *str_text(const Str *s) {
    return s->data ? s->data : "";
}

// Bytes of the UTF-8 character that starts at p[0] with `n` bytes to go; 0 if it is none.
// The second byte's range depends on the first (Unicode 15, table 3-7).
static size_t utf8_size(const unsigned char *p, size_t n) {
    unsigned char c = p[0];
    if (c < 0x80) return 1;
    size_t size = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || n < size) return 0;
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t k = 2; k < size; k++)
        if ((p[k] & 0xC0) != 0x80) return 0;
    return size;
}

bool str_is_utf8(const char *data, size_t size, size_t *bad) {
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < size;) {
        size_t n = utf8_size(p + i, size - i);
        if (n == 0) {
            if (bad) *bad = i;
            return false;
        }
        i += n;
    }
    return true;
}

// The two-character escape of JSON for c, or NULL.
static const char *short_escape(unsigned char c) {
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return NULL;
    }
}

void str_json(Str *s, const char *data, size_t size) {
    const unsigned char *p = (const unsigned char *)data;
    str_putc(s, '"');
    for (size_t i = 0; i < size;) {
        size_t n = utf8_size(p + i, size - i);
        const char *escape = short_escape(p[i]);
        if (n == 0) {
            str_puts(s, "\xEF\xBF\xBD"); // U+FFFD
            n = 1;
        } else if (escape) {
            str_puts(s, escape);
        } else if (p[i] < 0x20 || p[i] == '<' || p[i] == 0x7f) {
            str_printf(s, "\\u%04x", p[i]);
        } else if (n == 2 && p[i] == 0xC2 && p[i + 1] < 0xA0) { // controls of a terminal
            str_printf(s, "\\u%04x", p[i + 1]);
        } else {
            str_add(s, p + i, n);
        }
        i += n;
    }
    str_putc(s, '"');
}

void str_shown(Str *s, const char *data, size_t size) {
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < size;) {
        size_t n = utf8_size(p + i, size - i);
        if (n == 0)
            str_printf(s, "\\x%02x", p[i]);
        else if (n == 1 && (p[i] < 0x20 || p[i] == 0x7f) && p[i] != '\n' && p[i] != '\t')
            str_printf(s, "\\x%02x", p[i]);
        else if (n == 2 && p[i] == 0xC2 && p[i + 1] < 0xA0)
            str_printf(s, "\\u%04x", p[i + 1]);
        else
            str_add(s, p + i, n);
        i += n ? n : 1;
    }
}

void str_number(Str *s, double value) {
    if (!isfinite(value)) {
        str_puts(s, "null");
        return;
    }
    // 15 digits are always kept by a normal double, and %g drops trailing zeros, so the first
    // width that reads back is the shortest; denormals keep fewer and start at 1.
    char text[40];
    for (int digits = fpclassify(value) == FP_SUBNORMAL ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    str_puts(s, text);
}

void str_html(Str *s, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        switch (data[i]) {
        case '&': str_puts(s, "&amp;"); break;
        case '<': str_puts(s, "&lt;"); break;
        case '>': str_puts(s, "&gt;"); break;
        case '"': str_puts(s, "&quot;"); break;
        case '\'': str_puts(s, "&#39;"); break;
        default: str_putc(s, data[i]);
        }
    }
}

int str_distance(const char *a, const char *b) {
    enum { MAX = 64 };
    int na = (int)strnlen(a, MAX), nb = (int)strnlen(b, MAX);
    int row[MAX + 1]; // row[j]: from a's first i characters to b's first j
    for (int j = 0; j <= nb; j++) row[j] = j;
    for (int i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= nb; j++) {
            int above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best) best = above + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[nb];
}
