// rl/grpo.h -- the policy losses and their gradient with respect to log-prob and entropy.
//
// Position:   [advantage], policy's [logp] -> HERE -> [dlogp, dentropy] -> policy
// Layer 4 (rl). Pure arithmetic on one sequence: no tokens, no device, no randomness, no memory.
//
// With r = exp(logp - logp_old), A the sample's advantage, loss of one token (minimised):
//   grpo, dapo, dr_grpo   -min(r A, clip(r, 1 - low, 1 + high) A);  for A < 0 at most dual |A|
//   gspo                  the same with r = exp(mean over the sequence of logp - logp_old)
//   cispo                 -sg[clip(r, 1 - low, 1 + high)] A logp
//   sapo                  -A sigmoid(tau (r - 1)) 4 / tau, tau by the sign of A
//   dppo_tv, dppo_kl      -keep sg[min(r, dual)] A logp; keep = 0 for A > 0 where p > p_old by more
//                         than high, for A < 0 where p < p_old by more than low; "by more": p -
//                         p_old, or the KL of the two-valued distributions (this token, any other)
// (they differ further in advantage and aggregation: rl/settings.h). Added to it, x = logp - ref:
//   k1  x      k2  x^2 / 2      k3  e^-x + x - 1      unbiased  r (e^-x + x - 1)
//   k1+, k3+   the value of k1 or k3 with the gradient of k2
// times kl_coef, and -entropy_coef * entropy. The policy term is weighted by w = p_old / p_sampler
// of the token, or of the sequence (the product of its tokens'): min(w, cap), or w inside
// [floor, cap] and 0 outside. Log-ratios are clamped to +-20 before exp, with no
// gradient outside. Tokens that are not wanted are never touched, so a NaN there does no harm.
// Formulas: arXiv 2402.03300, 2503.14476, 2503.20783, 2507.18071, 2506.13585, 2512.02556 (unbiased
// KL, off-policy mask), 2511.20347 (SAPO), 2510.18855 (IcePop); dual clip: arXiv 1912.09729; DPPO,
// k1+, k3+: verl's core_algos.py.
#ifndef RL_GRPO_H
#define RL_GRPO_H

#include <stdint.h>

#include "rl/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct GrpoConfig {
    int loss, kl; // LossKind, KlKind
    double clip_low, clip_high, dual_clip, kl_coef, entropy_coef;
    double tis_cap, offpolicy_mask_delta; // 0 = off
    double tis_floor;
    int tis_mode; // TisMode
    double sapo_tau_pos, sapo_tau_neg;
} GrpoConfig;

GrpoConfig grpo_config(const RlConfig *resolved);

// One sample as the loss sees it. Arrays are [n], in nats; only wanted tokens are read.
typedef struct GrpoSeq {
    int n;
    const uint8_t *want;  // 1 = a trained token
    const float *logp;    // under the weights being trained
    const float *old;     // under the weights that sampled, by the trainer
    const float *roll;    // the same, by the sampler
    const float *ref;     // under the reference; NULL if kl is off
    const float *entropy; // may be NULL: counted as 0
    double advantage;
    double scale;                 // weight of each token loss in the whole: grpo_scale
    const float *advantage_token; // [n] in place of `advantage`; NULL = none
    const float *weight;          // [n] of each token, times scale; NULL = 1
} GrpoSeq;

// Sums over wanted tokens, to be folded in a fixed order and divided by n_tokens at the end.
typedef struct GrpoStats {
    double n_seqs, n_tokens;
    double n_masked;         // sequences whose policy term the off-policy mask took out
    double pg_loss, kl_loss; // scaled: their sums are the loss terms (kl_loss without kl_coef)
    double entropy, ppo_kl;  // ppo_kl: old - logp
    double ratio;            // sum of r
    double ratio_min, ratio_max;
    double clip_low, clip_high; // tokens whose gradient the clip took
    double clip_dual;
    double tis, tis_min, tis_max, tis_cut; // weights; tokens whose weight was cut or masked
    double diff, diff_max;        // |logp - roll|: sampler against trainer at the sampling weights
    double n_sft, sft_loss;       // tokens of the component; scaled sum, as above
    double n_distill, distill_kl; // the same; the KL's estimate logp - teacher
} GrpoStats;

void grpo_stats_clear(GrpoStats *stats);
void grpo_stats_fold(GrpoStats *into, const GrpoStats *stats);

// The one denominator of a step, counted over its whole mini-batch before any chunk is trained.
typedef struct GrpoNorm {
    int agg;                 // LossAgg, resolved
    double n_tokens;         // trained tokens of all samples with weight, flat groups too
    double n_seqs;           // those samples
    double n_sft, n_distill; // tokens of the other components
    double max_tokens;       // max_new_tokens
} GrpoNorm;

// What the count of a component other than rl makes of each of its tokens.
static inline double grpo_component_scale(double n_tokens) {
    return n_tokens > 0 ? 1 / n_tokens : 0;
}

// Weight of each token loss of a sequence with n_want trained tokens; 0 if that is 0.
double grpo_scale(const GrpoNorm *norm, int n_want);

// Other components of the loss of one sequence (rollout/batch.h): tokens with a weight other than
// 0, scale = 1 / count of such tokens in the mini-batch.
//   sft      -logp
//   distill  logp - teacher, the KL to the teacher at a token that the policy drew, with the
//   gradient
//            of KL(policy || teacher): r (logp - teacher), r = exp(logp - old) at weights that have
//            moved since. clip > 0 bounds |logp - teacher|, which is not bounded by itself.
typedef struct ComponentSeq {
    int n;
    const float *weight, *logp; // [n]
    const float *old, *teacher; // [n] distill only
    double scale, clip;
} ComponentSeq;
void grpo_sft(const ComponentSeq *seq, float *dlogp, GrpoStats *stats);
void grpo_distill(const ComponentSeq *seq, float *dlogp, GrpoStats *stats);

// Adds this sequence's gradient to dlogp and dentropy [n] and its numbers to stats. Inputs finite.
void grpo_sequence(const GrpoConfig *cfg, const GrpoSeq *seq, float *dlogp, float *dentropy,
                   GrpoStats *stats);

#ifdef __cplusplus
}
#endif
#endif
