// pipelines/command/datastats.h -- `grpo data stats`: what commands would make of a file's rows.
//
// Layer 5. The rows are read as rl and eval read them (questions) and as sft does (documents).
#ifndef PIPELINES_DATASTATS_H
#define PIPELINES_DATASTATS_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"
#include "datasets/taskfile.h"

#ifdef __cplusplus
extern "C" {
#endif

// Adds the figures, as JSON or as lines. ST_FORMAT: neither questions nor documents.
MUST_USE Status datastats(const char *path, const TaskFields *fields, const char *response,
                          bool json, Str *out);

#ifdef __cplusplus
}
#endif
#endif
