// rollout/request.h -- whether a request can be served, and how long its sequences can become.
//
// Layer 3 (rollout), private to the engine. ST_CONFIG with the numbers; ST_FORMAT for token ids.
#ifndef ROLLOUT_REQUEST_H
#define ROLLOUT_REQUEST_H

#include "rollout/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

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
