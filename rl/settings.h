// rl/settings.h -- every knob of reinforcement learning, in one table.
//
// Layer 4 (rl). RlConfig is the section "rl" of the configuration; rl_keys says names, defaults,
// ranges and help. Words that tools define differently mean here, everywhere:
//   prompt   one question; group: its group_size samples
//   step     one OPTIMISER step; a rollout serves updates_per_rollout * epochs steps
//   batch    counted in prompts (groups_per_step), never in samples
// Numbers that depend on the loss are "auto" (or -1) until settings_resolve fills them:
//
//   loss      advantage   loss_agg              clip_low  clip_high  dual_clip  source
//   grpo      std         seq-mean-token-mean   0.2       0.2        3          arXiv 2402.03300
//   dapo      std         token-mean            0.2       0.28       3          arXiv 2503.14476
//   dr_grpo   none        token-sum-norm        0.2       0.2        off        arXiv 2503.20783
//   gspo      std         seq-mean-token-mean   3e-4      4e-4       off        arXiv 2507.18071
//   cispo     batch-std   token-mean            1 (off)   5          off        arXiv 2506.13585
//   sapo      std         seq-mean-token-mean   -         -          -          arXiv 2511.20347
//   dppo_tv   std         token-mean            0.2       0.2        20         verl, prime-rl
//   dppo_kl   std         token-mean            0.05      0.05       20         ours
//
// For dppo_* clip_low and clip_high are the divergences beyond which a token is masked, and
// dual_clip is the largest ratio. DAPO's paper also has dynamic_sampling=refill and
// overlong_buffer; R1's has kl=k3, kl_coef=0.001, reference_refresh_steps=400,
// updates_per_rollout=16. These stay explicit.
#ifndef RL_SETTINGS_H
#define RL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

// The order of each enum is the order of the choices in rl_keys; a saved number is never reused.
typedef enum LossKind {
    LOSS_GRPO,
    LOSS_DAPO,
    LOSS_DR_GRPO,
    LOSS_GSPO,
    LOSS_CISPO,
    LOSS_SAPO,
    LOSS_DPPO_TV,
    LOSS_DPPO_KL,
    N_LOSSES
} LossKind;
typedef enum LossAgg {
    AGG_AUTO,
    AGG_TOKEN_MEAN,          // sum of all token losses / number of trained tokens
    AGG_SEQ_MEAN_TOKEN_MEAN, // mean over samples of their mean token loss
    AGG_SEQ_MEAN_TOKEN_SUM,  // mean over samples of their summed token loss
    AGG_TOKEN_SUM_NORM,      // sum of all token losses / (number of samples * max_new_tokens)
} LossAgg;
typedef enum AdvantageKind {
    ADV_AUTO,
    ADV_STD,           // (r - mean(group)) / (std(group) + eps)
    ADV_NONE,          // r - mean(group)
    ADV_LEAVE_ONE_OUT, // r - mean(the others of the group)
    ADV_BATCH_STD,     // (r - mean(group)) / (std(all rewards of the rollout) + eps)
    ADV_MAXRL,         // (r - mean(group)) / mean(group), 0 where the mean is not above 0
} AdvantageKind;
typedef enum StdKind { STD_POPULATION, STD_SAMPLE } StdKind; // divide by n, or by n - 1
typedef enum KlKind {
    KL_OFF,
    KL_K1,
    KL_K2,
    KL_K3,
    KL_UNBIASED,
    KL_K1_PLUS, // value of k1, gradient of k2
    KL_K3_PLUS, // value of k3, gradient of k2
    N_KL_KINDS
} KlKind;
typedef enum TisMode {
    TIS_TOKEN_TRUNCATE,    // min(w, cap), w of each token
    TIS_TOKEN_MASK,        // w where tis_floor <= w <= cap, else 0 (IcePop)
    TIS_SEQUENCE_TRUNCATE, // the same with one w, the product over the sample's tokens
    TIS_SEQUENCE_MASK,
} TisMode;
typedef enum RewardAgg { REWARD_SUM_FIRST, REWARD_NORMALIZE_FIRST } RewardAgg;
typedef enum RoutingReplay { REPLAY_OFF, REPLAY_OLD, REPLAY_ROLLOUT } RoutingReplay;
typedef enum OldLogp { OLD_SAMPLER, OLD_RECOMPUTE } OldLogp;
typedef enum DynamicSampling { DYNAMIC_OFF, DYNAMIC_DROP, DYNAMIC_REFILL } DynamicSampling;
typedef enum CurriculumKind { CURRICULUM_OFF, CURRICULUM_LEVEL, CURRICULUM_TASK } CurriculumKind;

