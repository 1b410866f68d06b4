// rollout/scheduler.h -- continuous batching: which sequences are in the next decode call, and on
// which pages.
//
// Layer 3 (rollout), private to the engine. A sequence is the prompt of a group (computed once, for
// all its samples) or a sample. Prompts are computed in order of submission; then the samples of
// the group fork their pages. Samples that are ready go before new prompts, in order of their ids.
// When pages run out, samples that do not run give theirs back first, then the sequence that was
// admitted last is preempted; both are computed again from their tokens, which gives the same bits
// (the row rule, DESIGN section 6). The sequence that was admitted first is never preempted and
// advances in every call, so everything ends. With `reserve`, a sequence is admitted only when
// pages for its longest length are free, and nothing is ever preempted.
#ifndef ROLLOUT_SCHEDULER_H
#define ROLLOUT_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"
#include "rollout/kv.h"
#include "rollout/live.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct SchedSeq {
    LiveGroup *group;
    LiveSample *sample; // NULL: the prompt of the group
    int n_new;          // tokens in the next call
    int n_drafts;       // guesses behind them, which the call verifies
} SchedSeq;

typedef struct Scheduler {
    Policy *policy;   // borrowed
    KvPool *kv;       // borrowed
    LiveStore *store; // borrowed
    int max_seqs, max_rows, n_pages;
    bool reserve;
    int n_reserved; // pages, with `reserve`
    SchedSeq *seq;  // [max_seqs] in order of admission
    int n_seqs;
    LiveSample *first_ready, *last_ready; // by id
    LiveGroup *first_waiting;             // by age
    int64_t n_shared_tokens, n_computed_tokens, n_preempted;
} Scheduler;

// max_rows >= max_seqs; sequences of at most n_pages pages.
void scheduler_open(Scheduler *sched, Policy *policy, KvPool *kv, LiveStore *store, int max_seqs,
                    int max_rows, int n_pages, bool reserve);
void scheduler_close(Scheduler *sched);

// A group that was added: its prompt waits to be computed, unless its only sample has tokens.
void scheduler_add(Scheduler *sched, LiveGroup *group);

// Admits, takes pages, preempts; fills decode[0 .. n), one for each sequence, decode.id its index.
// Every sample that will have a token drawn has space for it. Guesses (LiveSample.draft) go along
// where rows and pages are free; then logits of n_drafts + 1 rows are wanted. n is 0 when nothing
// can run.
int scheduler_plan(Scheduler *sched, DecodeSeq *decode);
// After the call: the planned tokens are cached, by weights `version`.
void scheduler_advance(Scheduler *sched, uint32_t version);
// The first guess that is not yet part of the sequence is right: its keys and values stay.
void scheduler_keep_draft(const SchedSeq *seq, uint32_t version);
// Were logits of the sequence wanted? After scheduler_advance.
bool scheduler_drawn(const SchedSeq *seq);

// What becomes of a sample. Its first token comes from the sequence of its group.
void scheduler_ready(Scheduler *sched, LiveSample *sample); // it has a token to compute
void scheduler_pause(Scheduler *sched, LiveSample *sample);
void scheduler_finish(Scheduler *sched, LiveSample *sample); // gives its pages back
// Removes the sequences that ended. After all outcomes of a call, and after scheduler_finish.
void scheduler_sweep(Scheduler *sched);

// Gives all pages back; sequences that run go on from their first token.
void scheduler_forget_pages(Scheduler *sched);
// CHECKs the page tables of all sequences of the next call.
void scheduler_check(const Scheduler *sched);

#ifdef __cplusplus
}
#endif
#endif
