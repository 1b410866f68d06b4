// rl/collect.h -- one rollout: ask, sample while judging, drop or refill groups; then weigh.
//
// Layer 4 (rl). Which questions are asked is a function of the stream position and the curriculum's
// memory; what is sampled, of (weights, seed, rollout number, task). A rollout that was stopped
// goes on from the samples of its rounds, which are judged again.
#ifndef RL_COLLECT_H
#define RL_COLLECT_H

#include "base/arena.h"
#include "base/clock.h"
#include "policy/text/chat.h"
#include "rl/curriculum.h"
#include "rl/judge.h"
#include "rl/settings.h"
#include "rollout/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Collector { // all borrowed
    const RlContext *run;
    const TaskSource *source;
    const RlConfig *cfg;
    BatchJudge *judging;
    Curriculum *curriculum;
    SampleConfig sampling;
    Spans *spans;       // gets "gen", "reward", "adv"
    Batch *const *part; // [n_parts] what a stop left of this rollout, to go on from
    int n_parts;
} Collector;

typedef struct Rollout {
    Batch *batch; // JUDGED, in the arena; NULL if stopped; ASKED with `nonfinite`
    Batch **part; // stopped: [n_parts] the rounds so far, in the arena; the last one unfinished
    int n_parts;
    uint8_t *flat;      // [n_groups] 1 = fewer than two counted samples or equal rewards
    uint64_t next_task; // stream position after the questions that were asked
    int n_gen_batches;
    bool nonfinite;       // set with ST_FORMAT: the policy's logits were no numbers
    bool short_batch;     // refill ran out of rounds with fewer groups than asked for
    EngineStats sampling; // of all rounds: tokens, draws and drafts
} Rollout;

// `number` becomes batch->step. On success the curriculum has learned from every judged group.
// ST_OK with batch NULL and parts when *stop was seen.
MUST_USE Status collect_rollout(const Collector *c, uint64_t number, uint64_t first_task,
                                const volatile int *stop, Rollout *out, Arena *arena);

// flat[g] = 1 where fewer than two samples of group g count or their rewards are equal. ST_FORMAT:
// a reward is not finite.
MUST_USE Status collect_flat(const RlConfig *cfg, const Batch *batch, uint8_t *flat, Arena *arena);

// Fills the advantages of a JUDGED batch, which is WEIGHED then. ST_FORMAT: a reward is not finite.
MUST_USE Status collect_weigh(const RlConfig *cfg, Batch *batch, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
