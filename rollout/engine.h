// rollout/engine.h -- generation sessions: requests are submitted, stepped, paused, resumed.
//
// Layer 3 (rollout). Knows tokens, pages and stop rules; knows nothing of rewards. The engine is a
// session with continuous batching: engine_submit adds a request at any time and it joins the next
// engine_step, which computes one decode call for everything that is live. engine_poll returns
// samples that finished or paused; engine_inject gives a paused sample tokens (a tool's result) and
// lets it go on. engine_sample, at the end, fills a Batch with one request a group.
//
// A sample is a function of its request (prompt, sampling parameters, key, given and injected
// tokens) and of the weights at each of its tokens: not of what else is live, of places, pages,
// preemption or threads. Draws are named by the key and the position in the response, so a stopped
// sample that is submitted again with what it had goes on with the same tokens.
//
// Threads: one driver thread. All functions of one engine are called from one thread at a time;
// none of them locks. A server keeps requests that arrive on other threads in a queue of its own,
// which its driver empties between two steps. TokenFn and FinishedFn are called on the driver.
//
// Codes: ST_CONFIG (a request that cannot be; the sentence has the numbers), ST_FORMAT (a token id
// outside the vocabulary; the model's logits are not finite numbers), and what policy_decode
// returns.
#ifndef ROLLOUT_ENGINE_H
#define ROLLOUT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "policy/policy.h"
#include "rollout/batch.h"
#include "rollout/request.h"

