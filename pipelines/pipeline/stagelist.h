// pipelines/pipeline/stagelist.h -- a recipe of several stages, read and checked.
//
// Layer 5. One JSON file (// comments):
//
//   {"config": "zero-desk",                    an embedded config that all stages begin with
//    "inputs": {"base": "models/small"},       names for model folders and data files
//    "settings": {"run": {"seed": 2}},         sections and keys for all stages
//    "stages": [
//      {"name": "cold", "kind": "sft", "from": "base", "data": {"corpus": "cold.jsonl"}},
//      {"name": "reason", "kind": "rl", "from": "cold", "overrides": {"rl": {"lr": 1e-5}}}]}
//
// `from` names an earlier stage, an input or a model folder; without it (sft only) a new model is
// made. `data` has keys of the section data, whose texts may name an input. Stages run in their
// order, so what a stage reads comes before it. A stage of kind reject has "flags" instead, those
// of `grpo reject` ({"data": "questions", "k": 4}); it makes RUN/<name>/kept.jsonl, which a later
// stage's data names by the stage.
#ifndef PIPELINES_PIPELINE_STAGELIST_H
#define PIPELINES_PIPELINE_STAGELIST_H

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum StageKind { STAGE_SFT, STAGE_RL, STAGE_EVAL, STAGE_REJECT, N_STAGE_KINDS } StageKind;
const char *stage_kind_name(StageKind kind);

typedef struct StageSpec {
    const char *name;
    StageKind kind;
    int from;               // number of the stage whose model it begins with; -1: from_model
    const char *from_model; // a folder; NULL: a new model
    const Json *data, *overrides,
        *flags; // objects, or NULL; flags: of reject, which has no sections
    int line;
} StageSpec;

typedef struct StageList {
    const char *name; // of the file, or the recipe in the program
    JsonDoc *doc;
    const char *config;            // an embedded config, or NULL
    const Json *inputs, *settings; // objects, or NULL
    StageSpec *stage;
    int n_stages;
} StageList;

// `path`: a file, or the name of a recipe of stages in the program. ST_CONFIG: one sentence with
// file, line and remedy. Everything in the arena but the document.
MUST_USE Status stagelist_open(const char *path, StageList *out, Arena *arena);
void stagelist_close(StageList *list);
// The path that an input's name stands for, or the text itself.
const char *stagelist_input(const StageList *list, const char *text);
int stagelist_find(const StageList *list, const char *name); // -1: none

#ifdef __cplusplus
}
#endif
#endif
