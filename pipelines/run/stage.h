// pipelines/run/stage.h -- the stages that commands are made of.
//
// Layer 5. A stage runs in a folder of its own, comes back to life there, and stops when asked with
// everything saved. Stopped and gone on, it is the run that never stopped: same metrics (timings
// apart), same weights.
#ifndef PIPELINES_STAGE_H
#define PIPELINES_STAGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "pipelines/actor.h"
#include "pipelines/run/runfolder.h"
#include "pipelines/runconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct StageOpts {
    const RunConfig *rc; // resolved
    const Args *args;
    const char *command; // "zero"
    const char *out;     // the run's folder
    bool fresh, override_config, dry_run;
    uint64_t memory_bytes; // 0 = run.memory_mb, or what is free
} StageOpts;

typedef struct StageResult {
    bool stopped;      // by a signal, with a checkpoint
    bool nonfinite;    // the failure was a number that is none
    bool gate_closed;  // the base is too weak to begin
    const char *model; // folder of the model it ended with, in the arena
} StageResult;

// Keys that may change between two lives of a run (NULL-terminated): they change no result of
// training.
extern const char *const stage_free_keys[];

typedef Status StageFn(const StageOpts *opts, StageResult *out, Arena *arena);

// Next-token training: data.corpus, section sft. Starts from model.path or a new model.
MUST_USE Status stage_sft(const StageOpts *opts, StageResult *out, Arena *arena);
// GRPO from the model in `base`: evaluation, preflight, steps, final evaluation, report.
MUST_USE Status stage_rl(const StageOpts *opts, const char *base, RunFolder *run, StageResult *out,
                         Arena *arena);
// R1-Zero: stage_sft in RUN/base unless model.path names a base, then stage_rl in RUN.
MUST_USE Status stage_zero(const StageOpts *opts, StageResult *out, Arena *arena);

// Opens the run's folder as the config says. `data` may be NULL.
MUST_USE Status stage_open_run(const StageOpts *opts, const char *path, const char *command,
                               const char *data, RunFolder **out);
// Data that cannot be read: a folder without a run gets a run.json that says so; an older run stays
// as it is, and status_text() too.
void stage_never_ran(const StageOpts *opts, const char *path, const char *command, Status why);
// data.epochs as rl.steps, where it is given. ST_CONFIG: both are given, or the questions never
// end.
MUST_USE Status stage_steps(RunConfig *rc);
ActorOpts stage_actor_opts(const StageOpts *opts, const ModelConfig *model, const char *folder);
// The section data's template for the model in `folder` (may be NULL), kept in the actor; *out
// NULL: prompts are asked as written.
MUST_USE Status stage_chat(const RunConfig *rc, Actor *actor, const Chat **out);
// What state/stage.json keeps.
typedef struct StageMark {
    bool evaluated;  // the step's evaluation is in metrics.jsonl
    double best;     // highest accuracy of a checkpoint so far, of sft exp(-val/loss); < 0: none
    int64_t waited;  // scorings since the best one (sft.patience)
    unsigned layers; // of the sandbox, for stages that judge programs; 0: none
    Metrics row;     // of the step, where it waits for its evaluation; n == 0: metrics.jsonl has it
} StageMark;

// A checkpoint: model/ (a Hugging Face folder), state/policy.state, state/stage.json and what
// `save` writes into state/. is_best: it is remembered as the best. On failure the older ones are
// untouched.
typedef Status StageSaveFn(void *ctx, const char *folder);
MUST_USE Status stage_save(RunFolder *run, const Actor *actor, int64_t step, const StageMark *mark,
                           bool is_best, StageSaveFn *save, void *ctx);
// Loads state/policy.state; *mark as it was saved.
MUST_USE Status stage_load(RunFolder *run, const Actor *actor, StageMark *mark);
// "seconds", "memory" and "warnings" for run.json, and a word about memory on the log.
void stage_facts(const Actor *actor, double seconds, const char *warnings, Str *out);

#ifdef __cplusplus
}
#endif
#endif