#ifdef __cplusplus
extern "C" {
#endif

// What becomes of live sequences when the policy's version changed between two steps.
typedef enum WeightRule {
    WEIGHTS_FIXED,     // it does not change while sequences hold pages: else a CHECK fails
    WEIGHTS_RECOMPUTE, // keys and values of all live sequences are computed again
    // Sequences keep the keys and values that older weights made. They must still be there: the
    // policy got its new weights by policy_copy, not by training itself. A sequence is admitted
    // only when pages for its longest length are free and is never preempted, so which weights made
    // which keys does not depend on what else is live.
    WEIGHTS_KEEP,
} WeightRule;

typedef struct EngineOpts {
    Policy *policy;             // borrowed
    Pool *pool;                 // borrowed
    const Tokenizer *tokenizer; // may be NULL
    int max_seqs;               // sequences decoded together
    int kv_pages;               // as given to the policy
    int max_decode_rows;        // as given to the policy, which bounds a prefill; 0 = max_seqs
    int max_seq_tokens;         // as given to the policy; 0 = the model's max_position
    uint64_t seed;              // of engine_sample
    DraftKind draft;
    int draft_tokens; // guesses for a sequence and call, at most DRAFT_MOST and with DRAFT_MTP the
                      // model's modules; 0 = as many as modules, or LOOKUP_TOKENS
    WeightRule new_weights;
    // Keep the pages of ended sequences and give them to those that begin alike. For a policy that
    // is not trained: policy_train writes over pages (see engine_forget_pages).
    bool prefix_cache;
} EngineOpts;

typedef struct EngineStats {
    int64_t n_prompt_tokens, n_new_tokens; // of all samples together
    int64_t n_shared_tokens;               // prompt tokens taken from pages of another sequence
    int64_t n_computed_tokens;             // rows that went through the policy
    int64_t n_decode_calls, n_preempted;
    int64_t n_draws;              // of a sample in a call: without drafts each gives one token
    int64_t n_drafts, n_accepted; // guesses that were verified, and those that were right
    double draft_seconds;         // of making them
    int pages_peak;
    double seconds;
} EngineStats;

typedef struct Engine Engine;

MUST_USE Status engine_new(const EngineOpts *opts, Engine **out);
void engine_free(Engine *engine); // live samples are dropped; NULL is fine

// ---- the session

// Adds a request; its samples have the ids *first .. *first + n_samples - 1. ST_CONFIG: nothing was
// added. Computes nothing.
MUST_USE Status engine_submit(Engine *engine, const EngineRequest *request, SampleId *first);

// One decode call for what is live: at most max_seqs sequences, a prompt in pieces of at most
// max_decode_rows tokens. *n_decoded (may be NULL): sequences in the call; 0 = nothing can go on
// (all samples are finished or paused). On failure of the policy all samples are as before and the
// step may be repeated. ST_FORMAT: logits of the sample that the sentence names were not finite; it
// is finished as FINISH_ABORT, the others have their token.
MUST_USE Status engine_step(Engine *engine, int *n_decoded);

// A sample as it is now. Pointers are valid until the next call with this engine.
typedef struct SampleView {
    SampleId id;
    int number; // the request's number + index in the request
    SampleState state;
    Finish finish;
    int stop_text, pause_text; // index of the text that ended it or paused it last; -1 = none
    int n_prompt, n_tokens;    // n_tokens: prompt included; 0 if nothing was drawn yet
    int n_sampled;
    int pause_after;      // drawn tokens behind the last injected one at which it pauses; 0 = never
    const int32_t *token; // [n_tokens]
    const uint8_t *kind;  // [n_tokens] TOKEN_*
    const float *logp;    // [n_tokens] of drawn tokens, at the sampling temperature; else 0
    const uint32_t *version; // [n_tokens] policy version that drew the token; 0 where not drawn
    // [n_tokens] policy version that made the keys and values of the position, when they were
    // computed last; the last token's are not computed yet, and 0.
    const uint32_t *kv_version;
    // With RECORD_ROUTES, else NULL: [n_tokens * route_step] experts of each token by MoE layer,
    // where kv_version is not 0 (the last token was not computed yet).
    const int16_t *route;
    int route_step;
    // With RECORD_KEPT, else NULL: the ids that token t was drawn from are kept_token[kept_end[t -
    // 1]] .. kept_token[kept_end[t] - 1], ascending; none = the whole vocabulary.
    const int64_t *kept_end; // [n_tokens]
    const int32_t *kept_token;
} SampleView;

// The next sample that finished or paused and was not returned yet, in that order; false: none.
bool engine_poll(Engine *engine, SampleView *out);
// false: no such sample.
bool engine_view(const Engine *engine, SampleId id, SampleView *out);
// The first id above `after` that the engine has, 0 = none: for all = engine_next(e, 0), ...
SampleId engine_next(const Engine *engine, SampleId after);

// Appends n tokens (0 is fine) to a paused sample and lets it go on; it pauses again after
// pause_after more drawn tokens (0 = not by number). ST_CONFIG, and the sample is as before: a
// token outside the vocabulary; no space for a further token behind them.
MUST_USE Status engine_inject(Engine *engine, SampleId id, const int32_t *token, int n,
                              int pause_after);
// Finishes a sample where it is: FINISH_ABORT, or what its caller knows (a paused one whose
// environment is done: FINISH_STOP). Its tokens stay until engine_release, its pages do not. A
// finished sample is left as it is.
void engine_end(Engine *engine, SampleId id, Finish finish);
static inline void engine_abort(Engine *engine, SampleId id) {
    engine_end(engine, id, FINISH_ABORT);
}
// Gives a sample's memory back, in any state.
void engine_release(Engine *engine, SampleId id);

// The contents of all pages are lost (the policy was trained, which writes over them): live
// sequences are computed again at the next step, to the same bits under the same weights.
void engine_forget_pages(Engine *engine);

typedef struct EngineCounts {
    int n_samples, n_waiting, n_ready, n_running, n_paused, n_finished;
    int pages_held, pages_cached, pages; // of the KV page pool
    size_t host_bytes;                   // of samples, requests and page tables
    EngineStats stats;                   // since engine_new; seconds are those of engine_step
} EngineCounts;
void engine_counts(const Engine *engine, EngineCounts *out);

// What the engine was opened with, and what it can serve.
const EngineOpts *engine_opts(const Engine *engine);
const RequestLimits *engine_limits(const Engine *engine);
// With no sample in it: under the current weights, and with a new peak of pages.
void engine_restart(Engine *engine);

// ---- a whole batch

// Called when sample i is complete (all its columns written), from the calling thread of
// engine_sample, while other samples go on. It may hand the sample to pool_submit on the engine's
// pool: the engine drains the pool before tokens move, at the end.
typedef void FinishedFn(void *ctx, Batch *batch, int sample);

// Takes an ASKED batch and leaves it SAMPLED: one request a group, stepped until all are finished.
// The engine has no other samples. `stream` is RNG_SAMPLE or RNG_EVAL; batch->step names the draw,
// with the task id and the task index, so that a task asked twice in one step is answered twice,
// not copied. `stop` (may be NULL) is polled between decode calls: nonzero = give up with ST_OK and
// the batch still ASKED (nothing was drawn that a repeat would not draw again); with
// SampleConfig.keep_stopped SAMPLED, with every sample's tokens so far, and samples that did not
// finish ASKED (batch_unfinished): such a batch, as it is or from its file, is the `given` of one
// that goes on, to the bits of one that never stopped. On failure the batch is ASKED.
// SampleConfig.record fills the optional columns route, kept_begin and kept_token, kv_version. A
// prompt that fills the context leaves its samples empty, as FINISH_ABORT.
MUST_USE Status engine_sample(Engine *engine, Batch *batch, const SampleConfig *cfg,
                              uint32_t stream, FinishedFn *fn, void *ctx, const volatile int *stop,
                              EngineStats *stats, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
