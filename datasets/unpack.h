// datasets/unpack.h -- gzip, zstd and UTF-16 as plain bytes.
//
// Layer 2 (datasets), behind rowfile. Members and frames that follow each other are one file.
#ifndef DATASETS_UNPACK_H
#define DATASETS_UNPACK_H

#include <stddef.h>

#include "base/status.h"
#include "datasets/rowsink.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Unpack { UNPACK_NONE, UNPACK_GZIP, UNPACK_ZSTD } Unpack;

Unpack unpack_kind(const char *data, size_t size);
// ST_FORMAT: damaged, cut off, or larger than UNPACK_MAX. `name` opens the sentence.
MUST_USE Status unpack(Unpack kind, const char *data, size_t size, const char *name, RowSink *sink);
// UTF-16 with its BOM. What is no character (a lone surrogate) becomes U+FFFD.
void unpack_utf16(const char *data, size_t size, RowSink *sink);

#ifdef __cplusplus
}
#endif
#endif
