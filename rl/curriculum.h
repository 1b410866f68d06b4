// rl/curriculum.h -- which questions come next: a memory of pass rates, and a taste for one half.
//
// Layer 4 (rl). The stream of tasks is walked in order; a question is passed over with a chance
// that grows as its remembered pass rate p nears 0 or 1: it is taken with probability
//   floor + (1 - floor) * 4 p (1 - p)
// p is remembered by level or by task; one not yet seen counts as 1/2. A decision is a function of
// (seed, task index, memory), so a resumed run decides the same.
#ifndef RL_CURRICULUM_H
#define RL_CURRICULUM_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "datasets/task.h"
#include "rl/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Curriculum Curriculum;

Curriculum *curriculum_new(const RlConfig *cfg, uint64_t seed);
void curriculum_free(Curriculum *curriculum);

bool curriculum_takes(const Curriculum *curriculum, const Task *task, uint64_t index);

// A group of the task was judged: n_right of n_known samples. Memory moves by
// p <- decay * p + (1 - decay) * n_right / n_known; the first visit sets it. n_known = 0 is
// ignored.
void curriculum_learn(Curriculum *curriculum, const Task *task, int n_right, int n_known);

// The remembered pass rate of the task's level or of the task; 1/2 if it was never seen.
double curriculum_rate(const Curriculum *curriculum, const Task *task);

// State as bytes, in the order in which keys were first seen. curriculum_load replaces the memory;
// ST_FORMAT leaves it empty.
void curriculum_save(const Curriculum *curriculum, Str *out);
MUST_USE Status curriculum_load(Curriculum *curriculum, const void *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
