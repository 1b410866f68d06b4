// pipelines/command/asking.h -- what `grpo eval` and `grpo reject` share: questions for a model.
//
// Layer 5. Reads the flags data, split, folder, judge, fields, ask, tasks and those of a chat
// template. ST_CONFIG names the flag; ST_IO, ST_FORMAT of what is read.
#ifndef PIPELINES_ASKING_H
#define PIPELINES_ASKING_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "datasets/task.h"
#include "pipelines/actor.h"
#include "pipelines/args.h"
#include "pipelines/runconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

// What --ask says, its file's text where it names one.
MUST_USE Status asking_words(const Args *args, const char **out, Arena *arena);
// --data (a family, a data set by name, a file) as questions, and how many are asked.
MUST_USE Status asking_source(const Args *args, const RunConfig *rc, const char *split_by_default,
                              TaskSource *out, int64_t *n_tasks);
// The tokens of the longest prompt that evaluate() may ask of the model in word 0.
MUST_USE Status asking_longest(const Args *args, const TaskSource *source, int64_t n_tasks,
                               int64_t *out, Arena *arena);
// actor_open with fewer sequences at once where they do not fit: no result depends on it.
MUST_USE Status asking_actor(ActorOpts *ao, Actor *a);

typedef struct AskingProgress {
    double begin, last; // clock_now
    int64_t first;      // samples that were there at the start
    const char *what;   // "eval"
} AskingProgress;
void asking_progress(void *ctx, int64_t done, int64_t all); // an EvalProgressFn

#ifdef __cplusplus
}
#endif
#endif
