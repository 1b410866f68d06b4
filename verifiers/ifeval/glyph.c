// verifiers/ifeval/glyph.c -- tests of characters on utf8proc.
#include "verifiers/ifeval/glyph.h"

#include <utf8proc.h>

uint32_t glyph_next(const char *p, const char *end, size_t *n) {
    if ((unsigned char)*p < 0x80) {
        *n = 1;
        return (unsigned char)*p;
    }
    utf8proc_int32_t c;
    utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)p, end - p, &c);
    *n = got > 0 ? (size_t)got : 1;
    return got > 0 ? (uint32_t)c : 0xfffd;
}

uint32_t glyph_before(const char *begin, const char *p, size_t *n) {
    const char *q = p - 1;
    while (q > begin && p - q < 4 && ((unsigned char)*q & 0xc0) == 0x80) q--;
    uint32_t c = glyph_next(q, p, n);
    if (q + *n == p) return c;
    *n = 1;
    return 0xfffd;
}

static utf8proc_category_t kind(uint32_t c) {
    return utf8proc_category((utf8proc_int32_t)c);
}

bool glyph_is_space(uint32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0x2028 || c == 0x2029 || kind(c) == UTF8PROC_CATEGORY_ZS;
}

bool glyph_is_word(uint32_t c) {
    if (c < 0x80) return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    utf8proc_category_t k = kind(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

bool glyph_is_upper(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z';
    return kind(c) == UTF8PROC_CATEGORY_LU || (c >= 0x2160 && c <= 0x216f) ||
           (c >= 0x24b6 && c <= 0x24cf);
}

bool glyph_is_lower(uint32_t c) {
    if (c < 0x80) return c >= 'a' && c <= 'z';
    return kind(c) == UTF8PROC_CATEGORY_LL || c == 0xaa || c == 0xba ||
           (c >= 0x2170 && c <= 0x217f) || (c >= 0x24d0 && c <= 0x24e9);
}

uint32_t glyph_lower(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

Slice glyph_strip(Slice s) {
    const char *p = s.data, *end = p + s.size;
    size_t n;
    while (p < end && glyph_is_space(glyph_next(p, end, &n))) p += n;
    while (p < end && glyph_is_space(glyph_before(p, end, &n))) end -= n;
    return (Slice){p, (size_t)(end - p)};
}

bool glyph_is_blank(Slice s) {
    return glyph_strip(s).size == 0;
}

static bool all(Slice s, bool upper) {
    const char *p = s.data, *end = p + s.size;
    bool some = false;
    size_t n;
    for (; p < end; p += n) {
        uint32_t c = glyph_next(p, end, &n);
        bool up = glyph_is_upper(c), low = !up && glyph_is_lower(c);
        if (c >= 0x80 && kind(c) == UTF8PROC_CATEGORY_LT) return false;
        if (upper ? low : up) return false;
        some = some || up || low;
    }
    return some;
}

bool glyph_all_upper(Slice s) {
    return all(s, true);
}

bool glyph_all_lower(Slice s) {
    return all(s, false);
}

bool glyph_begins(Slice text, Slice prefix) {
    const char *p = text.data, *end = p + text.size, *q = prefix.data, *stop = q + prefix.size;
    size_t n, m;
    while (q < stop) {
        if (p >= end) return false;
        if (glyph_lower(glyph_next(p, end, &n)) != glyph_lower(glyph_next(q, stop, &m)))
            return false;
        p += n, q += m;
    }
    return true;
}

bool glyph_ends(Slice text, Slice suffix) {
    const char *p = text.data + text.size, *q = suffix.data + suffix.size;
    size_t n, m;
    while (q > suffix.data) {
        if (p <= text.data) return false;
        if (glyph_lower(glyph_before(text.data, p, &n)) !=
            glyph_lower(glyph_before(suffix.data, q, &m)))
            return false;
        p -= n, q -= m;
    }
    return true;
}
