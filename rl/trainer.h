// rl/trainer.h -- the loop: ask, sample, judge, weigh, learn; one optimiser step at a time.
//
// Layer 4 (rl). One call of trainer_step is one OPTIMISER step. It samples a rollout when none is
// in use and trains one mini-batch of it. Between calls the state is always that of an optimiser
// step: weights (the policy's), position, and the batch in use with the updates made from it.
// Numbers are functions of (weights, config, seed): not of threads, chunks in flight, stops or
// resumes; timings apart.
#ifndef RL_TRAINER_H
#define RL_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/str.h"
#include "datasets/task.h"
#include "rl/context.h"
#include "rl/distill.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// Everything is borrowed for the trainer's life.
typedef struct TrainerDeps {
    RlContext run; // without end tokens: the model's eos_id
    const TaskSource *source;
    Policy
        *reference; // where the config wants one (settings_reference); takes the policy's weights
    Teachers teachers;       // where rl.distill wants them
    int max_seq_tokens;      // as given to the policy; 0 = the model's max_position
    const char *dump_folder; // gets the batch that made a number non-finite; NULL = not written
} TrainerDeps;

typedef struct Trainer Trainer;

// Resolves the config (rl/settings.h), finds the judges, makes the reference if one is needed
// (ST_NOMEM if it does not fit). ST_CONFIG names the key, or the task with an unknown judge or a
// prompt without space (rl/ask.h).
MUST_USE Status trainer_new(const TrainerDeps *deps, const RlConfig *cfg, Trainer **out);
void trainer_free(Trainer *trainer);
const RlConfig *trainer_config(const Trainer *trainer); // resolved
int64_t trainer_steps_done(const Trainer *trainer);     // optimiser steps
bool trainer_done(const Trainer *trainer);              // steps_done == cfg.steps

// What a step did besides its metrics.
typedef struct TrainerStep {
    int64_t step;       // its number, from 1; with `stopped` the number of the last finished one
    bool stopped;       // the stop flag was seen: no step was made; save and go
    bool fresh;         // this step sampled `batch` (its rollout is to be written down once)
    const Batch *batch; // in use, WEIGHED; borrowed until the next step
} TrainerStep;

// `stop` (may be NULL) is polled at the start and while sampling. `row` is cleared and filled
// with the metrics of rl/README.md; rollout metrics are in the rows of fresh steps only. Fails
// with what policy, engine or judges say; a non-finite number is ST_FORMAT, after which
// trainer_nonfinite is true, the weights are those of the last good step, and the batch is dumped.
MUST_USE Status trainer_step(Trainer *trainer, const volatile int *stop, Metrics *row,
                             TrainerStep *out);
bool trainer_nonfinite(const Trainer *trainer);
// A stop left a rollout on its way: trainer_save keeps what was sampled, and the next step goes on
// from there to the bits of a run that never stopped.
bool trainer_in_rollout(const Trainer *trainer);
const Spans *trainer_spans(const Trainer *trainer); // where the last step's time went

// Sentences about the run's health, each "step 40: ...\n", in order, since the run began.
const char *trainer_warnings(const Trainer *trainer);

// Writes all that is not the policy into an existing folder: trainer.bin, and batch.bin,
// reference.bin and part-0.bin, part-1.bin, ... (a rollout on its way) where there are such. Load
// it into a new trainer of the same config, seed and source, after the policy's own state was
// loaded.
MUST_USE Status trainer_save(const Trainer *trainer, const char *folder);
MUST_USE Status trainer_load(Trainer *trainer, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
