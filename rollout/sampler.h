// rollout/sampler.h -- one row of logits becomes one token.
//
// Floor 3 (rollout). Order of the rules, as in Hugging Face's generate: temperature, top-k, top-p,
// min-p. They shape the draw only: the log-prob that is stored with a token is policy_logprob_row's
// over the whole vocabulary, before any of them.
//
// Exact by integers: a token's weight is exp(z - z_max), z = logit * inv_temperature, rounded to a
// multiple of 2^-44; sums of weights are exact, so no order of adding, no instruction set and no
// thread changes a draw. Tokens below 2^-45 of the best one are never drawn. The draw inverts the
// cumulative sum over ascending ids. Equal logits: the lower id ranks first.
#ifndef ROLLOUT_SAMPLER_H
#define ROLLOUT_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Sampler {
    float inv_temperature; // (float)(1 / temperature); 0 = greedy
    int top_k;             // keep the k best; 0 = all
    double top_p; // then the fewest best that hold at least top_p of what is left; >= 1 = all
    double min_p; // then those with at least min_p of the best one's probability; 0 = all
} Sampler;

// temperature 0 is greedy: the best token, and log-probs at temperature 1.
Sampler sampler_make(double temperature, int top_k, double top_p, double min_p);

// What a log-prob is taken at: inv_temperature, or 1 for a greedy sampler.
float sampler_logprob_scale(const Sampler *sampler);

// Scratch for one sampler_draw at a time.
size_t sampler_scratch_bytes(int vocab);

// `uniform` in [0, 1). -inf is a token that cannot be drawn. Returns -1 if a logit is NaN, or none
// is finite, or one is +inf: the model is broken and the caller says so.
int32_t sampler_draw(const Sampler *sampler, const float *logits, int vocab, double uniform,
                     void *scratch);

#ifdef __cplusplus
}
#endif
#endif
