// policy/files/weights.h -- the tensors of a model, wherever they lie, under Hugging Face's names.
//
// Layer 2 (policy/files). For looking at models without a Policy: a folder or a GGUF file becomes a
// list of tensors that give their rows as fp32. ST_IO, ST_FORMAT, ST_UNSUPPORTED as the readers.
#ifndef POLICY_FILES_WEIGHTS_H
#define POLICY_FILES_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/safetensors.h"
#include "policy/files/tensor_source.h"
#include "policy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FileWeight {
    TensorSource source;
    const char *dtype; // as stored: "BF16", "Q4_1"
    int64_t values;
} FileWeight;

typedef struct Weights {
    ModelConfig model;
    FileWeight *weight; // [n] sorted by name; scales of FP8 tensors are part of those
    int n, skipped;     // skipped: of a GGUF file, tensors that have no place here
    bool tokenizer;
    uint64_t bytes; // of all tensors, as stored
    Arena *arena;
    Gguf *gguf; // one of the two
    SafeTensors *safe;
} Weights;

MUST_USE Status weights_open(const char *path, Weights *out);
void weights_close(Weights *weights); // of a zeroed one: nothing

#ifdef __cplusplus
}
#endif
#endif
