// rl/trainer_inside.h -- what a Trainer is made of; for rl/trainer*.c only.
//
// Layer 4 (rl).
#ifndef RL_TRAINER_INSIDE_H
#define RL_TRAINER_INSIDE_H

#include "base/arena.h"
#include "base/clock.h"
#include "rl/curriculum.h"
#include "rl/health.h"
#include "rl/judge.h"
#include "rl/reference.h"
#include "rl/trainer.h"
#include "rl/update.h"

#ifdef __cplusplus
extern "C" {
#endif

// Where the run is; saved as it is.
typedef struct Position {
    int64_t steps_done;     // optimiser steps
    uint64_t rollouts_done; // also the number of the next one
    uint64_t next_task;     // index into the task stream
    uint64_t tokens_seen;   // prompts and responses of all rollouts
} Position;

struct Trainer {
    TrainerDeps deps;
    RlConfig cfg;
    int32_t eos;
    BatchJudge *judging;
    Curriculum *curriculum;
    Health *health;
    Reference *reference; // NULL if kl is off
    Position at;
    Batch *batch; // the rollout in use, WEIGHED unless its step failed; NULL: none
    Batch **part; // [n_parts] sampling rounds of a rollout that a stop left on its way
    int n_parts;
    Arena *arena; // its columns
    ArenaMark batch_mark;
    Arena *scratch; // one update
    Spans spans;
    bool nonfinite;
};

bool trainer_has_batch(const Trainer *trainer); // one with updates left
void trainer_drop_batch(Trainer *trainer);

#ifdef __cplusplus
}
#endif
#endif
