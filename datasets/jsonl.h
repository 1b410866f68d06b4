// datasets/jsonl.h -- rows of files, by number, with the lines on which they begin.
//
// Layer 2 (datasets). The one way in which rows are read: formats are those of rowfile.h, a folder
// or a pattern is all its files one after the other. A file is read once to find the good rows; a
// row is parsed again when it is asked for, so memory holds 16 bytes a row. A line that is not
// JSON, is not UTF-8 or lacks a field is skipped and counted, and the first few are named; blank
// lines are passed over. Thread-safe after opening. Leaves with ST_IO, or with ST_FORMAT when no
// row is good.
#ifndef DATASETS_JSONL_H
#define DATASETS_JSONL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Jsonl Jsonl;

// NULL if the row will do, otherwise why not; jsonl_pass_over: it is another's, and not counted.
typedef const char *JsonlAccept(void *ctx, const Json *row);
extern const char jsonl_pass_over[];

// `accept` may be NULL: every JSON object is a row. The caller owns *out.
MUST_USE Status jsonl_open(const char *path, JsonlAccept *accept, void *ctx, Jsonl **out);
// The same over bytes (borrowed) that are called `name` in messages.
MUST_USE Status jsonl_open_bytes(const char *data, size_t size, const char *name,
                                 JsonlAccept *accept, void *ctx, Jsonl **out);
void jsonl_close(Jsonl *jsonl); // NULL is fine

int64_t jsonl_size(const Jsonl *jsonl);    // good rows
int64_t jsonl_skipped(const Jsonl *jsonl); // skipped lines
// "FILE:3: why" for the first skipped lines, one a line, then how many more; "" if none.
const char *jsonl_report(const Jsonl *jsonl);
uint64_t jsonl_hash(const Jsonl *jsonl);      // rng_hash of all bytes of the file
const char *jsonl_format(const Jsonl *jsonl); // of the first file: "JSON lines", "gzip CSV", ...
// Where a row begins: its line; *file names the file, as long as the Jsonl lives.
int jsonl_line(const Jsonl *jsonl, int64_t row, const char **file);
// Parses row `row`; the caller ends *out with json_free.
MUST_USE Status jsonl_row(const Jsonl *jsonl, int64_t row, JsonDoc **out);

// The first of `names` (NULL-terminated) that the row has as a text; NULL if none. A number is
// written into the arena.
const char *jsonl_text(const Json *row, const char *const *names, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
