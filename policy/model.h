// policy/model.h -- what a model is: dimensions and switches, read from Hugging Face's config.json.
//
// Floor 2 (policy). Names follow config.json (references: DeepSeek-V3's configuration_deepseek.py,
// transformers' Llama, Qwen2 and Qwen3 configurations);
// nothing here is hard-coded anywhere else. policy/files/config_hf reads and writes it.
#ifndef POLICY_MODEL_H
#define POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Family { FAMILY_MLA_MOE, FAMILY_DENSE } Family;
// The published families of FAMILY_DENSE: which model_type is written. What they compute is said by
// the switches.
typedef enum DenseKind { DENSE_LLAMA, DENSE_MISTRAL, DENSE_QWEN2, DENSE_QWEN3 } DenseKind;
typedef enum Precision { PRECISION_FP32, PRECISION_BF16, PRECISION_FP8 } Precision;
typedef enum MlaForm { MLA_ABSORBED, MLA_EXPANDED } MlaForm;
typedef enum RouterScore { ROUTER_SIGMOID, ROUTER_SOFTMAX } RouterScore;
// noaux_tc: V3, a group's score is the sum of its two best biased scores. group_limited_greedy: V2,
// its best score. greedy: V2-Lite, no groups.
typedef enum RouterTopk { TOPK_NOAUX_TC, TOPK_GROUP_LIMITED, TOPK_GREEDY } RouterTopk;

typedef struct RopeConfig {
    double theta;
    bool yarn; // rope_scaling.type == "yarn"; the rest is then read
    double factor, beta_fast, beta_slow, mscale, mscale_all_dim;
    int original_max_position;
    bool llama3; // rope_type "llama3": factor, original_max_position and these
    double low_freq_factor, high_freq_factor;
} RopeConfig;

// The published DeepSeek code makes q_a_layernorm and kv_a_layernorm without rms_norm_eps: they
// keep their class's 1e-6, whatever config.json says.
#define MLA_LATENT_EPS 1e-6f

typedef struct ModelConfig {
    Family family;
    int vocab_size, hidden_size, intermediate_size, n_layers, n_heads, max_position;
    double rms_norm_eps; // of all norms but those of MLA's latents (MLA_LATENT_EPS)
    double initializer_range;
    bool tie_word_embeddings;
    int32_t bos_id, eos_id; // -1 where absent
    RopeConfig rope;
    // dense: grouped-query attention over the whole head, rotated by halves
    DenseKind dense;
    int n_kv_heads, head_dim;        // n_kv_heads divides n_heads; head_dim is even
    bool qkv_bias, o_bias, mlp_bias; // biases of q, k, v; of o; of gate, up, down
    bool qk_norm;                    // an RMSNorm of every query's and key's head, before RoPE
    // MLA
    int q_lora_rank; // 0: plain q_proj
    int kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim;
    // DeepSeekMoE
    int first_k_dense, moe_layer_freq, moe_intermediate_size, n_routed_experts, n_shared_experts;
    int n_experts_per_tok, n_group, topk_group;
    bool norm_topk_prob;
    double routed_scaling_factor;
    RouterScore scoring;
    RouterTopk topk_method;
    // MTP modules (DeepSeek-V3, section 2.2), the layers n_layers .. : in the folder it came from
    // (num_nextn_predict_layers), and computed here. Others of the folder are carried along.
    int n_mtp_published, n_mtp;
    // how it is computed here; not part of the architecture
    Precision precision;
    MlaForm mla_form;
    bool drop_mtp; // MTP modules are left out of saved folders
} ModelConfig;

// Query-key width of a head, and values cached per token and layer: the latent and the rotated key,
// or keys (their width rounded up to 32) and values of every key-value head.
static inline int model_qk_dim(const ModelConfig *m) {
    if (m->family == FAMILY_DENSE) return m->head_dim;
    return m->qk_nope_head_dim + m->qk_rope_head_dim;
}
// Values of a query or key that are rotated.
static inline int model_rope_dim(const ModelConfig *m) {
    return m->family == FAMILY_DENSE ? m->head_dim : m->qk_rope_head_dim;
}
static inline int model_v_dim(const ModelConfig *m) {
    return m->family == FAMILY_DENSE ? m->head_dim : m->v_head_dim;
}
static inline int model_cache_dim(const ModelConfig *m) {
    if (m->family == FAMILY_DENSE)
        return m->n_kv_heads * (((m->head_dim + 31) & ~31) + m->head_dim);
    return m->kv_lora_rank + m->qk_rope_head_dim;
}
// Is the cache bf16? A dense model's keys and values are rounded to bf16 in bf16 and fp8, wherever
// they are used; latents and fp32 models stay fp32.
static inline bool model_cache_bf16(const ModelConfig *m) {
    return m->family == FAMILY_DENSE && m->precision != PRECISION_FP32;
}
// Bytes of the cache for one token and layer; in bf16 values are rounded up in width as keys are.
static inline size_t model_cache_bytes(const ModelConfig *m) {
    if (model_cache_bf16(m))
        return (size_t)m->n_kv_heads * (size_t)((m->head_dim + 31) & ~31) * 2 * sizeof(uint16_t);
    return (size_t)model_cache_dim(m) * sizeof(float);
}
static inline bool model_is_moe(const ModelConfig *m, int layer) {
    return m->family == FAMILY_MLA_MOE && m->n_routed_experts > 0 && layer >= m->first_k_dense &&
           layer % (m->moe_layer_freq > 0 ? m->moe_layer_freq : 1) == 0;
}

#ifdef __cplusplus
}
#endif
#endif
