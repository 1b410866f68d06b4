// policy/files/gguf/gguf_map.h -- a model's tensors under Hugging Face's names and under GGUF's.
//
// Layer 2 (policy/files). The list of a model's tensors follows from its ModelConfig; both
// directions walk it, so a tensor that is missing, misshapen or has no place is named, with the
// shape that was expected. What differs between the two besides names (llama.cpp's converters):
//   llama      rows of q and k: a head's halves (the rotated pairs are i and i + d/2) stand
//              interleaved in GGUF (pairs 2i and 2i + 1)
//   deepseek2  an expert's matrices are stacked, [experts, out, in]; kv_b is stored as k_b, of each
//              head transposed, and v_b (older files: as it is)
#ifndef POLICY_FILES_GGUF_MAP_H
#define POLICY_FILES_GGUF_MAP_H

#include "base/arena.h"
#include "base/status.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/safetensors.h"
#include "policy/files/tensor_source.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Every tensor of the model as Hugging Face has it, read from the GGUF file. *skipped: tensors of
// the file that are passed over (those of layers that predict further tokens). Sources borrow both.
MUST_USE Status gguf_map_import(const Gguf *file, const ModelConfig *model, TensorSource **source,
                                int *n, int *skipped, Arena *arena);

// Is every tensor of the model there, in its shape, and none besides but those that are passed
// over?
MUST_USE Status gguf_map_check(const SafeTensors *file, const ModelConfig *model, Arena *arena);

typedef struct GgufExport {
    TensorSource *source;
    const GgufType *const *type;
    int n, skipped; // skipped: tensors of layers that predict further tokens, which have no place
} GgufExport;

// Every tensor as GGUF has it, read from safetensors; and the type that suits it: F32 for vectors
// and the router, else `type`, or F16 where a row is no whole number of its blocks.
MUST_USE Status gguf_map_export(const SafeTensors *file, const ModelConfig *model,
                                const GgufType *type, GgufExport *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
