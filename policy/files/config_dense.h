// policy/files/config_dense.h -- config.json of the dense families: llama, mistral, qwen2, qwen3.
//
// Private to policy/files.
#ifndef POLICY_FILES_CONFIG_DENSE_H
#define POLICY_FILES_CONFIG_DENSE_H

#include "policy/files/config_value.h"

#ifdef __cplusplus
extern "C" {
#endif

// Is `model_type` one of ours? Then *kind is it.
bool config_dense_kind(const char *model_type, DenseKind *kind);
// Fills what is the family's own, after model->dense and the keys that all models share.
MUST_USE Status config_dense_read(const ConfigReader *r);
// Appends architectures, model_type and the family's own keys.
void config_dense_write(const ModelConfig *model, Str *out);

#ifdef __cplusplus
}
#endif
#endif
