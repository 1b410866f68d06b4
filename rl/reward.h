// rl/reward.h -- the parts of a reward, and their weighted sum.
//
// Position:   [verdict, accuracy, format, finish, length] -> HERE -> [reward, weight, loss_mask]
// Layer 4 (rl). Terms that count tokens or compare policies are here, because judges see only text.
#ifndef RL_REWARD_H
#define RL_REWARD_H

#include "base/status.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// The first columns of Batch.part, in this order; the rewards of rl.rewards follow.
typedef enum RewardPart {
    PART_ACCURACY, // the judge's score: 1 right, 0 wrong, between for partial credit
    PART_FORMAT,   // 1 if the whole response has the form asked for, else 0
    PART_OVERLONG, // 0 .. -1, rl.overlong_buffer
    PART_LANGUAGE, // 0 .. 1, share of the thought in rl.language; 0 with rl.reward_language=0
    PART_KL,       // minus the sum over its tokens of rl.kl_reward's estimate; 0 with it off
    N_REWARD_PARTS
} RewardPart;

// One part of a run's reward. The metric is reward/<name>/mean.
typedef struct RewardTerm {
    char name[BATCH_NAME_BYTES];
    double weight;
    const char *judge;   // of rl.rewards: a judge's name; NULL for the parts above
    const char *command; // of the judge "program"; NULL = rl.judge_program
} RewardTerm;

typedef struct RewardTerms {
    int n;
    RewardTerm term[BATCH_REWARDS_MAX];
    char text[BATCH_REWARDS_MAX][BATCH_NAME_BYTES]; // judges' names
} RewardTerms;

// The parts of a config: N_REWARD_PARTS, then rl.rewards, "NAME:WEIGHT:JUDGE" or
// "NAME:WEIGHT:program:COMMAND". ST_CONFIG quotes the entry that is none.
MUST_USE Status reward_terms(const RlConfig *cfg, RewardTerms *out);

// What rl.dynamic_metric names, of every sample: "reward", "score" (the reward without the overlong
// and KL parts) or a part. In the arena. ST_CONFIG lists the names.
MUST_USE Status reward_metric(const RlConfig *cfg, const Batch *batch, const float **out,
                              Arena *arena);
// The same without a batch: is it such a name?
MUST_USE Status reward_metric_known(const RlConfig *cfg);

// DAPO's soft punishment (arXiv 2503.14476, equation 13): 0 up to max_new_tokens - buffer tokens,
// falling linearly to -1 at max_new_tokens. 0 everywhere when buffer is 0.
double reward_overlong(int length, int64_t max_new_tokens, int64_t buffer);

// Fills part[PART_OVERLONG], reward, weight and loss_mask of a JUDGED batch whose verdict and other
// parts are there. Weight 0: verdict error and FINISH_ABORT; their reward is 0. With
// overlong_filter the tokens of FINISH_LENGTH leave the loss, and their rewards stay in the
// statistics of their group (DAPO, TRL's mask_truncated_completions).
void reward_fill(const RlConfig *cfg, Batch *batch);

// KL inside the reward (verl's use_kl_in_reward), for a batch whose logp_ref is there: fills
// part[PART_KL] and adds it to the reward. x = log-prob under the weights that sampled minus that
// under the reference, clamped to +-20: k1 x, k2 x^2 / 2, k3 e^-x + x - 1, over sampled tokens.
void reward_add_kl(const RlConfig *cfg, Batch *batch);

#ifdef __cplusplus
}
#endif
#endif