typedef struct RlConfig {
    // how much
    int64_t steps, groups_per_step, group_size, updates_per_rollout, epochs, chunk_tokens;
    int partial_sums; // of PARTIAL_SUMS: 0 = auto, else 2^(it - 1) of them (settings_partial_sums)
    // sampling
    double temperature, top_p, min_p;
    int64_t top_k, max_new_tokens, repeat_window;
    bool ignore_eos;
    ConfigTexts stop; // texts that end a response
    // optimiser
    double lr, min_lr_ratio, beta1, beta2, adam_eps, weight_decay, clip_norm, router_bias_step;
    double balance_alpha, mtp_weight;
    int64_t warmup_steps;
    int schedule; // ScheduleKind of policy/schedule.h
    // loss
    int loss, loss_agg; // LossKind, LossAgg
    double clip_low, clip_high, dual_clip;
    int kl; // KlKind
    double kl_coef;
    int64_t reference_refresh_steps;
    double entropy_coef, positive_lm, tis_cap, tis_floor, offpolicy_mask_delta;
    double sapo_tau_pos, sapo_tau_neg;
    double distill, distill_clip; // rl/distill.h
    bool distill_alone;
    ConfigTexts teachers; // "FOLDER" or "SOURCE=FOLDER"
    int tis_mode;         // TisMode
    int old_logp;         // OldLogp
    int routing_replay;   // RoutingReplay
    int64_t lag;          // rollouts sampled ahead
    bool keep_sampling_mask;
    // advantage
    int advantage, advantage_std; // AdvantageKind, StdKind
    double advantage_eps;
    // reward
    double reward_accuracy, reward_format, reward_language, overlong_penalty;
    ConfigTexts rewards; // "NAME:WEIGHT:JUDGE[:COMMAND]", rl/reward.h
    int reward_agg;      // RewardAgg
    int kl_reward;       // KlKind: off, k1, k2, k3
    double kl_reward_coef;
    int64_t overlong_buffer;
    bool overlong_filter, accuracy_needs_end;
    const char *format_template, *prefilled, *extract;
    const char *language, *math_policy, *judge_program;
    int64_t judge_deadline_ms;
    int code_score;     // SuiteScore of verifiers/code/suite.h
    int64_t code_tests; // of a task with more; 0 = all
    // which samples
    int dynamic_sampling; // DynamicSampling
    const char *dynamic_metric;
    int64_t max_gen_batches;
    bool skip_flat;
    int curriculum; // CurriculumKind
    double curriculum_floor, curriculum_decay;
    // watching
    int64_t warn_every_steps, preflight_tasks, preflight_k;
    double preflight_min_pass;
} RlConfig;

extern const ConfigKey rl_keys[];
extern const int n_rl_keys;
extern const char rl_help[]; // the section's help line

// Fills what is "auto" from the table above and refuses what cannot be (ST_CONFIG, naming the key).
// Call once, after config_apply. (A setting that does nothing as the others are is an error of
// pipelines/needs.c.)
MUST_USE Status settings_resolve(RlConfig *cfg);

// Sentences about settings that are allowed and rarely meant, one a line; "" if there are none.
void settings_advice(const RlConfig *resolved, Str *out);

// Is a reference policy needed?
bool settings_reference(const RlConfig *cfg);
int settings_partial_sums(const RlConfig *cfg); // as in PolicyOpts; 0 = auto

#ifdef __cplusplus
}
#endif
#endif
