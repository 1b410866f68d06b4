// rl/update.h -- one optimiser step from one mini-batch of a rollout.
//
// Layer 4 (rl). Chooses the mini-batch, counts the one denominator over all of it, gives the policy
// chunks of whole groups and the loss as a callback, steps. Sums fold chunk by chunk in order.
#ifndef RL_UPDATE_H
#define RL_UPDATE_H

#include "base/arena.h"
#include "base/metrics.h"
#include "base/status.h"
#include "policy/policy.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// The samples of kept groups with weight, as one Pack in sample order (for scoring); a group shares
// its prompt. want [n_tokens]: the tokens to score (batch->loss_mask); samples without one are left
// out.
Pack update_pack(const Batch *batch, const uint8_t *want, Arena *arena);

typedef struct UpdateResult {
    bool stepped;                   // false: no sample of this mini-batch counts; no step was made
    bool nonfinite;                 // set with ST_FORMAT: the recorded sentence names the number
    const char *first_without_grad; // StepReport's
} UpdateResult;

// Samples whose gradient is exactly zero (advantage 0, and no other term of the loss) are never in
// the chunks of gradient arithmetic, count in the denominators, and do not count in actor/ metrics.
// rl.skip_flat=false runs them through the trainer too; that changes no bit. Where the selection
// bias learns, they are always run, because its rule counts their routes.
//
// Trains update `batch->updates_made` of updates_per_rollout * epochs and takes one AdamW step at
// `lr`. Fills the actor/, sampling/ and moe/ metrics. On failure the weights are as they were and
// the gradients zero.
MUST_USE Status update_run(Policy *policy, const RlConfig *cfg, uint64_t seed, const Batch *batch,
                           double lr, Metrics *row, UpdateResult *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
