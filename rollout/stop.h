// rollout/stop.h -- when a sample is over, or has to wait for its caller.
//
// Layer 3 (rollout). Asked after every drawn token, about that token: earlier ones were asked
// before. A function of the sample's own tokens, so a sample that was preempted or stopped and
// resumed ends at the same place.
#ifndef ROLLOUT_STOP_H
#define ROLLOUT_STOP_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/text/tokenizer.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { STOP_PERIOD_MAX = 16 };

typedef struct StopRules { // all borrowed
    const int32_t *token;
    int n_tokens;
    const char *const *text; // not empty; found in the bytes of the tokens, special ones' too
    int n_texts;
    const Tokenizer *tokenizer; // needed if n_texts > 0
    int repeat_window;          // < 2 = off
    int max_new_tokens;         // the longest response
} StopRules;

// response[0..n), n >= 1, was fine without its last token: tokens that were drawn one after the
// other, none injected among them. In this order: FINISH_STOP (a stop token or a stop text that
// ends inside the last token), FINISH_REPEAT (the last repeat_window tokens have a period of at
// most STOP_PERIOD_MAX that fits in twice), FINISH_LENGTH (n >= max_new_tokens); else FINISH_NONE.
Finish stop_check(const StopRules *rules, const int32_t *response, int n);

bool stop_is_token(const StopRules *rules, int32_t token);
// The first of rules->text that ends inside the last token of response[0..n); -1 if none does.
int stop_text_at(const StopRules *rules, const int32_t *response, int n);
bool stop_repeats(const int32_t *response, int n, int window);

#ifdef __cplusplus
}
#endif
#endif
