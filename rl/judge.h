// rl/judge.h -- judging finished samples on the pool while the others are still being sampled.
//
// Position:   rollout's [token] -> HERE -> [verdict, parts, reward, weight]
// Layer 4 (rl). The one place where tokens become text for a verifier. Verdicts do not depend on
// the order in which samples finish.
#ifndef RL_JUDGE_H
#define RL_JUDGE_H

#include "base/arena.h"
#include "base/metrics.h"
#include "base/status.h"
#include "datasets/task.h"
#include "rl/context.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BatchJudge BatchJudge; // the judges' judging

// Of `run`, copied: pool, tokenizer, seed, and the end tokens, which are not part of a sample's
// text where one closes it. Finds the format judge and tries the template: ST_CONFIG names the key.
MUST_USE Status judge_new(const RlContext *run, const RlConfig *cfg, BatchJudge **out);
void judge_free(BatchJudge *judging);

// ST_CONFIG if the task names a judge that is not there; the sentence lists those that are.
MUST_USE Status judge_knows(const BatchJudge *judging, const Task *task);

// One batch at a time: judge_begin before sampling; judge_finished (a FinishedFn, ctx = the
// BatchJudge) for every sample, from one thread; judge_end joins, moves the batch from SAMPLED to
// JUDGED and fills its columns (reward and weight too). judge_cancel instead of judge_end if
// sampling was given up.
void judge_begin(BatchJudge *judging, const Batch *batch);
void judge_finished(void *judging, Batch *batch, int sample);
void judge_end(BatchJudge *judging, Batch *batch, Arena *arena);
void judge_cancel(BatchJudge *judging);

// What held the programs that were judged: sandbox/layers (a sum of CageLayer bits); since the
// start, sandbox/runs, sandbox/errors (no verdict, by our own fault) and sandbox/second_tries (a
// busy host had taken the wall time). Nothing where no program is judged.
void judge_measure(Metrics *row);

// The layers (a sum of CageLayer bits) that hold programs; 0 where none is judged. A run does not
// change them on its way: judge_same_layers fails with ST_CONFIG where `before`, of a checkpoint,
// was another sum, and names each layer that came or went.
unsigned judge_layers(void);
MUST_USE Status judge_same_layers(unsigned before);

// The text that is judged: the response without its closing end token. Appends to out.
void judge_text(const BatchJudge *judging, const Batch *batch, int sample, Str *out);

#ifdef __cplusplus
}
#endif
#endif
