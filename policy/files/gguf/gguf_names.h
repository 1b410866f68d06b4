// policy/files/gguf/gguf_names.h -- which tensor of GGUF is which of Hugging Face's, and its shape.
//
// Layer 2 (policy/files). The names are those of llama.cpp's converters.
#ifndef POLICY_FILES_GGUF_NAMES_H
#define POLICY_FILES_GGUF_NAMES_H

#include "base/arena.h"
#include "base/status.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum GgufForm {
    GGUF_PLAIN,
    GGUF_PERMUTE_Q, // rows of heads, which llama interleaves
    GGUF_PERMUTE_K,
    GGUF_EXPERTS, // one of a stack
    GGUF_KV_B,    // may be two tensors
    GGUF_ROUTER,
    GGUF_SCORE_BIAS
} GgufForm;

typedef struct GgufName {
    const char *gguf, *hf; // in the arena; of an expert's matrix gguf is the stack's name
    int n_dims;
    int64_t dim[4]; // as Hugging Face has it; of an expert's matrix, that one
    GgufForm form;
    int heads;         // whose rows are turned; 0: none
    int layer, expert; // -1: outside the layers; 0 of what is no expert's
} GgufName;

typedef Status GgufNameFn(void *ctx, const GgufName *name);

// Every tensor of the model, experts of one stack in their order. A failure of fn ends the walk.
MUST_USE Status gguf_names_walk(const ModelConfig *model, Arena *arena, GgufNameFn *fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
