// policy/draw.h -- which token is drawn from a row of logits: the rules, a request, its answer.
//
// Layer 2 (policy). The rules in the order of Hugging Face's generate: temperature, top-k, top-p,
// min-p. They shape the draw only: the log-prob of a token is that of logits * inv_temperature over
// the whole vocabulary, or where Draw.kept is asked for over the kept tokens. Exact by integers:
// weight = exp(z - z_max) to the nearest multiple of 2^-44, z = logit * inv_temperature, in double;
// sums of weights are exact, so a backend may add in any order, and two backends draw the same
// token from the same logits. Tokens below 2^-45 of the best one are never drawn. The draw inverts
// the cumulative sum over ascending ids. Equal logits: the lower id ranks first.
#ifndef POLICY_DRAW_H
#define POLICY_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct DrawRule {
    float inv_temperature; // (float)(1 / temperature); 0 = greedy
    int top_k;             // keep the k best; 0 = all
    double top_p; // then the fewest best that hold at least top_p of what is left; >= 1 = all
    double min_p; // then those with at least min_p of the best one's probability; 0 = all
} DrawRule;

// temperature 0 is greedy: the best token, and log-probs at temperature 1.
static inline DrawRule draw_rule(double temperature, int top_k, double top_p, double min_p) {
    CHECK(temperature >= 0 && top_k >= 0 && top_p >= 0 && min_p >= 0);
    DrawRule rule;
    rule.inv_temperature = temperature > 0 ? (float)(1 / temperature) : 0.0f;
    rule.top_k = top_k;
    rule.top_p = top_p;
    rule.min_p = min_p;
    return rule;
}

// What a log-prob is taken at: inv_temperature, or 1 for a greedy rule.
static inline float draw_logprob_scale(const DrawRule *rule) {
    return rule->inv_temperature > 0 ? rule->inv_temperature : 1.0f;
}

static inline size_t draw_kept_words(int vocab) {
    return ((size_t)vocab + 31) / 32;
}
static inline bool draw_kept(const uint32_t *kept, int32_t token) {
    return kept[token / 32] >> (token % 32) & 1;
}

// One token from a wanted row of a sequence. Several requests may name one row: the samples of a
// group begin so. Requests are in the order of their sequences.
typedef struct Draw {
    int seq, row;   // number in the call; of its n_logits rows
    int32_t forced; // >= 0: nothing is drawn, this token's log-prob is wanted
    DrawRule rule;
    double uniform; // in [0, 1): rng_uniform of (seed, stream, step, task, sample, position)
    // NULL, or host memory of draw_kept_words(vocabulary): bit v is set where the rules kept token
    // v; no bit at all = they cut nothing. The log-prob is then over the kept tokens alone.
    uint32_t *kept;
} Draw;

typedef struct Drawn {
    int32_t token;  // -1: a logit is NaN or +inf, or none is finite
    int32_t finite; // 1: there is a token, and its log-prob is a number
    float logp;
} Drawn;

#ifdef __cplusplus
}
#endif
#endif
