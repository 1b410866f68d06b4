// rl/reward.c -- parts and their weights.
#include "rl/reward.h"

#include "verifiers/verdict.h"

const char *reward_part_name(int part) {
    static const char *const name[N_REWARD_PARTS] = {"accuracy", "format", "overlong", "language"};
    CHECK(part >= 0 && part < N_REWARD_PARTS);
    return name[part];
}

double reward_overlong(int length, int64_t max_new_tokens, int64_t buffer) {
    int64_t free_tokens = max_new_tokens - buffer;
    if (buffer == 0 || length <= free_tokens) return 0;
    if (length >= max_new_tokens) return -1;
    return (double)(free_tokens - length) / (double)buffer;
}

void reward_fill(const RlConfig *cfg, Batch *batch) {
    CHECK(batch->stage == STAGE_JUDGED && batch->n_parts == N_REWARD_PARTS);
    const double weight[N_REWARD_PARTS] = {
        [PART_ACCURACY] = cfg->reward_accuracy,
        [PART_FORMAT] = cfg->reward_format,
        [PART_OVERLONG] = cfg->overlong_penalty,
        [PART_LANGUAGE] = cfg->reward_language,
    };
    for (int i = 0; i < batch->n_samples; i++) {
        bool known = batch->verdict[i] != VERDICT_ERROR && batch->finish[i] != FINISH_ABORT;
        bool cut = batch->finish[i] == FINISH_LENGTH;
        batch->part[PART_OVERLONG][i] = (float)reward_overlong(
            batch_response_length(batch, i), cfg->max_new_tokens, cfg->overlong_buffer);
        double sum = 0;
        for (int p = 0; p < N_REWARD_PARTS; p++) sum += weight[p] * (double)batch->part[p][i];
        batch->reward[i] = known ? (float)sum : 0;
        batch->weight[i] = known ? 1 : 0;
        for (int t = batch->token_begin[i]; t < batch->token_end[i]; t++)
            batch->loss_mask[t] = batch->kind[t] == TOKEN_SAMPLED && !(cut && cfg->overlong_filter);
    }
}
