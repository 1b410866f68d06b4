// tests/tiny_model.h -- the smallest model that has every part: MLA, a dense layer, a router,
// experts.
#ifndef TESTS_TINY_MODEL_H
#define TESTS_TINY_MODEL_H
#include "policy/policy.h"

static const ModelConfig tiny_model = {
    .family = FAMILY_MLA_MOE,
    .vocab_size = 12,
    .hidden_size = 32,
    .intermediate_size = 48,
    .n_layers = 2,
    .n_heads = 2,
    .max_position = 64,
    .rms_norm_eps = 1e-6,
    .bos_id = -1,
    .eos_id = 0,
    .rope = {.theta = 10000},
    .q_lora_rank = 16,
    .kv_lora_rank = 16,
    .qk_nope_head_dim = 8,
    .qk_rope_head_dim = 8,
    .v_head_dim = 8,
    .first_k_dense = 1,
    .moe_layer_freq = 1,
    .moe_intermediate_size = 16,
    .n_routed_experts = 4,
    .n_shared_experts = 1,
    .n_experts_per_tok = 2,
    .n_group = 1,
    .topk_group = 1,
    .norm_topk_prob = true,
    .routed_scaling_factor = 1,
    .scoring = ROUTER_SIGMOID,
    .topk_method = TOPK_NOAUX_TC,
};
#endif
