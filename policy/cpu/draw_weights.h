// policy/cpu/draw_weights.h -- a row of logits as integer weights, from which a token is drawn.
//
// Private to policy/cpu, for drawrow.h (policy/draw.h has the rules). A weight is
// exp(logit * scale - top) * 2^DRAW_BITS to the nearest integer, by the Taylor series of e^y on
// |y| <= ln(2)/2 (its relative error below 3e-10) in double, plain arithmetic in a fixed order,
// eight values at a time: the instruction set, which GRPO_CPU chooses as for every other kernel,
// changes the speed alone.
#ifndef POLICY_CPU_DRAW_WEIGHTS_H
#define POLICY_CPU_DRAW_WEIGHTS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DRAW_BITS = 44, DRAW_LOWEST = -32 }; // exp(-32) * 2^44 < 1/4: weight 0

// *best: the first largest logit, or -1 if one is NaN. n >= 1.
void draw_best(const float *logits, int n, int32_t *best);
// weight[0 .. n) and their sum; n < 2^19 keeps it below 2^63. -inf has weight 0.
void draw_weights(const float *logits, int n, float scale, float top, uint64_t *weight,
                  uint64_t *sum);
// *drawn: the smallest i whose weights 0 .. i sum to more than `target`; -1 if none does.
void draw_walk(const uint64_t *weight, int n, uint64_t target, int32_t *drawn);

#ifdef __cplusplus
}
#endif
#endif
