// policy/files/config_hf.h -- ModelConfig from and to Hugging Face's config.json.
//
// Layer 2 (policy/files). Reads model_type deepseek_v3, deepseek_v2, llama, mistral, qwen2 and
// qwen3, in the keys of the published models and in those newer transformers write (rope_parameters
// for rope_theta and rope_scaling, rope_type for type, dtype for torch_dtype). Unknown keys are
// ignored. Our own switches are in an object "grpo": {"precision": "fp32|bf16|fp8", "mla_form":
// "absorbed|expanded"}; absent = bf16, absorbed. ST_IO; ST_FORMAT names file, line and key;
// ST_UNSUPPORTED a model that is not built.
#ifndef POLICY_FILES_CONFIG_HF_H
#define POLICY_FILES_CONFIG_HF_H

#include <stddef.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

MUST_USE Status config_hf_parse(const char *text, size_t size, const char *name, ModelConfig *out);
// A config.json, or a folder that holds one.
MUST_USE Status config_hf_read(const char *path, ModelConfig *out);
// Appends our own object, {"precision": ..., "mla_form": ...}.
void config_hf_write_grpo(const ModelConfig *model, Str *out);
// Appends config.json: the dense family's own model_type; deepseek_v3, or deepseek_v2 where the
// router is a softmax. `dtype` is that
// of the stored weights in torch's words ("float32", "bfloat16").
void config_hf_write(const ModelConfig *model, const char *dtype, Str *out);

#ifdef __cplusplus
}
#endif
#endif
