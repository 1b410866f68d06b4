// rollout/request.h -- what is asked of the engine: a prompt, sampling parameters, a random key.
//
// Layer 3 (rollout). The functions at the end say whether a request can be served and how long its
// sequences can become: ST_CONFIG with the numbers; ST_FORMAT for token ids.
#ifndef ROLLOUT_REQUEST_H
#define ROLLOUT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Tokenizer Tokenizer; // policy/text/tokenizer.h; only for stop and pause texts

// A token was drawn for a sample: its number is the request's `number` + its index, in
// engine_sample its index in the batch.
typedef void TokenFn(void *ctx, int sample, int32_t token);

// What is recorded of a sample besides its tokens and log-probs.
enum {
    RECORD_ROUTES = 1,     // the experts that each computed token took
    RECORD_KEPT = 2,       // what the rules left to draw from; log-probs are then over that
    RECORD_KV_VERSION = 4, // engine_sample only: the column kv_version
};

// Sampling parameters, of each request by itself.
typedef struct SampleConfig {
    double temperature;        // 0 = greedy; log-probs are then at temperature 1
    int top_k;                 // 0 = off
    double top_p, min_p;       // 1 and 0 = off
    int max_new_tokens;        // tokens that are drawn; injected ones do not count
    int max_tokens;            // prompt, drawn and injected tokens; 0 = the context
    const int32_t *stop_token; // [n_stop_tokens] usually the end token; stays part of the sample
    int n_stop_tokens;
    // [n_stop_texts] end the sample where one of them appears in the bytes of the drawn tokens
    // (need EngineOpts.tokenizer). A text may begin and end anywhere inside tokens, but a match
    // neither lies in nor reaches over injected tokens.
    const char *const *stop_text;
    int n_stop_texts;
    // Where one of these is drawn, or appears as above, the sample pauses; a stop rule that holds
    // at the same token wins.
    const int32_t *pause_token;
    int n_pause_tokens;
    const char *const *pause_text;
    int n_pause_texts;
    int pause_after;   // pauses after this many drawn tokens (a thinking budget); 0 = off
    TokenFn *on_token; // NULL = none
    void *token_ctx;
    unsigned record;   // RECORD_* bits
    bool keep_stopped; // engine_sample only: a stop leaves what was sampled, see there
    int repeat_window; // stop as FINISH_REPEAT when the last repeat_window tokens are one period of
                       // <= 16 repeated; 0 = off
} SampleConfig;

typedef uint64_t SampleId; // ascending in order of submission, never 0, never used again

typedef enum SampleState {
    SAMPLE_WAITING, // its prompt is not computed yet
    SAMPLE_READY,   // has tokens, waits for a place
    SAMPLE_RUNNING, // is in the next decode call, unless pages run out
    SAMPLE_PAUSED,  // waits for engine_inject
    SAMPLE_FINISHED,
} SampleState;

// What a sample already has behind its prompt (it was stopped, or comes from a file).
typedef struct GivenTokens {
    int n;
    const int32_t *token;
    const uint8_t *kind; // TOKEN_SAMPLED or TOKEN_INJECTED; NULL = all sampled
    const float *logp;
    const uint32_t *version; // NULL = the current one
    // With RECORD_KEPT: ids kept_token[kept_end[i - 1]] .. kept_token[kept_end[i] - 1] of token i
    // (from 0 for the first); NULL = none has a set.
    const int64_t *kept_end;
    const int32_t *kept_token;
    bool paused;     // begins as SAMPLE_PAUSED
    int pause_after; // SampleView's; with n 0 and not paused it is SampleConfig's
} GivenTokens;

typedef struct EngineRequest { // everything is copied
    const int32_t *prompt;     // [n_prompt], at least one; fewer than the context
    int n_prompt;
    int n_samples; // of this prompt, which is computed once for all; 0 = 1
    const SampleConfig *sampling;
    RngKey key;               // of sample 0; sample i draws under key.sample + i
    const GivenTokens *given; // [n_samples] or NULL
    int number;               // the caller's, for TokenFn and SampleView
} EngineRequest;

// ---- drafts

// Where guesses of the next tokens come from. The next decode call verifies them: it draws the
// token of every guessed position with that position's own random number, from the policy's own
// probabilities, and goes on while the drawn token is the guess. So the tokens, and their
// log-probs, are those of an engine without drafts, bit for bit.
typedef enum DraftKind {
    DRAFT_NONE,
    DRAFT_MTP,    // the policy's MTP modules
    DRAFT_LOOKUP, // what followed the last tokens where they appeared before (rollout/drafter.h)
} DraftKind;
enum { LOOKUP_TOKENS = 4 };             // guesses by lookup where no number is given
#define DRAFT_CHOICES "none|mtp|lookup" // in the enum's order
// Can guesses be made so, n for a sample (0 = the default), by a model of n_mtp modules? ST_CONFIG.
MUST_USE Status request_check_draft(DraftKind kind, int n, int n_mtp);

// ---- checks, for the engine

typedef struct RequestLimits {
    int vocab, max_context, kv_pages;
    bool reserve; // a sequence is admitted with pages for its longest length, and one more
    const Tokenizer *tokenizer;
} RequestLimits;

MUST_USE Status request_check(const RequestLimits *limits, const EngineRequest *request,
                              int *limit);
MUST_USE Status request_check_sampling(const RequestLimits *limits, const SampleConfig *sampling);
// Has the pool the pages of a sequence of `limit` tokens?
MUST_USE Status request_check_pages(const RequestLimits *limits, int limit);
MUST_USE Status request_check_tokens(const RequestLimits *limits, const int32_t *token, int n,
                                     const char *what);
// The longest that a sequence can become; one that pauses may be injected any number of tokens.
int request_limit(const RequestLimits *limits, const SampleConfig *sampling, int n_prompt,
                  bool pauses);

#ifdef __cplusplus
}
#endif
#endif
