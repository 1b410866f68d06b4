// verifiers/math/tree/numeral.c -- first what separates the groups, then the digits.
#include "verifiers/math/tree/numeral.h"

#include <ctype.h>
#include <string.h>

#include "verifiers/math/tree/limits.h"

static bool digit_at(const char *p, const char *end) {
    return p < end && isdigit((unsigned char)*p);
}

static size_t run_of_digits(const char *p, const char *end) {
    size_t n = 0;
    while (digit_at(p + n, end)) n++;
    return n;
}

// The length of a separator at p, 0 if there is none. `which`: the kind, all of a number alike.
// A comma with \! at its side is a separator for certain: 1,\!000, 1\!,\!000, 1{,}\!000.
enum { COMMA = 11 }; // its place below
static size_t separator_at(const char *p, const char *end, bool commas, int *which) {
    static const char *const marks[] = {"{,}",          "\\:", "{\\,}", "\\,",      "\\;",
                                        "\\ ",          "'",   "~",     "\xC2\xA0", "\xE2\x80\x89",
                                        "\xE2\x80\xAF", ",",   " "};
    enum { N = sizeof marks / sizeof *marks, BLANK = N - 1 };
    const char *begin = p, *bare = p;
    bool tight = false;
    while (end - bare > 2 && *bare == ' ') bare++; // 1 \, 234
    if (bare > p && *bare == '\\' && strchr(",;:", bare[1])) p = bare;
    if (end - p > 2 && memcmp(p, "\\!", 2) == 0) p += 2, tight = true;
    for (int i = 0; i < N; i++) {
        size_t n = strlen(marks[i]);
        if ((size_t)(end - p) < n || memcmp(p, marks[i], n) != 0) continue;
        const char *q = p + n;
        while (end - q > 2 && memcmp(q, "\\!", 2) == 0) q += 2, tight = true;
        if (p == bare && *marks[i] == '\\')
            while (q < end && *q == ' ') q++;
        if (tight && i != 0 && i != COMMA) return 0;
        int kind = tight && i == COMMA ? 0 : i;
        if ((kind == COMMA || kind == BLANK) && !commas) return 0;
        if (*which >= 0 && *which != kind) return 0;
        if (tight)
            while (q < end && *q == ' ') q++; // 11,\! 111
        if (run_of_digits(q, end) != 3) return 0;
        *which = kind;
        return (size_t)(q - begin);
    }
    return 0;
}

typedef struct Builder {
    char *text;
    size_t n;
} Builder;

static void append(Builder *b, const char *p, size_t n) {
    memcpy(b->text + b->n, p, n);
    b->n += n;
}

// e-12, E+400 directly behind a number. False if it is over budget.
static bool take_exponent(Work *w, const char **at, const char *end, int32_t *exp10) {
    const char *p = *at;
    if (p >= end || (*p != 'e' && *p != 'E')) return true;
    p++;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (!digit_at(p, end)) return true;
    long value = 0;
    for (; digit_at(p, end); p++)
        if (value <= MATH_MAX_POWER10) value = value * 10 + (*p - '0');
    if (p < end && isalpha((unsigned char)*p)) return true;
    if (value > MATH_MAX_POWER10) {
        w->over = "a power of ten of too many digits";
        return false;
    }
    *exp10 += (int32_t)(minus ? -value : value);
    *at = p;
    return true;
}

// 1.234.567 and 1.234.567,89: at least two points, or a point and a comma.
static bool take_dotted(Builder *b, const char **at, const char *end, int32_t *exp10, bool commas) {
    const char *p = *at;
    size_t lead = run_of_digits(p, end), groups = 0;
    if (lead < 1 || lead > 3 || *p == '0') return false;
    const char *q = p + lead;
    while (q < end && *q == '.' && run_of_digits(q + 1, end) == 3) q += 4, groups++;
    size_t tail = q < end && *q == ',' && commas ? run_of_digits(q + 1, end) : 0;
    if (groups < 2 && !(groups == 1 && tail && tail != 3)) return false;
    if (q < end && *q == '.' && digit_at(q + 1, end)) return false;
    for (const char *d = p; d < q; d++)
        if (*d != '.') append(b, d, 1);
    if (tail) {
        append(b, q + 1, tail);
        *exp10 -= (int32_t)tail;
        q += 1 + tail;
    }
    *at = q;
    return true;
}

bool numeral_has_zero_group(const char *p, const char *end) {
    size_t lead = run_of_digits(p, end);
    bool zero = false;
    if (lead < 1 || lead > 3 || *p == '0') return false;
    p += lead;
    while (p < end && *p == ',' && run_of_digits(p + 1, end) == 3) zero |= p[1] == '0', p += 4;
    return zero;
}

bool numeral_take(Work *w, const char **at, const char *end, bool commas, char **room,
                  Numeral *out) {
    const char *p = *at, *begin = p;
    *out = (Numeral){.plain = true};
    size_t whole = run_of_digits(p, end);
    if (whole > MATH_MAX_DIGITS) {
        w->over = "a number of too many digits";
        return false;
    }
    const char *after = p + whole;
    if (whole && (after >= end || !strchr(".,'\\{~ eE\xC2\xE2", *after))) { // the common case
        out->digits = (Slice){p, whole};
        *at = after;
        return true;
    }
    Builder b = {*room, 0};
    int which = -1;
    bool dotted = take_dotted(&b, &p, end, &out->exp10, commas);
    if (!dotted) {
        append(&b, p, whole);
        p += whole;
        size_t separator;
        while (whole >= 1 && whole <= 3 && *begin != '0' &&
               (separator = separator_at(p, end, commas, &which))) {
            p += separator;
            append(&b, p, 3);
            p += 3;
            if (b.n > MATH_MAX_DIGITS) break;
        }
        bool point = p < end && *p == '.' && !(p + 1 < end && p[1] == '.');
        // 3{,}14: three digits behind it would be thousands
        bool comma = which < 0 && end - p > 3 && memcmp(p, "{,}", 3) == 0 && digit_at(p + 3, end) &&
                     run_of_digits(p + 3, end) != 3;
        if (comma) p += 2;
        if (point || comma) {
            size_t tail = run_of_digits(p + 1, end);
            if (b.n + tail > MATH_MAX_DIGITS) {
                w->over = "a number of too many digits";
                return false;
            }
            append(&b, p + 1, tail);
            out->exp10 -= (int32_t)tail;
            p += 1 + tail;
            while (tail == 3 && end - p > 2 && memcmp(p, "\\,", 2) == 0) { // 3.141\,592\,65
                tail = run_of_digits(p + 2, end);
                if (!tail || tail > 3 || b.n + tail > MATH_MAX_DIGITS) break;
                append(&b, p + 2, tail);
                out->exp10 -= (int32_t)tail;
                p += 2 + tail;
            }
        }
    }
    if (b.n > MATH_MAX_DIGITS) {
        w->over = "a number of too many digits";
        return false;
    }
    if (!take_exponent(w, &p, end, &out->exp10)) return false;
    out->comma = which == COMMA || dotted;
    out->plain = (size_t)(p - begin) == whole;
    out->digits = (Slice){b.text, b.n};
    *room += b.n;
    *at = p;
    return true;
}
