// rl/reward.c -- parts and their weights.
#include "rl/reward.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verifiers/verdict.h"
#include "verifiers/verify.h"

static const char *const part_name[N_REWARD_PARTS] = {"accuracy", "format", "overlong", "language",
                                                      "kl"};

// "NAME:WEIGHT:JUDGE[:COMMAND]" into one term.
static Status parse_term(const char *text, RewardTerms *terms) {
    RewardTerm *term = &terms->term[terms->n];
    char *judge = terms->text[terms->n], *end;
    const char *weight = strchr(text, ':');
    const char *after = weight ? strchr(weight + 1, ':') : NULL;
    const char *command = after ? strchr(after + 1, ':') : NULL;
    size_t n_name = weight ? (size_t)(weight - text) : 0;
    size_t n_judge = !after ? 0 : command ? (size_t)(command - after - 1) : strlen(after + 1);
    bool plain = n_name == strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (!after || n_name == 0 || n_name >= BATCH_NAME_BYTES || !plain || n_judge == 0 ||
        n_judge >= BATCH_NAME_BYTES)
        return FAIL(ST_CONFIG,
                    "rl.rewards: '%s': NAME:WEIGHT:JUDGE, as in \"short:0.2:format\" or "
                    "\"json:0.5:program:python3 json_ok.py\"; a name has at most %d letters a-z, "
                    "digits and _",
                    text, BATCH_NAME_BYTES - 1);
    memcpy(term->name, text, n_name);
    memcpy(judge, after + 1, n_judge);
    term->weight = strtod(weight + 1, &end);
    if (end != after || !isfinite(term->weight))
        return FAIL(ST_CONFIG, "rl.rewards: '%s': the weight '%.*s' is no number", text,
                    (int)(after - weight - 1), weight + 1);
    term->judge = judge;
    if (command && strcmp(judge, "program") != 0)
        return FAIL(ST_CONFIG, "rl.rewards: '%s': only the judge 'program' takes a command", text);
    term->command = command && command[1] ? command + 1 : NULL;
    for (int i = 0; i < terms->n; i++)
        if (strcmp(terms->term[i].name, term->name) == 0)
            return FAIL(ST_CONFIG, "rl.rewards: '%s': there is a reward '%s' already", text,
                        term->name);
    if (!verify_find(judge))
        return FAIL(ST_CONFIG, "rl.rewards: '%s': there is no judge '%s'; there are: %s", text,
                    judge, verify_names());
    terms->n++;
    return ST_OK;
}

Status reward_terms(const RlConfig *cfg, RewardTerms *out) {
    const double weight[N_REWARD_PARTS] = {
        [PART_ACCURACY] = cfg->reward_accuracy,
        [PART_FORMAT] = cfg->reward_format,
        [PART_OVERLONG] = cfg->overlong_penalty,
        [PART_LANGUAGE] = cfg->reward_language,
        [PART_KL] = cfg->kl_reward == KL_OFF ? 0 : cfg->kl_reward_coef,
    };
    *out = (RewardTerms){.n = N_REWARD_PARTS};
    for (int p = 0; p < N_REWARD_PARTS; p++) {
        snprintf(out->term[p].name, BATCH_NAME_BYTES, "%s", part_name[p]);
        out->term[p].weight = weight[p];
    }
    if (cfg->rewards.n > BATCH_REWARDS_MAX - N_REWARD_PARTS)
        return FAIL(ST_CONFIG, "rl.rewards: %d rewards; there can be %d", cfg->rewards.n,
                    BATCH_REWARDS_MAX - N_REWARD_PARTS);
    for (int i = 0; i < cfg->rewards.n; i++) TRY(parse_term(cfg->rewards.value[i], out));
    return ST_OK;
}

// The part that rl.dynamic_metric names; -1 reward, -2 score, -3 none of them.
static int metric_part(const RlConfig *cfg, const RewardTerms *terms) {
    const char *name =
        cfg->dynamic_metric && cfg->dynamic_metric[0] ? cfg->dynamic_metric : "reward";
    if (strcmp(name, "reward") == 0) return -1;
    if (strcmp(name, "score") == 0) return -2;
    for (int p = 0; p < terms->n; p++)
        if (strcmp(name, terms->term[p].name) == 0) return p;
    return -3;
}

