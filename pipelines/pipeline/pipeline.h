// pipelines/pipeline/pipeline.h -- runs the stages of a recipe in RUN, each in RUN/<its name>.
//
// Layer 5. Everything that can be known is checked before anything runs: settings of all stages,
// inputs, memory. A stage that is done and whose key (artefacts.h) is the same is not run again;
// one whose settings or inputs changed is, and the log says what changed; one that was stopped or
// killed goes on from its last checkpoint, to the same bits.
#ifndef PIPELINES_PIPELINE_H
#define PIPELINES_PIPELINE_H

#include <stdbool.h>

#include "base/status.h"
#include "pipelines/args.h"
#include "pipelines/run/stage.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct PipelineOpts {
    const Args *args;         // assignments: STAGE.section.key=value
    const char *recipe, *run; // run may be NULL with dry_run
    const char *from, *to;    // names of stages, or NULL: the first, the last
    bool dry_run;             // the plan alone
    uint64_t memory_bytes;
} PipelineOpts;

MUST_USE Status pipeline_run(const PipelineOpts *opts, StageResult *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
