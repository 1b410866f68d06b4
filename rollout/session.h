// rollout/session.h -- what engine_sample (engine_batch.c) needs of an engine beside its API.
//
// Layer 3 (rollout), private to the engine.
#ifndef ROLLOUT_SESSION_H
#define ROLLOUT_SESSION_H

#include "rollout/engine.h"
#include "rollout/request.h"

#ifdef __cplusplus
extern "C" {
#endif

const EngineOpts *engine_opts(const Engine *engine);
const RequestLimits *engine_limits(const Engine *engine);
// With no sample in it: under the current weights, with an empty prefix cache and a new peak.
void engine_restart(Engine *engine);

#ifdef __cplusplus
}
#endif
#endif
