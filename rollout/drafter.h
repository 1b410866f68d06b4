// rollout/drafter.h -- guesses of the next tokens of running samples, for the next decode call.
//
// Layer 3 (rollout), private to the engine. A guess changes how many tokens a call gives, never
// which: the engine draws every token itself and goes on while it is the guess (request.h). For a
// guess y that is fixed before the draw, this is the rule of speculative sampling (Leviathan et al.
// 2023; Chen et al. 2023) with q = 1 at y: the guess is accepted with probability min(1, p/q) =
// p(y), else the token has the distribution of max(p - q, 0). An MTP module draws its guess with
// the random number of the very position, so that guess and token agree more often than two draws
// would: wherever the two distributions agree on the part of [0, 1) that the number is in.
#ifndef ROLLOUT_DRAFTER_H
#define ROLLOUT_DRAFTER_H

#include "rollout/request.h"
#include "rollout/scheduler.h"

#ifdef __cplusplus
extern "C" {
#endif

// Prompt lookup (Saxena 2023): what followed the last appearance of the last LOOKUP_LONGEST ..
// LOOKUP_SHORTEST tokens. At most n guesses for token[0 .. n_tokens); returns how many.
enum { LOOKUP_LONGEST = 4, LOOKUP_SHORTEST = 2 };
int draft_lookup(const int32_t *token, int n_tokens, int32_t *draft, int n);

typedef struct DrafterOpts {
    DraftKind kind;
    int n_drafts;           // for a sample, EngineOpts.draft_tokens
    int max_seqs, max_rows; // of a decode call
    Policy *policy;         // borrowed
} DrafterOpts;

typedef struct Drafter {
    DrafterOpts opts; // n_drafts is above 0
    DraftSeq *seq;    // [max_seqs], DRAFT_MTP
    int32_t *token;   // [max_rows] behind the rows of prompts
} Drafter;

void drafter_open(Drafter *d, const DrafterOpts *opts); // checked by request_check_draft
void drafter_close(Drafter *d);
// After a decode call of n sequences, before those that ended are removed: guesses for samples that
// go on; others have none. *seconds is added to.
MUST_USE Status drafter_run(Drafter *d, const Scheduler *sched, const DecodeSeq *decode, int n,
                            double *seconds);

#ifdef __cplusplus
}
#endif
#endif
