// verifiers/folding.c -- a table of signs, ranges of letters and digits.
#include "verifiers/folding.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/status.h"

// Sorted by code: bsearch.
static const struct {
    uint32_t code;
    const char *plain;
} signs[] = {
    {0x00A0, " "},
    {0x00AD, ""},
    {0x02BC, "'"},
    {0x02C6, "^"},
    {0x02D0, ":"},
    {0x02DA, "\xC2\xB0"},
    {0x2000, " "},
    {0x2001, " "},
    {0x2002, " "},
    {0x2003, " "},
    {0x2004, " "},
    {0x2005, " "},
    {0x2006, " "},
    {0x2007, " "},
    {0x2008, " "},
    {0x2009, " "},
    {0x200A, " "},
    {0x200B, ""},
    {0x200C, ""},
    {0x200D, ""},
    {0x200E, ""},
    {0x200F, ""},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201C, "\""},
    {0x201D, "\""},
    {0x2022, "*"},
    {0x2023, "*"},
    {0x2026, "..."},
    {0x202A, ""},
    {0x202C, ""},
    {0x202F, " "},
    {0x2032, "'"},
    {0x2033, "''"},
    {0x2044, "/"},
    {0x205F, " "},
    {0x2060, ""},
    {0x2061, ""},
    {0x2064, ""},
    {0x2103, "\xC2\xB0"
             "C"},
    {0x2109, "\xC2\xB0"
             "F"},
    {0x2113, "l"},
    {0x2126, "\xCE\xA9"},
    {0x212A, "K"},
    {0x212B, "\xC3\x85"},
    {0x2212, "-"},
    {0x2215, "/"},
    {0x2219, "*"},
    {0x221F, "\xE2\x88\xA0"},
    {0x2223, "|"},
    {0x2236, ":"},
    {0x223C, "~"},
    {0x2252, "\xE2\x89\x88"},
    {0x2254, ":="},
    {0x2266, "\xE2\x89\xA4"},
    {0x2267, "\xE2\x89\xA5"},
    {0x22C5, "*"},
    {0x22C6, "*"},
    {0x2329, "\xE2\x9F\xA8"},
    {0x232A, "\xE2\x9F\xA9"},
    {0x25CF, "*"},
    {0x2715, "\xC3\x97"},
    {0x2716, "\xC3\x97"},
    {0x2795, "+"},
    {0x2796, "-"},
    {0x2797, "\xC3\xB7"},
    {0x2A2F, "\xC3\x97"},
    {0x2A7D, "\xE2\x89\xA4"},
    {0x2A7E, "\xE2\x89\xA5"},
    {0x3000, " "},
    {0x3001, ","},
    {0x3002, "."},
    {0x3008, "\xE2\x9F\xA8"},
    {0x3009, "\xE2\x9F\xA9"},
    {0x3010, "["},
    {0x3011, "]"},
    {0x3014, "["},
    {0x3015, "]"},
    {0xFE00, ""},
    {0xFE0E, ""},
    {0xFE0F, ""},
    {0xFE62, "+"},
    {0xFE63, "-"},
    {0xFE64, "<"},
    {0xFE65, ">"},
    {0xFE66, "="},
    {0xFEFF, ""},
    {0xFF61, "."},
    {0xFF64, ","},
};

static int by_code(const void *key, const void *row) {
    uint32_t code = *(const uint32_t *)key;
    uint32_t other = *(const uint32_t *)row;
    return code < other ? -1 : code > other;
}

// The value of a decimal digit of any script, -1 of all else.
static int digit_value(utf8proc_int32_t c) {
    if (c < 0x660 || utf8proc_category(c) != UTF8PROC_CATEGORY_ND) return -1;
    if (c >= 0x1D7CE && c <= 0x1D7FF) return (c - 0x1D7CE) % 10;
    int value = 0;
    while (value < 9 && utf8proc_category(c - value - 1) == UTF8PROC_CATEGORY_ND) value++;
    return value;
}

// The ranges whose characters are another one in a certain dress.
static bool is_dressed(utf8proc_int32_t c) {
    return (c >= 0xFF01 && c <= 0xFF5E) || (c >= 0x1D400 && c <= 0x1D7FF) ||
           (c >= 0x3371 && c <= 0x33DF) ||
           (c >= 0x210A && c <= 0x2134 && c != 0x2115 && c != 0x2118 && c != 0x2119 &&
            c != 0x211A && c != 0x211D && c != 0x2124 && c != 0x2122 && c != 0x2117 && c != 0x2120);
}

static size_t fold(utf8proc_int32_t c, const char *from, size_t size, char *out) {
    int digit = digit_value(c);
    if (digit >= 0) {
        *out = (char)('0' + digit);
        return 1;
    }
    uint32_t code = (uint32_t)c;
    const void *row = NULL;
    size_t low = 0, high = sizeof signs / sizeof *signs;
    while (low < high && !row) {
        size_t mid = (low + high) / 2;
        int order = by_code(&code, &signs[mid].code);
        if (order == 0)
            row = &signs[mid];
        else if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    if (row) {
        const char *plain = signs[(low + high) / 2].plain;
        size_t n = strlen(plain);
        if (n <= size) {
            for (size_t i = 0; i < n; i++) out[i] = plain[i];
            return n;
        }
    }
    if (is_dressed(c)) {
        utf8proc_int32_t bare[16];
        int bound = 0;
        utf8proc_ssize_t n = utf8proc_decompose_char(
            c, bare, 16, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &bound);
        char made[64];
        size_t bytes = 0;
        for (utf8proc_ssize_t i = 0; i < n && i < 15; i++)
            bytes += (size_t)utf8proc_encode_char(bare[i], (utf8proc_uint8_t *)made + bytes);
        if (n > 0 && n < 15 && bytes <= size && bytes) {
            memcpy(out, made, bytes);
            return bytes;
        }
    }
    memcpy(out, from, size);
    return size;
}

size_t folding_into(Slice text, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < text.size;) {
        if (!(text.data[i] & 0x80)) {
            out[n++] = text.data[i++];
            continue;
        }
        utf8proc_int32_t c;
        utf8proc_ssize_t got = utf8proc_iterate((const utf8proc_uint8_t *)text.data + i,
                                                (utf8proc_ssize_t)(text.size - i), &c);
        if (got <= 0) {
            out[n++] = text.data[i++];
            continue;
        }
        n += fold(c, text.data + i, (size_t)got, out + n);
        i += (size_t)got;
    }
    return n;
}

bool folding_needed(Slice text) {
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= text.size; i += sizeof eight) {
        memcpy(&eight, text.data + i, sizeof eight);
        if (eight & 0x8080808080808080u) return true;
    }
    for (; i < text.size; i++)
        if (text.data[i] & 0x80) return true;
    return false;
}

Slice folding_text(Slice text, size_t max, char **room) {
    *room = NULL;
    if (text.size > max || !folding_needed(text)) return text;
    char *out = malloc(text.size);
    CHECK(out != NULL);
    *room = out;
    return (Slice){out, folding_into(text, out)};
}
