// policy/files/gguf/gguf_vocab.h -- the tokenizer inside a GGUF file, both ways.
//
// Layer 2 (policy/files). Reading gives a Vocabulary (policy/text/tokenwrite makes tokenizer.json
// of it); padding tokens that llama.cpp's converter appends ("[PAD151700]", unused) are left out.
// Writing takes tokenizer.json and finds llama.cpp's name of its pre-tokenizer. ST_FORMAT;
// ST_UNSUPPORTED: a tokenizer that GGUF has no name for.
#ifndef POLICY_FILES_GGUF_VOCAB_H
#define POLICY_FILES_GGUF_VOCAB_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/status.h"
#include "policy/files/gguf/gguf.h"
#include "policy/files/gguf/gguf_write.h"
#include "policy/model.h"
#include "policy/text/tokenwrite.h"

#ifdef __cplusplus
extern "C" {
#endif

bool gguf_has_vocab(const Gguf *file);
// Texts are copied into the arena.
MUST_USE Status gguf_vocab(const Gguf *file, Vocabulary *out, Arena *arena);

// From the files of a model folder; without a tokenizer.json the model "no_vocab".
MUST_USE Status gguf_put_vocab(const char *folder, const ModelConfig *model, GgufKeys *keys);

#ifdef __cplusplus
}
#endif
#endif
