// datasets/delimited.h -- CSV and TSV (RFC 4180) as JSON lines.
//
// Layer 2 (datasets), behind rowfile. The first record names the columns; every further one becomes
// an object of texts. An empty field is left out. A field that is a JSON list or object is taken as
// such ("[{\"role\":\"user\",...}]"), numbers stay as they were written. A record with too many or
// too few fields, and a quote that does not end, are refused with their line.
#ifndef DATASETS_DELIMITED_H
#define DATASETS_DELIMITED_H

#include <stddef.h>

#include "datasets/rowsink.h"

#ifdef __cplusplus
extern "C" {
#endif

void delimited_read(const char *data, size_t size, char separator, RowSink *sink);

#ifdef __cplusplus
}
#endif
#endif
