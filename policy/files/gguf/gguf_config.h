// policy/files/gguf/gguf_config.h -- ModelConfig from and to the metadata of a GGUF file.
//
// Layer 2 (policy/files). Architectures llama (Llama, Mistral, SmolLM2), qwen2, qwen3 and deepseek2
// (DeepSeek-V2, V3, R1), in the keys of llama.cpp's converters. Numbers stored as F32 become the
// shortest decimal that reads back the same F32 (1e-05, not 9.99999974738e-06). Llama-3's rope
// scaling lies in a tensor, rope_freqs.weight: gguf_config finds the published parameters that give
// it. ST_FORMAT names file and key; ST_UNSUPPORTED an architecture or scaling that is not built.
#ifndef POLICY_FILES_GGUF_CONFIG_H
#define POLICY_FILES_GGUF_CONFIG_H

#include "base/status.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/gguf/gguf_write.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

MUST_USE Status gguf_config(const Gguf *file, ModelConfig *out);

// llama.cpp's name of the architecture: "llama", "qwen2", "qwen3", "deepseek2"; ST_UNSUPPORTED
// where it has none for this model.
MUST_USE Status gguf_architecture(const ModelConfig *model, const char **out);
void gguf_put_config(const ModelConfig *model, GgufKeys *keys);

// Divisors of llama3's frequencies, [head_dim / 2] (llama.cpp's rope_freqs.weight).
void gguf_rope_freqs(const ModelConfig *model, float *out);

#ifdef __cplusplus
}
#endif
#endif
