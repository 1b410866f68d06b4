// rollout/engine.h -- continuous batching: fills the SAMPLED columns of a Batch.
//
// Floor 3 (rollout). Knows tokens, pages and stop rules; has never heard of right or wrong. Results
// are a function of (weights, prompt, seed, stream, step, task id, task index, sample index): not
// of batch composition, order, threads or page numbers. The task index is there so that a task
// asked twice in one step is answered twice, not copied.
//
// Codes: ST_CONFIG (a rule that cannot be; the sentence has the numbers), ST_FORMAT (the model's
// logits are not numbers), and what policy_decode leaves with.
#ifndef ROLLOUT_ENGINE_H
#define ROLLOUT_ENGINE_H

#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "policy/policy.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Tokenizer Tokenizer; // policy/text/tokenizer.h; only for stop strings

// A token that became part of sample i, from the calling thread of engine_sample.
typedef void TokenFn(void *ctx, int sample, int32_t token);

typedef struct SampleConfig {
    double temperature;  // 0 = greedy; log-probs are then at temperature 1
    int top_k;           // 0 = off
    double top_p, min_p; // 1 and 0 = off
    int max_new_tokens;
    const int32_t *stop_token; // [n_stop_tokens] usually the end token
    int n_stop_tokens;
    const char *const *stop_text; // [n_stop_texts]; need `tokenizer`
    int n_stop_texts;
    TokenFn *on_token; // NULL = nobody listens
    void *token_ctx;
    int repeat_window; // stop as FINISH_REPEAT when the last repeat_window tokens are one period of
                       // <= 16 repeated; 0 = off
} SampleConfig;

typedef struct EngineOpts {
    Policy *policy;             // borrowed
    Pool *pool;                 // borrowed
    const Tokenizer *tokenizer; // may be NULL
    int max_seqs;               // sequences decoded together
    int kv_pages;               // as given to the policy
    int max_decode_rows;        // as given to the policy, which bounds a prefill; 0 = max_seqs
    int max_seq_tokens;         // as given to the policy; 0 = the model's max_position
    uint64_t seed;
} EngineOpts;

typedef struct EngineStats {
    int64_t n_prompt_tokens, n_new_tokens; // of all samples together
    int64_t n_shared_tokens;               // prompt tokens taken from another sample's pages
    int64_t n_computed_tokens;             // rows that went through the policy
    int64_t n_decode_calls, n_preempted;
    int pages_peak;
    double seconds;
} EngineStats;

typedef struct Engine Engine;

MUST_USE Status engine_new(const EngineOpts *opts, Engine **out);
void engine_free(Engine *engine);

// Called when sample i is complete (all its columns written), from the calling thread of
// engine_sample, while other samples go on. It may hand the sample to pool_submit on the engine's
// pool: the engine drains the pool before tokens move, at the end.
typedef void FinishedFn(void *ctx, Batch *batch, int sample);

// Takes an ASKED batch and leaves it SAMPLED. `stream` is RNG_SAMPLE or RNG_EVAL; batch->step names
// the draw. `stop` (may be NULL) is polled between decode calls: nonzero = give up with ST_OK and
// the batch still ASKED (nothing was drawn that a repeat would not draw again). On failure too the
// batch is ASKED. A prompt that fills the context leaves its samples empty, as FINISH_ABORT.
MUST_USE Status engine_sample(Engine *engine, Batch *batch, const SampleConfig *cfg,
                              uint32_t stream, FinishedFn *fn, void *ctx, const volatile int *stop,
                              EngineStats *stats, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
