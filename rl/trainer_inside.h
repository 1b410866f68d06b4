// rl/trainer_inside.h -- what a Trainer is made of; for rl/trainer*.c only.
//
// Layer 4 (rl).
#ifndef RL_TRAINER_INSIDE_H
#define RL_TRAINER_INSIDE_H

#include "base/arena.h"
#include "base/clock.h"
#include "rl/collect.h"
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

// A rollout that was sampled and judged ahead of its turn (rl.lag), in an arena of its own.
typedef struct RolloutAhead {
    Rollout rollout;
    Arena *arena; // NULL: not opened yet
    ArenaMark begin;
} RolloutAhead;
enum { AHEAD_MOST = 8 };

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
    RolloutAhead ahead[AHEAD_MOST + 1]; // the first n_ahead are sampled, in order
    int n_ahead;
    Arena *arena; // its columns
    ArenaMark batch_mark;
    Arena *scratch; // one update
    Spans spans;
    bool nonfinite;
};

bool trainer_has_batch(const Trainer *trainer); // one with updates left
void trainer_drop_batch(Trainer *trainer);

// rl/ahead.c. The arena that the next rollout is sampled into; it becomes ahead[n_ahead].
Arena *ahead_open(Trainer *trainer);
// Is one more to be sampled before the next is trained on? Those that the run cannot use are not.
bool ahead_wanted(const Trainer *trainer);
// The oldest rollout and its arena become those in use.
Rollout ahead_take(Trainer *trainer);
// How many policy versions the tokens of the batch in use are behind.
void ahead_measure(const Trainer *trainer, Metrics *row);
MUST_USE Status ahead_save(const Trainer *trainer, const char *folder);
MUST_USE Status ahead_load(Trainer *trainer, const char *folder, int n);
void ahead_drop(Trainer *trainer); // all of them
void ahead_free(Trainer *trainer);
// The tasks of a batch from a file, whose rewards must be this run's.
MUST_USE Status trainer_find_tasks(Trainer *trainer, Batch *batch, Arena *arena, const char *path);

#ifdef __cplusplus
}
#endif
#endif
