// rl/reference.h -- the policy that KL keeps near: another Policy, refreshed now and then.
//
// Layer 4 (rl). Made only when rl.kl is not off. Codes: what policy.h and checkpoint.h say.
#ifndef RL_REFERENCE_H
#define RL_REFERENCE_H

#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Reference Reference;

// What a reference of `actor` is planned as.
PolicyOpts reference_opts(Pool *pool, int chunk_tokens, int max_seq_tokens);
// `frozen` (borrowed, of the actor's ModelConfig) takes the weights of `actor` as they are now.
// refresh_steps: rl.reference_refresh_steps.
MUST_USE Status reference_new(Policy *frozen, const Policy *actor, int64_t refresh_steps,
                              Reference **out);
void reference_free(Reference *reference);

// Before a rollout at `step` finished optimiser steps: takes the policy's weights if refresh_steps
// or more have passed since they were last taken.
MUST_USE Status reference_refresh(Reference *reference, const Policy *policy, int64_t step);

// logp [pack->n_tokens] of every wanted token under the reference.
MUST_USE Status reference_score(Reference *reference, const Pack *pack, const ScoreOpts *opts,
                                float *logp);

// Its weights and when they were taken, in one file.
MUST_USE Status reference_save(const Reference *reference, const char *path);
MUST_USE Status reference_load(Reference *reference, const char *path);

#ifdef __cplusplus
}
#endif
#endif
