// verifiers/code/output.c -- line by line, token by token, in one pass over both texts.
#include "verifiers/code/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Text {
    const char *at, *end;
} Text;

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static Text trim_end(const char *data, size_t size) {
    Text t = {data, data ? data + size : data};
    while (t.end > t.at && blank(t.end[-1])) t.end--;
    return t;
}

static bool next_line(Text *text, Text *line) {
    if (text->at >= text->end) return false;
    const char *stop = memchr(text->at, '\n', (size_t)(text->end - text->at));
    if (!stop) stop = text->end;
    *line = trim_end(text->at, (size_t)(stop - text->at));
    text->at = stop + 1;
    return true;
}

static bool next_token(Text *line, Text *token) {
    while (line->at < line->end && blank(*line->at)) line->at++;
    token->at = line->at;
    while (line->at < line->end && !blank(*line->at)) line->at++;
    token->end = line->at;
    return token->at < token->end;
}

// A number in decimal notation; *decimal: it has a point or an exponent.
static bool is_number(Text t, bool *decimal) {
    const char *p = t.at;
    int digits = 0;
    *decimal = false;
    if (p < t.end && (*p == '-' || *p == '+')) p++;
    for (; p < t.end && *p >= '0' && *p <= '9'; p++) digits++;
    if (p < t.end && *p == '.') {
        *decimal = true;
        for (p++; p < t.end && *p >= '0' && *p <= '9'; p++) digits++;
    }
    if (!digits) return false;
    if (p < t.end && (*p == 'e' || *p == 'E')) {
        *decimal = true;
        p++;
        if (p < t.end && (*p == '-' || *p == '+')) p++;
        if (p == t.end) return false;
        while (p < t.end && *p >= '0' && *p <= '9') p++;
    }
    return p == t.end;
}

static double to_double(Text t) {
    char small[64];
    size_t n = (size_t)(t.end - t.at);
    char *copy = n < sizeof small ? small : malloc(n + 1);
    if (!copy) abort();
    memcpy(copy, t.at, n);
    copy[n] = 0;
    double value = strtod(copy, NULL);
    if (copy != small) free(copy);
    return value;
}

static bool same_bytes(Text a, Text b) {
    return a.end - a.at == b.end - b.at && memcmp(a.at, b.at, (size_t)(a.end - a.at)) == 0;
}

static bool token_equals(Text got, Text want) {
    bool want_decimal, got_decimal;
    if (same_bytes(got, want)) return true;
    if (!is_number(want, &want_decimal) || !want_decimal || !is_number(got, &got_decimal))
        return false;
    double w = to_double(want), g = to_double(got), by = fabs(g - w);
    return isfinite(w) && isfinite(g) && (by <= 1e-6 || by <= 1e-6 * fabs(w));
}

bool output_equals(const char *got, size_t got_size, const char *want, size_t want_size,
                   const char **reason) {
    Text g = trim_end(got, got_size), w = trim_end(want, want_size), gl, wl, gt, wt;
    *reason = "equal output";
    for (;;) {
        bool more_g = next_line(&g, &gl), more_w = next_line(&w, &wl);
        if (more_g != more_w) {
            *reason = more_w ? "too few lines of output" : "too many lines of output";
            return false;
        }
        if (!more_g) return true;
        if (same_bytes(gl, wl)) continue;
        for (;;) {
            more_g = next_token(&gl, &gt), more_w = next_token(&wl, &wt);
            if (more_g != more_w || (more_g && !token_equals(gt, wt))) {
                *reason = "wrong output";
                return false;
            }
            if (!more_g) break;
        }
        *reason = "equal output, token by token";
    }
}