Status reward_metric_known(const RlConfig *cfg) {
    RewardTerms terms;
    TRY(reward_terms(cfg, &terms));
    if (metric_part(cfg, &terms) != -3) return ST_OK;
    Str names = {0};
    for (int p = 0; p < terms.n; p++) str_printf(&names, ", %s", terms.term[p].name);
    Status st = FAIL(ST_CONFIG, "rl.dynamic_metric=%s: there are reward, score%s",
                     cfg->dynamic_metric, str_text(&names));
    str_free(&names);
    return st;
}

Status reward_metric(const RlConfig *cfg, const Batch *batch, const float **out, Arena *arena) {
    RewardTerms terms;
    TRY(reward_metric_known(cfg));
    TRY(reward_terms(cfg, &terms));
    int part = metric_part(cfg, &terms);
    if (part >= 0 || part == -1) {
        *out = part >= 0 ? batch->part[part] : batch->reward;
        return ST_OK;
    }
    float *score = ARENA_ARRAY(arena, float, batch->n_samples);
    for (int i = 0; i < batch->n_samples; i++) {
        double sum = 0;
        for (int p = 0; p < terms.n; p++)
            if (p != PART_OVERLONG && p != PART_KL)
                sum += terms.term[p].weight * (double)batch->part[p][i];
        score[i] = (float)sum;
    }
    *out = score;
    return ST_OK;
}

double reward_overlong(int length, int64_t max_new_tokens, int64_t buffer) {
    int64_t free_tokens = max_new_tokens - buffer;
    if (buffer == 0 || length <= free_tokens) return 0;
    if (length >= max_new_tokens) return -1;
    return (double)(free_tokens - length) / (double)buffer;
}

void reward_fill(const RlConfig *cfg, Batch *batch) {
    RewardTerms terms;
    Status st = reward_terms(cfg, &terms); // judge_new refused what cannot be read
    CHECK(st == ST_OK && batch->stage == STAGE_JUDGED && batch->n_parts == terms.n);
    for (int i = 0; i < batch->n_samples; i++) {
        bool known = batch->verdict[i] != VERDICT_ERROR && batch->finish[i] != FINISH_ABORT;
        bool cut = batch->finish[i] == FINISH_LENGTH;
        batch->part[PART_OVERLONG][i] = (float)reward_overlong(
            batch_response_length(batch, i), cfg->max_new_tokens, cfg->overlong_buffer);
        double sum = 0;
        for (int p = 0; p < terms.n; p++) sum += terms.term[p].weight * (double)batch->part[p][i];
        batch->reward[i] = known ? (float)sum : 0;
        batch->weight[i] = known ? 1 : 0;
        for (int t = batch->token_begin[i]; t < batch->token_end[i]; t++)
            batch->loss_mask[t] = batch->kind[t] == TOKEN_SAMPLED && !(cut && cfg->overlong_filter);
    }
}

static double kl_estimate(int kind, double x) {
    x = x < -20 ? -20 : x > 20 ? 20 : x;
    return kind == KL_K1 ? x : kind == KL_K2 ? x * x / 2 : expm1(-x) + x;
}

void reward_add_kl(const RlConfig *cfg, Batch *batch) {
    CHECK(batch->stage == STAGE_JUDGED && batch->logp_ref && cfg->kl_reward != KL_OFF);
    const float *old = batch_old(batch);
    for (int i = 0; i < batch->n_samples; i++) {
        double sum = 0;
        bool scored = batch->weight[i] > 0 && batch->keep[batch_group_of(batch, i)];
        for (int t = batch->response_begin[i]; scored && t < batch->token_end[i]; t++)
            if (batch->kind[t] == TOKEN_SAMPLED)
                sum += kl_estimate(cfg->kl_reward, (double)old[t] - (double)batch->logp_ref[t]);
        batch->part[PART_KL][i] = (float)-sum;
    }
    reward_fill(cfg, batch);
}
