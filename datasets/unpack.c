// datasets/unpack.c -- streams through zlib and libzstd, and a recoder.
#include "datasets/unpack.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { PIECE = 1 << 18 };
static const uint64_t most_bytes = (uint64_t)1 << 40; // of what comes out: 1 TiB

Unpack unpack_kind(const char *data, size_t size) {
    if (size >= 3 && memcmp(data, "\x1F\x8B\x08", 3) == 0) return UNPACK_GZIP;
    if (size >= 4 && memcmp(data, "\x28\xB5\x2F\xFD", 4) == 0) return UNPACK_ZSTD;
    return UNPACK_NONE;
}

static Status damaged(const char *name, const char *what) {
    return FAIL(ST_FORMAT, "%s: the %s data is damaged or cut off", name, what);
}

static Status gunzip(const char *data, size_t size, const char *name, char *piece, RowSink *sink) {
    z_stream z = {0};
    if (inflateInit2(&z, 15 + 16) != Z_OK) return FAIL(ST_IO, "%s: zlib cannot start", name);
    size_t at = 0;
    uint64_t total = 0;
    int rc = Z_OK;
    bool ended = false;
    while (true) {
        if (z.avail_in == 0 && at < size) {
            size_t n = size - at < (1u << 30) ? size - at : 1u << 30;
            z.next_in = (Bytef *)(data + at);
            z.avail_in = (uInt)n;
            at += n;
        }
        z.next_out = (Bytef *)piece;
        z.avail_out = PIECE;
        rc = inflate(&z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END) break;
        size_t n = PIECE - z.avail_out;
        rowsink_add(sink, piece, n);
        total += n;
        if (total > most_bytes) break;
        if (rc != Z_STREAM_END) continue;
        ended = z.avail_in == 0 && at == size;
        if (ended || inflateReset(&z) != Z_OK) break; // else the next member
    }
    inflateEnd(&z);
    return ended ? ST_OK : damaged(name, "gzip");
}

static Status unzstd(const char *data, size_t size, const char *name, char *piece, RowSink *sink) {
    ZSTD_DStream *z = ZSTD_createDStream();
    CHECK(z != NULL);
    ZSTD_inBuffer in = {data, size, 0};
    uint64_t total = 0;
    size_t rc = 1;
    while (total <= most_bytes) {
        ZSTD_outBuffer out = {piece, PIECE, 0};
        size_t before = in.pos;
        rc = ZSTD_decompressStream(z, &out, &in);
        if (ZSTD_isError(rc)) break;
        rowsink_add(sink, piece, out.pos);
        total += out.pos;
        if (in.pos == size && (rc == 0 || (out.pos < PIECE && in.pos == before))) break;
    }
    ZSTD_freeDStream(z);
    return rc == 0 && in.pos == size ? ST_OK : damaged(name, "zstd");
}

Status unpack(Unpack kind, const char *data, size_t size, const char *name, RowSink *sink) {
    char *piece = malloc(PIECE);
    CHECK(piece != NULL);
    Status st = kind == UNPACK_GZIP ? gunzip(data, size, name, piece, sink)
                                    : unzstd(data, size, name, piece, sink);
    free(piece);
    return st;
}

static void put_utf8(uint32_t c, RowSink *sink) {
    char b[4];
    size_t n;
    if (c < 0x80) {
        b[0] = (char)c, n = 1;
    } else if (c < 0x800) {
        b[0] = (char)(0xC0 | c >> 6), b[1] = (char)(0x80 | (c & 63)), n = 2;
    } else if (c < 0x10000) {
        b[0] = (char)(0xE0 | c >> 12), b[1] = (char)(0x80 | (c >> 6 & 63));
        b[2] = (char)(0x80 | (c & 63)), n = 3;
    } else {
        b[0] = (char)(0xF0 | c >> 18), b[1] = (char)(0x80 | (c >> 12 & 63));
        b[2] = (char)(0x80 | (c >> 6 & 63)), b[3] = (char)(0x80 | (c & 63)), n = 4;
    }
    rowsink_add(sink, b, n);
}

void unpack_utf16(const char *data, size_t size, RowSink *sink) {
    const unsigned char *p = (const unsigned char *)data;
    const int low = p[0] == 0xFF ? 0 : 1; // index of the low byte
    for (size_t i = 2; i + 1 < size; i += 2) {
        uint32_t c = (uint32_t)p[i + (size_t)low] | (uint32_t)p[i + 1 - (size_t)low] << 8;
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < size) {
            uint32_t d = (uint32_t)p[i + 2 + (size_t)low] | (uint32_t)p[i + 3 - (size_t)low] << 8;
            if (d >= 0xDC00 && d < 0xE000) {
                put_utf8(0x10000 + ((c - 0xD800) << 10) + (d - 0xDC00), sink);
                i += 2;
                continue;
            }
        }
        put_utf8(c >= 0xD800 && c < 0xE000 ? 0xFFFD : c, sink);
    }
    if (size % 2) put_utf8(0xFFFD, sink);
}
