// datasets/rowfile.h -- a file of rows in any format that people have, as JSON lines.
//
// Layer 2 (datasets). The format is told by the file's first bytes and its name:
//
//   JSON lines            as it is, mapped, not copied
//   a JSON array          [ {...}, {...} ]
//   CSV, TSV              .csv, .tsv: RFC 4180, the first record names the columns (delimited.h)
//   gzip, zstd            of any of these (zlib, libzstd)
//   UTF-16 with a BOM     of any of these; UTF-8 with a BOM too
//
// What is not JSON lines is rewritten as such: in memory while it is small, else in a temporary
// file that has no name, so that memory does not grow with it. Parquet, Arrow and others are
// refused with the format's name and the command that converts them. Leaves with ST_IO and
// ST_FORMAT.
#ifndef DATASETS_ROWFILE_H
#define DATASETS_ROWFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RowFile {
    const char *data; // [size] JSON lines
    size_t size;
    FileMap map;     // what `data` points into, or empty
    char *memory;    // the same
    const int *line; // [n_lines] where each line of `data` begins in the file; NULL: as counted
    int64_t n_lines;
    uint64_t hash;      // rng_hash of the file's own bytes
    const char *format; // "JSON lines", "gzip CSV", ...; static
} RowFile;

MUST_USE Status rowfile_open(const char *path, RowFile *out);
// Bytes (borrowed, also afterwards) of a file that would have this name.
MUST_USE Status rowfile_open_bytes(const char *data, size_t size, const char *name, RowFile *out);
void rowfile_close(RowFile *file); // a zeroed one is fine

// The files that `path` stands for: itself; the files of rows in a folder, by name; those that a
// pattern with * ? [ matches. In the arena. ST_FORMAT: there are none.
MUST_USE Status rowfile_list(const char *path, const char *const **files, int *n, Arena *arena);
// Is this a pattern, and no file's name?
bool rowfile_is_pattern(const char *path);

#ifdef __cplusplus
}
#endif
#endif
