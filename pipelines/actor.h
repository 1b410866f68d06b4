// pipelines/actor.h -- a model made ready to work: threads, tokenizer, weights, engine, one plan.
//
// Layer 5. The memory plan is that of all threads, also where nothing is allocated. It is printed
// before anything is allocated, and refused with the numbers if it does not fit (ST_NOMEM, exit
// code 3).
#ifndef PIPELINES_ACTOR_H
#define PIPELINES_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/pool.h"
#include "base/status.h"
#include "pipelines/policies.h"
#include "policy/policy.h"
#include "policy/text/chat.h"
#include "policy/text/stopids.h"
#include "policy/text/tokenizer.h"
#include "rl/context.h"
#include "rollout/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ActorOpts {
    const char *folder;       // a model folder, or NULL: a new model
    const ModelConfig *model; // of a new model (vocabulary and end token are filled in); with a
                              // folder NULL, or where precision and mla_form come from
    bool trainable;
    bool ids_only;    // no text is read or written: a folder without a tokenizer.json will do
    bool engine;      // sampling is wanted
    bool reference;   // rl/trainer wants a reference policy
    bool allocate;    // false: only the plan (`model info`)
    bool quiet;       // the plan is not printed
    int threads;      // 0 = all
    int chunk_tokens; // largest chunk
    int partial_sums; // as in PolicyOpts
    int max_seq_tokens, decode_seqs, chunks_in_flight;
    int new_tokens, group_size; // of a sample, and samples that share a prompt: bound the pages of
                                // the cache; 0 = any length, every sequence for itself
    DraftKind draft;            // with `engine`; by MTP of a folder without `model`: its modules
    int draft_tokens;
    bool keep_prefixes;    // EngineOpts.prefix_cache; not with `trainable`
    uint64_t memory_bytes; // 0 = what the machine has free; where the plan is larger, fewer chunks
                           // are in flight, which changes no result
    uint64_t seed;
} ActorOpts;

typedef struct Actor {
    ActorOpts opts;
    ModelConfig model;
    Policies policies; // the actor, and the reference where it is wanted
    Arena *arena;      // for the name of the folder
    Pool *pool;
    Tokenizer *tokenizer;            // NULL with `ids_only`
    Policy *policy;                  // the actor; NULL without `allocate`
    Engine *engine;                  // NULL unless asked for
    int32_t stop_token[STOPIDS_MAX]; // the folder's end tokens, and the chat's
    int n_stop_tokens;
    Chat chat; // of actor_chat
} Actor;

// What rl's trainer, evaluations and judges share of it.
RlContext actor_context(const Actor *actor, const Chat *chat, uint64_t seed);
// opts->folder: as input_model takes it. Weights of a new model come from policy_init(seed); of a
// folder from its files.
MUST_USE Status actor_open(const ActorOpts *opts, Actor *out);
void actor_close(Actor *actor);

// Finds the template that `name` says ("auto": the folder's own) and counts the end of a turn to
// the stop tokens. thinking, said: as in Chat.
MUST_USE Status actor_chat(Actor *actor, const char *name, ChatThinking thinking, const char *said);

// The tokenizer of the built-in model.
MUST_USE Status actor_desk_tokenizer(Tokenizer **out);

// Peak resident size against the plan: true if it was kept (at most 64 MiB more). Appends a
// sentence.
bool actor_memory_kept(const Actor *actor, Str *out);

#ifdef __cplusplus
}
#endif
#endif
