// pipelines/lines.h -- JSON lines in, JSON lines out, one answer a line, in the order asked.
//
// Layer 5. A line that cannot be read gets an answer with its reason; the others go on. The id of a
// question is echoed as it came; a question without one gets its line number.
#ifndef PIPELINES_LINES_H
#define PIPELINES_LINES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct InLine {
    JsonDoc *doc;      // NULL: could not be read
    const Json *row;   // its root, an object
    const char *id;    // as JSON
    const char *error; // why it could not be read, or what was wrong later
    int number;        // of the line in the file, from 1
} InLine;

typedef struct Lines {
    InLine *line;
    int n;
} Lines;

// path "-" is stdin. ST_IO, and ST_FORMAT where there is no such file. Everything lives in the
// arena, the documents until lines_close.
MUST_USE Status lines_read(const char *path, Lines *out, Arena *arena);
void lines_close(Lines *lines);

// {"id":...  without the closing brace.
void lines_begin(const InLine *line, Str *out);
// A whole answer for a line with `error`; `verdict` puts "verdict":"error" into it.
void lines_error(const InLine *line, bool verdict, Str *out);

// Writes what is in `out` to stdout and empties it. False: nobody takes it (a full disk, a closed
// pipe), so there is no point in answering more.
bool lines_flush(Str *out);

#ifdef __cplusplus
}
#endif
#endif
