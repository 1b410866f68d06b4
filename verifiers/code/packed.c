// verifiers/code/packed.c -- three coats off, one after the other.
#include "verifiers/code/packed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static int sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool packed_is(const char *text) {
    return strncmp(text, "eJ", 2) == 0 && strlen(text) > 16 && !strpbrk(text, " \t(){}[];:'\"");
}

static bool from_base64(const char *text, size_t size, Str *out) {
    uint32_t bits = 0;
    int n = 0;
    for (size_t i = 0; i < size && text[i] != '='; i++) {
        if (text[i] == '\n' || text[i] == '\r') continue;
        int six = sextet(text[i]);
        if (six < 0) return false;
        bits = (bits << 6 | (uint32_t)six) & 0xffffff;
        n += 6;
        if (n >= 8) str_putc(out, (char)(bits >> (n -= 8)));
    }
    return true;
}

static bool inflate_all(const Str *in, Str *out) {
    z_stream z = {.next_in = (unsigned char *)in->data, .avail_in = (unsigned)in->size};
    if (inflateInit(&z) != Z_OK) return false;
    unsigned char part[1 << 15];
    int code;
    do {
        z.next_out = part;
        z.avail_out = sizeof part;
        code = inflate(&z, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END) break;
        str_add(out, part, sizeof part - z.avail_out);
    } while (code == Z_OK && out->size < PACKED_MAX_BYTES);
    inflateEnd(&z);
    return code == Z_STREAM_END;
}

static uint64_t little(const unsigned char *p, int n) {
    uint64_t v = 0;
    while (n--) v = v << 8 | p[n];
    return v;
}

// Walks the few opcodes that a pickled text or dict of texts has; keeps the longest JSON text.
static bool longest_text(const Str *pickle, const char **text, size_t *size) {
    const unsigned char *p = (const unsigned char *)pickle->data, *end = p + pickle->size;
    *size = 0;
    while (p < end) {
        int op = *p++, skip = 0, length = 0;
        switch (op) {
        case 0x80: // PROTO
        case 'q': skip = 1; break;
        case 'r': skip = 4; break;
        case 0x95: skip = 8; break;   // FRAME
        case 0x8c: length = 1; break; // SHORT_BINUNICODE
        case 'X': length = 4; break;  // BINUNICODE
        case 0x8d: length = 8; break; // BINUNICODE8
        case '}':
        case '(':
        case 's':
        case 'u':
        case 0x94: break;
        case '.': return *size > 0;
        default: return false;
        }
        if (end - p < skip + length) return false;
        uint64_t n = (uint64_t)skip + (uint64_t)length;
        if (length) {
            uint64_t bytes = little(p, length);
            if (bytes > (uint64_t)(end - p) - n) return false;
            const char *at = (const char *)p + n;
            if (bytes > *size && (*at == '{' || *at == '[')) *text = at, *size = (size_t)bytes;
            n += bytes;
        }
        p += n;
    }
    return false;
}

bool packed_open(const char *text, size_t size, Str *out) {
    Str packed = {0}, plain = {0};
    const char *found = NULL;
    size_t n = 0;
    bool ok = from_base64(text, size, &packed) && packed.size && inflate_all(&packed, &plain) &&
              plain.size;
    if (ok && (plain.data[0] == '{' || plain.data[0] == '['))
        found = plain.data, n = plain.size;
    else if (ok)
        ok = longest_text(&plain, &found, &n);
    if (ok) str_add(out, found, n);
    str_free(&packed);
    str_free(&plain);
    return ok;
}
