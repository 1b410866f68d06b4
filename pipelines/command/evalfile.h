// pipelines/command/evalfile.h -- the records of an evaluation, so that a stopped one goes on.
//
// Layer 5. A file of JSON lines: the first says what is evaluated how, each other one a question in
// order. A last line that is torn is cut off. ST_IO; ST_CONFIG: the file is of another evaluation;
// ST_FORMAT: a line that is no record.
#ifndef PIPELINES_EVALFILE_H
#define PIPELINES_EVALFILE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "base/str.h"
#include "rl/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct EvalFile {
    const char *path;
    void *stream;       // FILE
    EvalRecord *record; // [n] of earlier times, in the arena
    int n;
} EvalFile;

// `header` is one JSON object without line breaks: it must be what the file begins with.
MUST_USE Status evalfile_open(const char *path, const char *header, EvalFile *out, Arena *arena);
// Only reads, whatever the evaluation was. ST_FORMAT also where no question is recorded.
MUST_USE Status evalfile_read(const char *path, EvalFile *out, Arena *arena);
// Adds a line and hands it to the system. samples: sample_line's JSON lines of the question.
MUST_USE Status evalfile_add(EvalFile *file, const EvalRecord *record, const Str *samples);
// Writes the samples of all questions in `path` to `out`, a line each. ST_FORMAT: it has none.
MUST_USE Status evalfile_samples(const char *path, const char *out);
// Calls fn with each record in order; its samples are the objects in "drawn". The first failure
// ends it. ST_FORMAT: a line that is none, or one without samples.
typedef Status EvalEachFn(void *ctx, const Json *record);
MUST_USE Status evalfile_each(const char *path, EvalEachFn *fn, void *ctx);
void evalfile_close(EvalFile *file); // a zeroed one is fine

#ifdef __cplusplus
}
#endif
#endif
