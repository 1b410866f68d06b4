// tests/models.h -- small models that tests share.
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H
#include "policy/policy.h"

// The smallest model that has every part: MLA, a dense layer, a router, experts.
__attribute__((unused)) static const ModelConfig tiny_model = {
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

// Every part, with group-limited routing and sizes that no block divides.
__attribute__((unused)) static const ModelConfig small_moe = {
    .family = FAMILY_MLA_MOE,
    .vocab_size = 53,
    .hidden_size = 64,
    .intermediate_size = 96,
    .n_layers = 3,
    .n_heads = 4,
    .max_position = 256,
    .rms_norm_eps = 1e-6,
    .bos_id = -1,
    .eos_id = 0,
    .rope = {.theta = 10000},
    .q_lora_rank = 40,
    .kv_lora_rank = 48,
    .qk_nope_head_dim = 16,
    .qk_rope_head_dim = 8,
    .v_head_dim = 24,
    .first_k_dense = 1,
    .moe_layer_freq = 1,
    .moe_intermediate_size = 40,
    .n_routed_experts = 8,
    .n_shared_experts = 1,
    .n_experts_per_tok = 2,
    .n_group = 4,
    .topk_group = 2,
    .norm_topk_prob = true,
    .routed_scaling_factor = 1.5,
    .scoring = ROUTER_SIGMOID,
    .topk_method = TOPK_NOAUX_TC,
};

enum { N_DENSE = 3 };
// Three query heads a key-value head of 32, tied; biases, every head its own keys, 20 wide; one
// key-value head for all, head norms, heads wider than the hidden size divided by their number.
static inline ModelConfig dense_model(int which) {
    ModelConfig m = {.family = FAMILY_DENSE,
                     .vocab_size = 53,
                     .hidden_size = 48,
                     .intermediate_size = 72,
                     .n_layers = 2,
                     .n_heads = 6,
                     .max_position = 256,
                     .rms_norm_eps = 1e-5,
                     .bos_id = -1,
                     .eos_id = 0,
                     .rope = {.theta = 10000},
                     .n_kv_heads = 2,
                     .head_dim = 32};
    if (which == 0) {
        m.tie_word_embeddings = true;
        m.rope = (RopeConfig){.theta = 500000,
                              .llama3 = true,
                              .factor = 8,
                              .low_freq_factor = 1,
                              .high_freq_factor = 4,
                              .original_max_position = 64};
    } else if (which == 1) {
        m.dense = DENSE_QWEN2;
        m.n_heads = m.n_kv_heads = 2;
        m.head_dim = 20;
        m.qkv_bias = m.o_bias = m.mlp_bias = true;
    } else {
        m.dense = DENSE_QWEN3;
        m.n_heads = 5;
        m.n_kv_heads = 1;
        m.head_dim = 70;
        m.qk_norm = true;
    }
    return m;
}
#endif
