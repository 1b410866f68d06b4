// datasets/rowsink.h -- where rewritten rows go: to memory, then to a nameless temporary file.
//
// Layer 2 (datasets), behind rowfile.
#ifndef DATASETS_ROWSINK_H
#define DATASETS_ROWSINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// A line that begins with this byte is no row; what follows says why not.
#define ROWSINK_REFUSED '\x01'

typedef struct RowSink { // zeroed: empty
    Str memory;
    FILE *file; // in place of memory where there is much
    int *line;  // [n_lines] where each row begins in the file that is rewritten
    int64_t n_lines, cap;
    bool failed; // the temporary file could not be written
} RowSink;

// Appends bytes of a row.
void rowsink_add(RowSink *sink, const void *data, size_t size);
void rowsink_end(RowSink *sink, int line);                     // ends a row that began there
void rowsink_refuse(RowSink *sink, const char *why, int line); // a row that cannot be used
void rowsink_free(RowSink *sink);

#ifdef __cplusplus
}
#endif
#endif
