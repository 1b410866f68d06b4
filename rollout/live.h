// rollout/live.h -- the samples that the engine holds: their tokens, and whose prompt they
// continue.
//
// Layer 3 (rollout), private to the engine. A LiveGroup is a submitted request: one prompt and its
// samples. A LiveSample owns its columns, which grow with it; before its first token (or tokens
// that were given to it) it has none. All host memory is counted in a LiveStore.
#ifndef ROLLOUT_LIVE_H
#define ROLLOUT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "policy/policy.h"
#include "rollout/batch.h"
#include "rollout/kv.h"
#include "rollout/request.h"
#include "rollout/stop.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct LiveGroup LiveGroup;
typedef struct LiveSample LiveSample;
typedef struct LiveStore LiveStore;

struct LiveSample {
    SampleId id;
    LiveGroup *group;
    int index; // in its group
    SampleState state;
    Finish finish;
    int stop_text, pause_text; // which one ended it, or paused it last; -1 = none did
    int n_tokens, cap;         // the prompt is among them
    int32_t *token;
    uint8_t *kind; // TOKEN_*
    float *logp;
    uint32_t *version;         // that drew the token; 0 where it was not drawn
    uint32_t *kv_version;      // that made its keys and values
    int n_sampled;             // tokens drawn
    int run_begin;             // tokens from here on were drawn without an injection between them
    int pause_after;           // drawn tokens since run_begin at which it pauses; 0 = never
    int32_t draft[DRAFT_MOST]; // guesses of its next tokens
    int n_drafts;
    int first_draw; // of the step's draws
    int16_t *route; // [cap * route_step] or NULL: the group does not record it
    // With RECORD_KEPT: the set of token t ends at kept_token[kept_end[t]]. kept_next ids behind
    // the last token's are the next one's.
    int64_t *kept_end; // [cap]
    int32_t *kept_token;
    int64_t n_kept, kept_next, kept_cap;
    KvTable kv;
    bool admitted; // runs or ran, and is not finished
    bool forked;   // admitted with the pages of its group's prompt
    bool queued;   // for engine_poll
    LiveSample *next_ready, *before_ready, *next_event;
};

struct LiveGroup {
    LiveStore *store;
    uint64_t number; // age
    int32_t *prompt;
    uint32_t *kv_version; // [n_prompt] that made the keys and values of the prompt
    int16_t *route;       // [n_prompt * route_step] or NULL
    int route_step;       // MoE layers * k with RECORD_ROUTES, else 0
    int n_prompt, limit;  // limit: tokens of its longest sequence
    LiveSample *sample;   // [n_samples]
    int n_samples, n_unfinished, n_unreleased;
    SampleConfig sampling; // its arrays are this group's
    RngKey key;
    int first_number; // the caller's number of sample 0
    // what the scheduler keeps
    KvTable kv;          // the prompt, as long as a READY or PAUSED sample may fork it
    int n_forks;         // READY and PAUSED samples without pages
    int n_own, n_forked; // admitted samples, without and with `forked`
    int n_reserved;      // pages, where the scheduler reserves them
    bool begun;       // its prompt runs or ran, or nobody needs it: not in the list of waiting ones
    bool prompt_runs; // its prompt is a sequence of the scheduler
    void *given;      // the arrays that `sampling` points to
    size_t given_bytes; // their size
    LiveGroup *next_waiting;
};

struct LiveStore {
    size_t bytes;        // host memory of all groups and samples
    LiveSample **sample; // [n_samples] ascending ids
    int n_samples, cap;
    SampleId last_id;
    uint64_t last_group;
};

// Copies everything that the request points to; its samples get ids one after the other.
LiveGroup *live_add(LiveStore *store, const EngineRequest *request, int limit, int route_step);
// NULL: no such sample.
LiveSample *live_find(const LiveStore *store, SampleId id);
// The first sample with an id above `after`, or NULL.
LiveSample *live_after(const LiveStore *store, SampleId after);
// Ends a finished sample; the last of a group ends the group. Their pages were given back before.
void live_remove(LiveStore *store, LiveSample *sample);
void live_free(LiveStore *store);

// Room for n_tokens; a sample without columns gets its prompt.
void live_reserve(LiveSample *sample, int n_tokens);
// The ids that the next token is drawn from; they are its when it is appended.
void live_keep(LiveSample *sample, const int32_t *id, int64_t n);
void live_keep_bits(LiveSample *sample, const uint32_t *kept, int vocab);
// Routes of all tokens and versions of their keys and values, from the group's prompt.
void live_take_prompt(LiveSample *sample);
void live_append(LiveSample *sample, int32_t token, int kind, float logp, uint32_t version);

// How tokens are drawn; the random number of the token `ahead` places behind the sample's end.
DrawRule live_draw_rule(const LiveGroup *group);
double live_uniform(const LiveSample *sample, int ahead);

static inline int live_response_length(const LiveSample *sample) {
    return sample->n_tokens > 0 ? sample->n_tokens - sample->group->n_prompt : 0;
}

#ifdef __cplusplus
}
#endif
#endif
