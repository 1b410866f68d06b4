// policy/rope.h -- rotary frequencies and what YaRN does to them and to the softmax scale.
//
// Private to policy/. YaRN (Peng et al., arXiv 2309.00071) as in DeepSeek-V3's reference code.
#ifndef POLICY_ROPE_H
#define POLICY_ROPE_H

#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ROPE_MAX_DIM = 512 };

// rate[i], i < dim / 2: radians per position of pair i. *scale: factor on cosines and sines.
void rope_rates(const RopeConfig *rope, int dim, double *rate, double *scale);
// The pairs between which YaRN's ramp runs.
void rope_yarn_range(const RopeConfig *rope, int dim, int *low, int *high);
// The same for the dense families, in single precision as transformers computes it (Llama's
// scaling included): rate[i] to float, so that the phases are those the models were trained with.
void rope_rates_dense(const RopeConfig *rope, int dim, float *rate, double *scale);
// qk_dim^-1/2, times (0.1 mscale_all_dim ln factor + 1)^2 under YaRN.
double rope_softmax_scale(const RopeConfig *rope, int qk_dim);

#ifdef __cplusplus
}
#endif
#endif
