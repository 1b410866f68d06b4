// pipelines/pipeline/evalstage.h -- a stage that only looks: held-out questions, judged.
//
// Layer 5.
#ifndef PIPELINES_PIPELINE_EVALSTAGE_H
#define PIPELINES_PIPELINE_EVALSTAGE_H

#include "pipelines/run/stage.h"

#ifdef __cplusplus
extern "C" {
#endif

// The model in model.path on data.heldout (and data.large) as section eval says, into
// opts->out/eval.json; out->model is that file. With dry_run the memory plan alone.
MUST_USE Status stage_evaluate(const StageOpts *opts, StageResult *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
