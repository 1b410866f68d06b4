// rollout/sched.h -- continuous batching: who is in the next decode call, and on which pages.
//
// Floor 3 (rollout), private to the engine. A Run is a sequence that is being cached: the prompt of
// a group (once, for all its samples) or a sample. Prompts are prefilled in group order; then the
// samples of the group fork its pages. When pages run out the youngest run gives its pages back
// and is recomputed later from its tokens, which gives the same bits (the row rule, DESIGN section
// 5). The oldest run is never put aside and advances in every call, so everything ends.
#ifndef ROLLOUT_SCHED_H
#define ROLLOUT_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "policy/policy.h"
#include "rollout/batch.h"
#include "rollout/kv.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Run {
    int group, sample; // sample < 0: the prompt of the group
    int length;        // tokens it has; the next call's last row of logits draws one more
    int n_new;         // tokens in the next call
    KvTable kv;
} Run;

typedef enum SampleState {
    SAMPLE_ASKED,   // waits for the prompt of its group
    SAMPLE_READY,   // has at least one drawn token, waits for a place
    SAMPLE_RUNNING, // has a Run
    SAMPLE_DONE,
} SampleState;

typedef struct GroupState {
    KvTable kv; // the cached prompt, as long as a READY sample may fork it
    int n_ready;
    bool begun; // its prompt runs or ran; or there is nothing to run
} GroupState;

typedef struct Sched {
    Batch *batch;   // borrowed; SAMPLED and not yet compacted
    Policy *policy; // borrowed
    Kv *kv;         // borrowed
    int max_runs, max_rows, page_cap;
    Run *run; // [max_runs], the oldest first
    int n_runs;
    uint8_t *state;    // [n_samples] SampleState
    GroupState *group; // [n_groups]
    int next_group;    // no group before it waits to be begun
    int n_ready, first_ready, n_done;
    int32_t **spare_page; // [max_runs] page arrays that no run uses
    int n_spare;
    int64_t n_shared_tokens, n_computed_tokens, n_preempted;
} Sched;

// max_rows >= max_runs. `longest` bounds the tokens of a sequence; kv_pages_of(longest) pages must
// exist. Everything lives in the arena.
Sched sched_open(Batch *batch, Policy *policy, Kv *kv, int max_runs, int max_rows, int longest,
                 Arena *arena);

// Admits, takes pages, puts aside; fills seq[0..n), one for each run, seq.id its index. n is 0 only
// when all samples are done.
int sched_plan(Sched *sched, DecodeSeq *seq);
// After the call: the planned tokens are cached.
void sched_advance(Sched *sched);
static inline bool sched_wants_logits(const Run *run) {
    return run->kv.n_tokens == run->length;
}

// What became of a sample that had its next token drawn: it goes on, or it is done. A sample's
// first token comes from the run of its group.
void sched_goes_on(Sched *sched, Run *run, int sample);
void sched_is_done(Sched *sched, int sample);
// Its samples are done without having been begun.
void sched_skip_group(Sched *sched, int group);
// After all of a call's outcomes: removes the runs that ended.
void sched_sweep(Sched *sched);
// Gives all pages back.
void sched_close(Sched *sched);

#ifdef __cplusplus
}
#endif
#endif
