// rl/replay.h -- routing replay: training takes the experts that an earlier pass took.
//
// Layer 4 (rl). A router chooses discontinuously: between sampling and a later update of the same
// rollout a token may change its experts, and its ratio jumps. With rl.routing_replay=old the pass
// that recomputes the old log-probs records the experts of every token in the batch's route column,
// and every update of the rollout replays them (gate weights are computed anew, so the router still
// learns): Qwen's and verl's R2. With rl.routing_replay=rollout the engine writes that column, of
// its own forward passes: R3. The last token of a sample was never computed then (-1, chosen anew);
// nothing depends on it. Where the sampler's arithmetic is the trainer's, as on the CPU, both are
// the same. arXiv 2507.18071, 2510.11370.
#ifndef RL_REPLAY_H
#define RL_REPLAY_H

#include "base/arena.h"
#include "policy/policy.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

int replay_layers(const ModelConfig *model); // layers with routed experts

// Room for the routes of a pack, to be recorded (ScoreOpts.record); in the arena.
Routes replay_room(const ModelConfig *model, int n_tokens, Arena *arena);

// Writes what was recorded for a pack of the batch's samples (Seq.id) into the route column, which
// is made in `arena` if it is not there.
void replay_keep(Batch *batch, const Pack *pack, const Routes *routes, Arena *arena);

// The routes of n_chunks chunks, one after the other, as policy_train reads them
// (ScoreOpts.replay). Every sample must have been recorded.
Routes replay_gather(const Batch *batch, const Pack *chunk, int n_chunks, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
