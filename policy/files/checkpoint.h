// policy/files/checkpoint.h -- a model folder is Hugging Face's; run state is ours and is
// apart.
//
// Layer 2 (policy/files). Model folder: config.json, model*.safetensors (+ index), tokenizer.json,
// generation_config.json: opens in transformers with no code of ours. State file: masters, moments,
// step counters as one checksummed file. Everything is written to a new place, synced and renamed:
// a full disk or a kill leaves the older one whole. Codes: ST_IO, ST_FORMAT (the sentence names
// file and tensor), ST_CONFIG.
#ifndef POLICY_FILES_CHECKPOINT_H
#define POLICY_FILES_CHECKPOINT_H

#include "base/status.h"
#include "policy/policy.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

// Reads config.json of a model folder. precision and mla_form come from "grpo" keys there if
// present, else bf16 / absorbed.
MUST_USE Status checkpoint_config(const char *folder, ModelConfig *out);
// Fills every parameter of a policy made from that config, then syncs. Missing, extra, misshapen
// tensors and numbers that are not finite are errors by name; the masters are then undefined.
// What else the folder holds goes along when the policy is saved (policy/files/extras).
// A look at the headers of its weights: ST_FORMAT where checkpoint_load would miss a tensor, find
// one of another shape or one too many.
MUST_USE Status checkpoint_look(const char *folder, const ModelConfig *model);
MUST_USE Status checkpoint_load(const char *folder, Policy *policy);
// dtype of the stored weights: "f32", "bf16" or "f16" (the selection bias stays F32). tokenizer may
// be NULL.
MUST_USE Status checkpoint_save(const char *folder, Policy *policy, const Tokenizer *tokenizer,
                                const char *dtype);

// Masters, moments and counters, exactly (fp32). `extra` is the caller's own bytes (position, rng,
// config hash), carried verbatim.
MUST_USE Status checkpoint_state_save(const char *path, Policy *policy, const void *extra,
                                      size_t extra_size);
MUST_USE Status checkpoint_state_load(const char *path, Policy *policy, void **extra,
                                      size_t *extra_size, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
