// rl/ask.h -- from a task stream to an ASKED batch: texts become prompt tokens, once.
//
// Layer 4 (rl). Shared by training, preflight and evaluation, so all ask in the same way.
#ifndef RL_ASK_H
#define RL_ASK_H

#include "base/arena.h"
#include "base/status.h"
#include "datasets/task.h"
#include "policy/text/chat.h"
#include "policy/text/tokenizer.h"
#include "rl/judge.h"
#include "rl/settings.h"
#include "rollout/batch.h"
#include "rollout/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

// One question, ready to be asked; everything in the arena.
typedef struct Question {
    Task *task;
    uint64_t index;
    int32_t *prompt;
    int n_prompt;
} Question;

// A task's prompt as tokens: its text, or its messages, which want a chat template (ST_CONFIG).
MUST_USE Status ask_prompt(const Task *task, const Tokenizer *tokenizer, const Chat *chat,
                           int32_t **ids, int *n, Arena *arena);

// Task number `index` of the source (a finite one starts over by itself), its judge found
// (ST_CONFIG), its prompt encoded with special tokens recognised and the tokenizer's own BOS rule.
// chat: the prompt is what a user says in that template; NULL: it is the text itself.
// ST_FORMAT for an empty prompt.
MUST_USE Status ask_question(const TaskSource *source, uint64_t index, const Tokenizer *tokenizer,
                             const Chat *chat, const BatchJudge *judging, Question *out,
                             Arena *arena);

// Refuses a finite source of which a prompt fills `context` tokens, so that nothing could be said
// (ST_CONFIG: the first task by number, how many there are, and the remedy); warns where prompts
// leave less than max_new_tokens. An endless source is not looked through.
MUST_USE Status ask_room(const TaskSource *source, const Tokenizer *tokenizer, const Chat *chat,
                         int context, int64_t max_new_tokens, Arena *scratch);

// An ASKED batch of n questions, group_size samples each.
Batch *ask_batch(const Question *question, int n, int group_size, uint64_t step, Arena *arena);

// rl.temperature, top_p, ... as the engine wants them. stop_token is borrowed.
SampleConfig ask_sampling(const RlConfig *cfg, const int32_t *stop_token, int n_stop_tokens);

#ifdef __cplusplus
}
#endif
#endif
