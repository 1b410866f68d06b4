// rl/settings.c -- the rows of the section "rl", and what "auto" means.
#include "rl/settings.h"

#include <stddef.h>

bool settings_reference(const RlConfig *cfg) {
    return cfg->kl != KL_OFF || cfg->kl_reward != KL_OFF;
}

int settings_partial_sums(const RlConfig *cfg) {
    return cfg->partial_sums > 0 ? 1 << (cfg->partial_sums - 1) : 0;
}

#define AT(field) offsetof(RlConfig, field)
#define INT(key, initial, min, max, help, alias)                                                   \
    { #key, CONFIG_INT, AT(key), initial, min, max, NULL, help, alias }
#define NUM(key, initial, min, max, help, alias)                                                   \
    { #key, CONFIG_DOUBLE, AT(key), initial, min, max, NULL, help, alias }
#define PICK(key, initial, choices, help, alias)                                                   \
    { #key, CONFIG_CHOICE, AT(key), initial, 0, 0, choices, help, alias }
#define FLAG(key, initial, help, alias)                                                            \
    { #key, CONFIG_BOOL, AT(key), initial, 0, 0, NULL, help, alias }
#define TEXT(key, initial, help, alias)                                                            \
    { #key, CONFIG_TEXT, AT(key), initial, 0, 0, NULL, help, alias }

const char rl_help[] = "learning from rewards: sampling, advantage, loss, optimiser";

const ConfigKey rl_keys[] = {
    INT(steps, "100", 1, 1e9,
        "optimiser steps of the whole run (a rollout serves updates_per_rollout * epochs of them)",
        "max_steps total_training_steps"),
    INT(groups_per_step, "32", 1, 1e6, "prompts of one rollout (batch size in prompts)",
        "train_batch_size num_prompts_per_step rollout_batch_size"),
    INT(group_size, "8", 1, 4096, "samples of one prompt (G)", "num_generations n rollout_n"),
    INT(updates_per_rollout, "1", 1, 4096,
        "mini-batches of whole groups, one optimiser step each, that a rollout is cut into",
        "steps_per_generation num_minibatches"),
    INT(epochs, "1", 1, 64, "times a rollout is gone through", "num_iterations ppo_epochs mu"),
    INT(chunk_tokens, "2048", 16, 1e7,
        "tokens of one unit of gradient arithmetic (whole groups); part of the result, not of the "
        "memory plan",
        "ppo_max_token_len_per_gpu micro_batch_size"),
    PICK(partial_sums, "auto", "auto|1|2|4|8",
         "partial sums of gradients, each as large as the weights; part of the result; auto: 8, or "
         "1 "
         "for a model of more than 32 M parameters",
         NULL),
    NUM(temperature, "1", 0.01, 100, "of sampling; log-probs are of logits / temperature", NULL),
    NUM(top_p, "1", 1e-6, 1, "nucleus of sampling; 1 = off", NULL),
    NUM(min_p, "0", 0, 1, "least share of the best token's probability; 0 = off", NULL),
    INT(top_k, "0", 0, 1e7, "best tokens to sample from; 0 = all", NULL),
    INT(max_new_tokens, "160", 1, 1e7, "longest response in tokens",
        "max_completion_length max_response_length"),
    INT(repeat_window, "0", 0, 1e6,
        "stop a sample whose last so many tokens repeat with a period of at most 16; 0 = off",
        NULL),
    {"stop", CONFIG_TEXTS, AT(stop), "", 0, 0, NULL,
     "texts that end a response where they appear, as [\"User:\",\"\\n\\n\"]; they stay part of "
     "it; "
     "also in evaluations",
     "stop_strings stop_sequences"},
    FLAG(ignore_eos, "false",
         "samples to train on end at max_new_tokens only: for timings of a step of known size",
         NULL),
    NUM(lr, "1e-6", 0, 10, "peak learning rate", "learning_rate actor_lr"),
    NUM(min_lr_ratio, "0.1", 0, 1, "last learning rate / peak, for cosine and linear", NULL),
    NUM(beta1, "0.9", 0, 0.999999, "AdamW", NULL),
    NUM(beta2, "0.95", 0, 0.999999, "AdamW", NULL),
    NUM(adam_eps, "1e-8", 0, 1,
        "AdamW: added to the root; large models with tiny gradients want 1e-15", NULL),
    NUM(weight_decay, "0", 0, 10, "AdamW, decoupled, on matrices", NULL),
    NUM(clip_norm, "1", 0, 1e9, "largest global gradient norm; 0 = off",
        "max_grad_norm grad_clip clip_grad"),
    NUM(router_bias_step, "0", 0, 1,
        "MoE: step of the selection bias's update after each optimiser step; 0 = frozen", NULL),
    NUM(balance_alpha, "0", 0, 10, "MoE: weight of the sequence balance loss; 0 = off",
        "router_aux_loss_coef"),
    NUM(mtp_weight, "0", 0, 10,
        "weight of the MTP modules' loss (model.mtp) on the trained tokens; its gradient reaches "
        "the whole model; 0 = the modules stay as they are",
        "mtp_loss_scaling_factor"),
    INT(warmup_steps, "0", 0, 1e9, "optimiser steps of linear warm-up", "lr_warmup_steps"),
    PICK(schedule, "constant", SCHEDULE_CHOICES,
         "learning rate after the warm-up, ending at lr * min_lr_ratio at the last step",
         "lr_scheduler_type"),
    PICK(loss, "dapo", "grpo|dapo|dr_grpo|gspo|cispo|sapo|dppo_tv|dppo_kl",
         "policy loss; sets advantage, loss_agg and clips that are auto", "loss_type loss_mode"),
    PICK(loss_agg, "auto", "auto|token-mean|seq-mean-token-mean|seq-mean-token-sum|token-sum-norm",
         "how token losses become one number; always over the whole mini-batch of a step",
         "loss_agg_mode"),
    NUM(clip_low, "-1", -1, 1e9, "ratio clipped at 1 - clip_low (for A < 0); -1 = auto, 1 = off",
        "epsilon clip_ratio clip_ratio_low clip_eps"),
    NUM(clip_high, "-1", -1, 1e9, "ratio clipped at 1 + clip_high (for A > 0); -1 = auto",
        "epsilon_high clip_ratio_high"),
    NUM(dual_clip, "-1", -1, 1e9,
        "for A < 0 the loss is at most dual_clip * |A|; 0 = off, -1 = auto", "clip_ratio_c delta"),
    NUM(sapo_tau_pos, "1", 1e-3, 1e3, "sapo: steepness of its soft gate for A > 0",
        "sapo_temperature_pos tau_pos"),
    NUM(sapo_tau_neg, "1.05", 1e-3, 1e3, "sapo: the same for A < 0",
        "sapo_temperature_neg tau_neg"),
    PICK(kl, "off", "off|k1|k2|k3|unbiased|k1+|k3+",
         "KL to the reference as a loss term; off = no such term; unbiased = k3 times the ratio "
         "(DeepSeek-V3.2); k1+ and k3+ have the gradient of k2 (verl)",
         "kl_loss_type kl_penalty use_kl_loss"),
    NUM(kl_coef, "0.001", 0, 1e6, "weight of the KL term", "beta kl_loss_coef"),
    INT(reference_refresh_steps, "0", 0, 1e9,
        "the reference becomes the current policy every so many optimiser steps; 0 = never",
        "ref_model_sync_steps"),
    NUM(entropy_coef, "0", -100, 100, "entropy bonus per token, in nats", "entropy_coeff"),
    NUM(positive_lm, "0", 0, 100,
        "weight of -ln p of the tokens of right samples, as a mean over them, beside the policy "
        "loss "
        "(VAPO's positive-example loss: 0.1); 0 = off",
        NULL),
    NUM(distill, "0", 0, 1e6,
        "on-policy distillation: weight of the reverse KL to a teacher at each drawn token, as a "
        "mean over them, beside the policy loss; 0 = off",
        NULL),
    {"teachers", CONFIG_TEXTS, AT(teachers), "", 0, 0, NULL,
     "rl.distill: the teacher's model, or SOURCE=MODEL for each source of questions; with the "
     "student's tokenizer",
     "teacher_model_name_or_path"},
    NUM(distill_clip, "0", 0, 1e6,
        "bound of ln policy - ln teacher in rl.distill's gradient; 0 = none", NULL),
    FLAG(distill_alone, "false",
         "only rl.distill teaches: rewards are measured and not learnt from", NULL),
    NUM(tis_cap, "0", 0, 1e6,
        "largest importance weight w = p_old / p_sampler on the policy term; 0 = no weight; needs "
        "old_logp=recompute, without which w is 1",
        "rollout_is_threshold vllm_importance_sampling_cap vllm_importance_sampling_clip_max"),
    PICK(tis_mode, "token-truncate", "token-truncate|token-mask|sequence-truncate|sequence-mask",
         "w of each token or of the whole sample (the product); beyond tis_cap it is cut, or the "
         "token or sample is masked (token-mask with a tis_floor is IcePop)",
         "rollout_is vllm_importance_sampling_mode"),
    NUM(tis_floor, "0", 0, 1, "mask modes: smallest w that is not masked",
        "rollout_rs_threshold_lower"),
    NUM(offpolicy_mask_delta, "0", 0, 1e6,
        "policy term off for a sample with A < 0 and mean ln(p_sampler / p) above this "
        "(DeepSeek-V3.2); 0 = off",
        "off_policy_mask_threshold"),
    PICK(old_logp, "sampler", "sampler|recompute",
         "log-probs under the weights that sampled: the sampler's own (equal bit for bit on the "
         "CPU), or the trainer's, at one more forward pass",
         NULL),
    PICK(routing_replay, "off", "off|old|rollout",
         "MoE: every update of a rollout takes the experts that the weights that sampled took: as "
         "the "
         "pass that recomputes old log-probs chose them (old, R2; needs old_logp=recompute), or as "
         "the sampler did (rollout, R3)",
         "router_replay.mode moe_router_replay"),
    INT(lag, "0", 0, 8,
        "rollouts that are sampled ahead: a rollout is sampled under the weights that are this "
        "many "
        "rollouts older than those that begin to train on it; with old_logp=recompute the loss is "
        "decoupled PPO's, and tis_cap bounds the weights of what is stale",
        "max_staleness staleness_threshold async_level max_async_level max_off_policy_steps"),
    FLAG(keep_sampling_mask, "false",
         "log-probs of sampler, trainer and reference are over the tokens that top_k, top_p and "
         "min_p "
         "left to draw from, which the rollout keeps (DeepSeek-V3.2): the policy gradient is then "
         "that of what was drawn from",
         "keep_sampling_mask"),
    PICK(advantage, "auto", "auto|std|none|leave-one-out|batch-std|maxrl",
         "baseline is always the group's mean; this says what divides (maxrl: the mean itself)",
         "scale_rewards adv_estimator norm_adv_by_std_in_grpo"),
    PICK(advantage_std, "population", "population|sample",
         "deviation by n or by n - 1 (verl and TRL: sample)", NULL),
    NUM(advantage_eps, "1e-4", 1e-12, 1, "added to the deviation, in units of reward", NULL),
    NUM(reward_accuracy, "1", -1e6, 1e6, "weight of the accuracy part (0 or 1)", "reward_weights"),
    NUM(reward_format, "0.2", -1e6, 1e6, "weight of the format part (0 or 1)", NULL),
    NUM(reward_language, "0", -1e6, 1e6,
        "weight of the language part: the share of the thought's words that are of rl.language "
        "(0 to 1); 0 = not looked at",
        NULL),
    {"rewards", CONFIG_TEXTS, AT(rewards), "", 0, 0, NULL,
     "further rewards, each NAME:WEIGHT:JUDGE with a judge of grpo verify, or "
     "NAME:WEIGHT:program:COMMAND; each is a metric reward/NAME/mean",
     "reward_funcs custom_reward_function"},
    PICK(reward_agg, "sum-first", "sum-first|normalize-first",
         "several rewards: advantages of their weighted sum, or the weighted sum of each reward's "
         "own normalised advantages, divided by its deviation over the rollout (GDPO)",
         "multi_objective_aggregation"),
    PICK(
        kl_reward, "off", "off|k1|k2|k3",
        "KL to the reference inside the reward: minus kl_reward_coef times its sum over the tokens "
        "of a sample",
        "use_kl_in_reward"),
    NUM(kl_reward_coef, "0.001", 0, 1e6, "weight of the KL inside the reward", "kl_ctrl.kl_coef"),
    NUM(overlong_penalty, "1", 0, 1e6, "weight of the soft overlong part (-1 to 0)",
        "overlong_penalty_factor"),
    INT(overlong_buffer, "0", 0, 1e7,
        "last tokens before max_new_tokens in which the overlong part falls from 0 to -1 (DAPO's "
        "L_cache); 0 = off",
        "overlong_buffer_len"),
    FLAG(overlong_filter, "false",
         "responses cut off at max_new_tokens are not trained on; their rewards stay in the mean "
         "and "
         "deviation of their group (DAPO, TRL)",
         "mask_truncated_completions overlong_filter"),
    FLAG(accuracy_needs_end, "true", "a response that did not end by itself is not right", NULL),
    TEXT(format_template, "think-boxed", "what the format part checks: see grpo verify", NULL),
    TEXT(prefilled, "", "text of the response that the prompt already holds, e.g. <think>", NULL),
    TEXT(extract, "boxed", "where the answer stands: boxed, answer, hash, bare", NULL),
    TEXT(language, "", "of the thought, for reward_language: en, de, zh, ...", NULL),
    TEXT(math_policy, "", "whose conventions the judge math follows; empty = ours", NULL),
    TEXT(judge_program, "",
         "command of the judge 'program': it speaks JSON lines, see grpo help verify", NULL),
    INT(judge_deadline_ms, "10000", 1, 1e7,
        "time that judge_program has for one response; later is no verdict", NULL),
    PICK(code_score, "binary", "binary|fraction|weighted",
         "the accuracy of a program: 1 if every test passes; passed / tests; or 1 if every test "
         "passes, and 0.1 * passed / tests besides",
         NULL),
    INT(code_tests, "0", 0, 1e6,
        "tests that a program is judged by, of a task with more: drawn by task and step, the same "
        "for its whole group; 0 = all",
        NULL),
    PICK(dynamic_sampling, "off", "off|drop|refill",
         "groups without spread of reward: train with them, leave them out of the denominators, or "
         "sample others in their place (DAPO)",
         "filter_groups"),
    TEXT(dynamic_metric, "reward",
         "whose spread dynamic_sampling looks at: reward, score (without overlong and KL), "
         "accuracy, "
         "format, or another part",
         "filter_groups.metric"),
    INT(max_gen_batches, "10", 1, 1000,
        "refill: most sampling rounds of one rollout; then the short batch is trained with a "
        "warning. Also the most rollouts in a row without a sample to learn from",
        "max_num_gen_batches"),
    FLAG(skip_flat, "true",
         "samples whose gradient is exactly zero are not run through the trainer, to save time; "
         "weights and metrics are the same bits either way",
         NULL),
    PICK(curriculum, "off", "off|level|task",
         "prefer questions with a pass rate near one half, remembered by level or by task", NULL),
    NUM(curriculum_floor, "0.2", 0.01, 1, "least chance of a question to be taken", NULL),
    NUM(curriculum_decay, "0.9", 0, 0.9999, "memory of a pass rate from one visit to the next",
        NULL),
    INT(warn_every_steps, "20", 1, 1e6, "the same warning comes at most every so many steps", NULL),
    INT(preflight_tasks, "64", 0, 1e6, "questions sampled before the first step; 0 = no preflight",
        NULL),
    INT(preflight_k, "16", 1, 4096, "samples of each of them", NULL),
    NUM(preflight_min_pass, "0", 0, 1,
        "the run starts only if the base's pass@preflight_k is at least this", NULL),
};
const int n_rl_keys = (int)(sizeof rl_keys / sizeof rl_keys[0]);

typedef struct Preset {
    int advantage, agg;
    double clip_low, clip_high, dual_clip;
} Preset;

static const Preset preset[] = {
    [LOSS_GRPO] = {ADV_STD, AGG_SEQ_MEAN_TOKEN_MEAN, 0.2, 0.2, 3},
    [LOSS_DAPO] = {ADV_STD, AGG_TOKEN_MEAN, 0.2, 0.28, 3},
    [LOSS_DR_GRPO] = {ADV_NONE, AGG_TOKEN_SUM_NORM, 0.2, 0.2, 0},
    [LOSS_GSPO] = {ADV_STD, AGG_SEQ_MEAN_TOKEN_MEAN, 3e-4, 4e-4, 0},
    [LOSS_CISPO] = {ADV_BATCH_STD, AGG_TOKEN_MEAN, 1, 5, 0},
    [LOSS_SAPO] = {ADV_STD, AGG_SEQ_MEAN_TOKEN_MEAN, 0, 0, 0},
    [LOSS_DPPO_TV] = {ADV_STD, AGG_TOKEN_MEAN, 0.2, 0.2, 20},
    [LOSS_DPPO_KL] = {ADV_STD, AGG_TOKEN_MEAN, 0.05, 0.05, 20},
};

Status settings_resolve(RlConfig *cfg) {
    CHECK(cfg->loss >= 0 && cfg->loss < (int)(sizeof preset / sizeof preset[0]));
    const Preset *p = &preset[cfg->loss];
    if (cfg->loss_agg == AGG_AUTO) cfg->loss_agg = p->agg;
    if (cfg->advantage == ADV_AUTO) cfg->advantage = p->advantage;
    if (cfg->clip_low < 0) cfg->clip_low = p->clip_low;
    if (cfg->clip_high < 0) cfg->clip_high = p->clip_high;
    if (cfg->dual_clip < 0) cfg->dual_clip = p->dual_clip;

    if (cfg->dual_clip > 0 && cfg->dual_clip <= 1)
        return FAIL(ST_CONFIG, "rl.dual_clip=%g: must be above 1, or 0 for off", cfg->dual_clip);
    if (cfg->group_size < 2)
        return FAIL(ST_CONFIG,
                    "rl.group_size=%lld: the baseline is the group's mean, so a group "
                    "needs at least 2 samples",
                    (long long)cfg->group_size);
    if (cfg->updates_per_rollout > cfg->groups_per_step)
        return FAIL(ST_CONFIG,
                    "rl.updates_per_rollout=%lld: a mini-batch is whole groups, so at most "
                    "rl.groups_per_step=%lld",
                    (long long)cfg->updates_per_rollout, (long long)cfg->groups_per_step);
    if (cfg->overlong_buffer > cfg->max_new_tokens)
        return FAIL(ST_CONFIG, "rl.overlong_buffer=%lld: at most rl.max_new_tokens=%lld",
                    (long long)cfg->overlong_buffer, (long long)cfg->max_new_tokens);
    if (cfg->tis_cap > 0 && cfg->tis_floor >= cfg->tis_cap)
        return FAIL(ST_CONFIG, "rl.tis_floor=%g: must be below rl.tis_cap=%g", cfg->tis_floor,
                    cfg->tis_cap);
    if (cfg->reward_agg == REWARD_NORMALIZE_FIRST && cfg->advantage != ADV_STD)
        return FAIL(ST_CONFIG, "rl.reward_agg=normalize-first: needs rl.advantage=std");
    if (cfg->warmup_steps > cfg->steps)
        return FAIL(ST_CONFIG, "rl.warmup_steps=%lld: at most rl.steps=%lld",
                    (long long)cfg->warmup_steps, (long long)cfg->steps);
    return ST_OK;
}
