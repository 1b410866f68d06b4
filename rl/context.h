// rl/context.h -- what answers questions: a policy, its engine, the text around it.
//
// Layer 4 (rl). One small struct that the trainer, evaluations, judging and commands share, so that
// a process may have several runs. Everything is borrowed for as long as what was made with it.
#ifndef RL_CONTEXT_H
#define RL_CONTEXT_H

#include <stdint.h>

#include "base/pool.h"
#include "policy/policy.h"
#include "policy/text/chat.h"
#include "policy/text/tokenizer.h"
#include "rollout/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RlContext {
    Policy *policy; // trainable where a trainer uses it
    Engine *engine; // over that policy
    const Tokenizer *tokenizer;
    const Chat *chat;          // NULL: prompts are asked as written
    Pool *pool;                // NULL: one thread
    const int32_t *stop_token; // [n_stop_tokens]
    int n_stop_tokens;
    uint64_t seed; // of the run
} RlContext;

#ifdef __cplusplus
}
#endif
#endif
