// base/json.h -- a strict JSON reader with line numbers, on top of cJSON.
//
// Layer 1. Refuses what cJSON accepts: duplicate keys, text after the value, nesting over 64
// levels, invalid UTF-8. Every node has its line number, so errors name file and line. `//`
// comments are accepted only where the caller asks for it (configs). Fails with ST_FORMAT (bad
// JSON) or ST_IO (json_read).
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum JsonKind {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} JsonKind;

typedef struct Json Json; // a node; a view into its document
typedef struct JsonDoc JsonDoc;

// `name` is what errors call the text ("config.json"); `first_line` is the line its first byte
// is on (1 for a file; the line number for a row of a JSONL file). The caller owns *out.
MUST_USE Status json_parse(const char *text, size_t size, const char *name, int first_line,
                           bool comments, JsonDoc **out);
MUST_USE Status json_read(const char *path, bool comments, JsonDoc **out);
// The same, without comments, of a file that may be absent: *out is NULL then. A folder, a pipe or
// a device in its place is ST_FORMAT.
MUST_USE Status json_read_if_there(const char *path, JsonDoc **out);
void json_free(JsonDoc *doc);
const Json *json_root(const JsonDoc *doc);
const char *json_name(const JsonDoc *doc);

JsonKind json_kind(const Json *node);
const char *json_kind_name(JsonKind kind);
int json_line(const JsonDoc *doc, const Json *node);

// Walk an array or object in file order: for (n = json_first(a); n; n = json_next(n)).
const Json *json_first(const Json *node);
const Json *json_next(const Json *node);
int json_count(const Json *node);
const char *json_key(const Json *node);                    // of a member of an object, else NULL
const Json *json_get(const Json *object, const char *key); // NULL if absent or not an object

// Plain values, with a fallback for absent (NULL) nodes or another kind.
const char *json_text(const Json *node, const char *fallback); // zero-terminated UTF-8
size_t json_text_size(const Json *node);                       // a text may hold zero bytes
double json_num(const Json *node, double fallback);
// The fallback too when it is not a whole number below 2^53.
int64_t json_int(const Json *node, int64_t fallback);
bool json_bool(const Json *node, bool fallback);
// A number as it was written, digit by digit, whatever a double can hold (an integer may have 4300
// digits; json_num is the nearest double then); NULL of another kind.
const char *json_raw(const Json *node);

// Appends the value as JSON without spaces: its numbers as they were written, its texts in this
// program's escapes. NULL is null.
void json_echo(const Json *node, Str *out);

#ifdef __cplusplus
}
#endif
#endif
