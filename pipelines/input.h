// pipelines/input.h -- what a person names on the command line: is it there, and which model is it?
//
// Layer 5. Both leave with ST_FORMAT (exit code 4, bad data or model file) and ST_IO.
#ifndef PIPELINES_INPUT_H
#define PIPELINES_INPUT_H

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// A file that can be read; a pipe is one, a folder is not.
MUST_USE Status input_file(const char *path);
// The folder of a model: that folder, or a file (GGUF; whoever opens it says what it is), or a
// checkpoint, a run (its newest checkpoint), RUN/checkpoints/latest or best, with or without
// /model.
MUST_USE Status input_model(const char *path, const char **out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
