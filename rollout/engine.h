// rollout/engine.h -- continuous batching: fills the SAMPLED columns of a Batch.
//
// Floor 3 (rollout). Knows tokens, pages and stop rules; has never heard of right or wrong. Results
// are a function of (weights, prompt, seed, stream, step, task id, sample index): not of batch
// composition, order, threads or page numbers.
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

typedef struct Tokenizer Tokenizer; // policy/io/tokenizer.h; only for stop strings

typedef struct SampleConfig {
    double temperature;  // 0 = greedy
    int top_k;           // 0 = off
    double top_p, min_p; // 1 and 0 = off
    int max_new_tokens;
    const int32_t *stop_token; // [n_stop_tokens] usually the end token
    int n_stop_tokens;
    const char *const *stop_text; // [n_stop_texts]; need `tokenizer`
    int n_stop_texts;
    int repeat_window; // stop as FINISH_REPEAT when the last repeat_window tokens are one period of
                       // <= 16 repeated; 0 = off
} SampleConfig;

typedef struct EngineOpts {
    Policy *policy;             // borrowed
    Pool *pool;                 // borrowed
    const Tokenizer *tokenizer; // may be NULL
    int max_seqs;               // sequences decoded together
    int kv_pages;               // as given to the policy
    uint64_t seed;
} EngineOpts;

typedef struct EngineStats {
    int64_t n_prompt_tokens, n_new_tokens,
        n_shared_tokens; // shared: prompt tokens taken from another sample's pages
    int64_t n_decode_calls;
    int pages_peak;
    double seconds;
} EngineStats;

typedef struct Engine Engine;

MUST_USE Status engine_new(const EngineOpts *opts, Engine **out);
void engine_free(Engine *engine);

// Called when sample i is complete (all its columns written), from the calling thread of
// engine_sample, while other samples go on.
typedef void FinishedFn(void *ctx, Batch *batch, int sample);

// Takes an ASKED batch and leaves it SAMPLED. `stream` is RNG_SAMPLE or RNG_EVAL; batch->step names
// the draw. `stop` (may be NULL) is polled between decode calls: nonzero = give up with ST_OK and
// the batch still ASKED (nothing was drawn that a repeat would not draw again).
MUST_USE Status engine_sample(Engine *engine, Batch *batch, const SampleConfig *cfg,
                              uint32_t stream, FinishedFn *fn, void *ctx, const volatile int *stop,
                              EngineStats *stats, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
