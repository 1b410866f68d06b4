// pipelines/pipeline/rejectstage.h -- a stage that keeps samples of a model as data: `grpo reject`.
//
// Layer 5.
#ifndef PIPELINES_PIPELINE_REJECTSTAGE_H
#define PIPELINES_PIPELINE_REJECTSTAGE_H

#include "base/json.h"
#include "pipelines/pipeline/stagelist.h"
#include "pipelines/run/stage.h"

#ifdef __cplusplus
extern "C" {
#endif

// The command line that the stage is: argv[0 .. *n) in the arena. ST_CONFIG names a flag that
// `grpo reject` does not have, or that the stage sets itself (out).
enum { REJECT_WORDS = 128 };
MUST_USE Status rejectstage_line(const StageList *list, const StageSpec *stage, const char *model,
                                 const char *out, char *argv[REJECT_WORDS], int *n, Arena *arena);
// Runs it; out->model is the file of kept rows.
MUST_USE Status rejectstage_run(char *argv[REJECT_WORDS], int n, const char *file,
                                StageResult *out);

#ifdef __cplusplus
}
#endif
#endif
