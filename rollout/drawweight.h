// rollout/drawweight.h -- a row of logits as integer weights: eight lanes at a time, the same on
// every machine.
//
// Private to the sampler (floor 3). A weight is exp(logit * scale - top) * 2^WEIGHT_BITS to the
// nearest integer, by the Taylor series of e^y on |y| <= ln(2)/2 (its relative error below 3e-10)
// in double, plain arithmetic in a fixed order: lanes and instruction sets change the speed alone.
#ifndef ROLLOUT_DRAWWEIGHT_H
#define ROLLOUT_DRAWWEIGHT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIGHT_BITS = 44, WEIGHT_FLOOR = -32 }; // exp(-32) * 2^44 < 1/4: nothing

// The first largest logit, or -1 if one is NaN.
int32_t drawweight_best(const float *logits, int n);
// weight[0 .. n) and their sum; n < 2^19 keeps it below 2^63. -inf has weight 0.
uint64_t drawweight_fill(const float *logits, int n, float scale, float top, uint64_t *weight);
// The smallest i whose weights 0 .. i sum to more than `target`; -1 if none does.
int32_t drawweight_walk(const uint64_t *weight, int n, uint64_t target);

#ifdef __cplusplus
}
#endif
#endif
