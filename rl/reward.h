// rl/reward.h -- the parts of a reward, and their weighted sum.
//
// Position:   [verdict, accuracy, format, finish, length] -> HERE -> [reward, weight, loss_mask]
// Layer 4 (rl). Terms that count tokens live here, because judges see only text.
#ifndef RL_REWARD_H
#define RL_REWARD_H

#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// Columns of Batch.part, in this order.
typedef enum RewardPart {
    PART_ACCURACY, // the judge's score: 1 right, 0 wrong, between for partial credit
    PART_FORMAT,   // 1 if the whole response has the form asked for, else 0
    PART_OVERLONG, // 0 .. -1, rl.overlong_buffer
    PART_LANGUAGE, // 0 .. 1, share of the thought in rl.language; 0 with rl.reward_language=0
    N_REWARD_PARTS
} RewardPart;

const char *reward_part_name(int part); // "accuracy"; a metric is reward/<name>/mean

// DAPO's soft punishment (arXiv 2503.14476, equation 13): 0 up to max_new_tokens - buffer tokens,
// falling linearly to -1 at max_new_tokens. 0 everywhere when buffer is 0.
double reward_overlong(int length, int64_t max_new_tokens, int64_t buffer);

// Fills part[PART_OVERLONG], reward, weight and loss_mask of a JUDGED batch whose verdict and other
// parts are there. Weight 0: verdict error and FINISH_ABORT; their reward is 0. With
// overlong_filter the tokens of FINISH_LENGTH leave the loss, and their rewards stay in the
// statistics of their group (DAPO, TRL's mask_truncated_completions).
void reward_fill(const RlConfig *cfg, Batch *batch);

#ifdef __cplusplus
}
#endif
#endif
