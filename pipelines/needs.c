// pipelines/needs.c -- the table, by section.
#include "pipelines/needs.h"

#include <string.h>

#define RL "command=rl|zero"
#define PRETRAIN "command=sft or command=zero and model.path=\"\""
#define NEW_MODEL "model.path=\"\""
#define MLA NEW_MODEL " and model.family=mla_moe"
#define MOE MLA " and model.n_routed_experts>0"
#define DENSE NEW_MODEL " and model.family!=mla_moe"
#define YARN NEW_MODEL " and model.rope_factor>1"

const ConfigNeed needs_table[] = {
    {"run.checkpoint_every", RL},
    {"run.base_checkpoint_every", PRETRAIN},
    {"run.decode_seqs", RL},

    {"model.family", NEW_MODEL},
    {"model.hidden_size", NEW_MODEL},
    {"model.n_layers", NEW_MODEL},
    {"model.n_heads", NEW_MODEL},
    {"model.intermediate_size", NEW_MODEL},
    {"model.tie_word_embeddings", NEW_MODEL},
    {"model.rope_theta", NEW_MODEL},
    {"model.rope_factor", NEW_MODEL},
    {"model.rms_norm_eps", NEW_MODEL},
    {"model.n_kv_heads", DENSE},
    {"model.head_dim", DENSE},
    {"model.q_lora_rank", MLA},
    {"model.kv_lora_rank", MLA},
    {"model.qk_nope_head_dim", MLA},
    {"model.qk_rope_head_dim", MLA},
    {"model.v_head_dim", MLA},
    {"model.n_routed_experts", MLA},
    {"model.first_k_dense", MOE},
    {"model.moe_intermediate_size", MOE},
    {"model.n_shared_experts", MOE},
    {"model.n_experts_per_tok", MOE},
    {"model.n_group", MOE},
    {"model.topk_group", MOE " and model.n_group>1"},
    {"model.norm_topk_prob", MOE},
    {"model.routed_scaling_factor", MOE},
    {"model.scoring", MOE},
    {"model.topk_method", MOE},
    {"model.mtp_save", "model.mtp>0 or model.path!=\"\""},
    {"model.rope_original_max_position", YARN},
    {"model.rope_beta_fast", YARN},
    {"model.rope_beta_slow", YARN},
    {"model.rope_mscale", YARN},
    {"model.rope_mscale_all_dim", YARN},

    {"data.tasks", RL},
    {"data.heldout", RL},
    {"data.large", RL},
    {"data.folder", RL},
    {"data.eval_seed", RL},
    {"data.heldout_fraction", RL " and data.heldout=\"\""},
    {"data.epochs", RL},
    {"data.order", RL},
    {"data.template", RL " and data.tasks!=desk or " RL " and data.heldout!=\"\"|desk or " RL
                         " and data.large!=\"\"|desk"},
    {"data.judge", RL " and data.tasks!=desk or " RL " and data.heldout!=\"\"|desk or " RL
                      " and data.large!=\"\"|desk"},
    {"data.corpus", PRETRAIN},
    {"data.corpus_heldout", PRETRAIN},
    {"data.system", "data.chat!=\"\""},
    {"data.thinking", "data.chat!=\"\""},

    {"desk.*", "command=sft and data.corpus=desk or command=zero and model.path=\"\" and "
               "data.corpus=desk"},

    {"sft.*", PRETRAIN},
    {"sft.epochs",
     "command=sft and sft.steps=0 or command=zero and model.path=\"\" and sft.steps=0"},
    {"sft.mtp_weight",
     "command=sft and model.mtp>0 or command=zero and model.path=\"\" and model.mtp>0"},
    {"sft.patience", "command=sft and data.corpus_heldout!=\"\""},
    {"sft.final_ratio", "sft.schedule!=constant"},

    {"rl.*", RL},
    {"rl.chunk_tokens", NULL},
    {"rl.partial_sums", NULL},
    {"rl.min_lr_ratio", RL " and rl.schedule!=constant"},
    {"rl.mtp_weight", RL " and model.mtp>0"},
    {"rl.kl_coef", RL " and rl.kl!=off"},
    {"rl.reference_refresh_steps", RL " and rl.kl!=off or " RL " and rl.kl_reward!=off"},
    {"rl.kl_reward_coef", RL " and rl.kl_reward!=off"},
    {"rl.dynamic_metric", RL " and rl.dynamic_sampling!=off"},
    {"rl.tis_cap", RL " and rl.old_logp=recompute"},
    {"rl.routing_replay", RL " and rl.old_logp=recompute or " RL " and rl.routing_replay=rollout"},
    {"rl.keep_sampling_mask",
     RL " and rl.top_p!=1 or " RL " and rl.top_k>0 or " RL " and rl.min_p>0"},
    {"rl.tis_mode", RL " and rl.tis_cap>0"},
    {"rl.tis_floor", RL " and rl.tis_cap>0 and rl.tis_mode=token-mask|sequence-mask"},
    {"rl.teachers", RL " and rl.distill!=0"},
    {"rl.distill_clip", RL " and rl.distill!=0"},
    {"rl.distill_alone", RL " and rl.distill!=0"},
    {"rl.clip_low", RL " and rl.loss!=sapo"},
    {"rl.clip_high", RL " and rl.loss!=sapo"},
    {"rl.dual_clip", RL " and rl.loss!=sapo|cispo"},
    {"rl.sapo_tau_pos", RL " and rl.loss=sapo"},
    {"rl.sapo_tau_neg", RL " and rl.loss=sapo"},
    {"rl.advantage_std",
     RL " and rl.advantage=std|batch-std or " RL " and rl.advantage=auto and rl.loss!=dr_grpo"},
    {"rl.advantage_eps",
     RL " and rl.advantage=std|batch-std or " RL " and rl.advantage=auto and rl.loss!=dr_grpo"},
    {"rl.reward_language", RL " and rl.language!=\"\""},
    {"rl.overlong_penalty", RL " and rl.overlong_buffer>0"},
    {"rl.overlong_buffer", RL " and rl.overlong_penalty!=0"},
    {"rl.judge_deadline_ms", RL " and rl.judge_program!=\"\""},
    {"rl.max_gen_batches", RL " and rl.dynamic_sampling!=off"},
    {"rl.curriculum_floor", RL " and rl.curriculum!=off"},
    {"rl.curriculum_decay", RL " and rl.curriculum!=off"},
    {"rl.preflight_k", RL " and rl.preflight_tasks>0"},
    {"rl.preflight_min_pass", RL " and rl.preflight_tasks>0"},

    {"rollout.*", RL},
    {"rollout.draft_tokens", RL " and rollout.draft!=none"},

    {"eval.*", RL},
    {"eval.every", RL " or command=sft and data.corpus_heldout!=\"\""},
    {"eval.tasks", RL " or command=sft and data.corpus_heldout!=\"\""},
    {"eval.top_p", RL " and eval.temperature>0"},
    {"eval.top_k", RL " and eval.temperature>0"},
    {"eval.pass_k", RL " and eval.passk_tasks>0"},
    {"eval.passk_samples", RL " and eval.passk_tasks>0"},
    {"eval.large_tasks", RL " and data.large!=\"\" or " RL " and data.tasks=desk"},
    {"log.rollouts", RL},
};
const int n_needs_table = (int)(sizeof needs_table / sizeof needs_table[0]);

const char *needs_command(const char *command) {
    static const char *const known[] = {"zero", "rl", "sft"};
    for (size_t i = 0; command && i < sizeof known / sizeof *known; i++)
        if (strcmp(command, known[i]) == 0) return command;
    return NULL;
}
