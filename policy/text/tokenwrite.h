// policy/text/tokenwrite.h -- a tokenizer.json made from a GGUF's bare vocabulary.
//
// Layer 2 (policy/text). Tokens and merges come as they are stored there; the splitting,
// normaliser, decoder and special tokens follow from `model` and `pre` (the names of
// tokenizer.ggml.model and tokenizer.ggml.pre), so that Hugging Face's library and tokenizer_load
// read the same tokenizer the GGUF was made from. A "llama" (SentencePiece) vocabulary has scores
// in place of merges: the merges are derived from them, as Hugging Face's converter does.
// ST_FORMAT; ST_UNSUPPORTED names a `model` or `pre` that is not known.
#ifndef POLICY_FILES_TOKENWRITE_H
#define POLICY_FILES_TOKENWRITE_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum VocabType { // tokenizer.ggml.token_type
    VOCAB_NORMAL = 1,
    VOCAB_UNKNOWN,
    VOCAB_CONTROL, // a special token
    VOCAB_USER,    // an added token that is text
    VOCAB_UNUSED,
    VOCAB_BYTE
} VocabType;

typedef struct Vocabulary {   // all borrowed
    const char *model;        // "gpt2": byte-level BPE; "llama": SentencePiece with byte fallback
    const char *pre;          // "smollm", "qwen2", "llama-bpe", ...; NULL or "default": GPT-2's
    const char *const *token; // [n_tokens] zero-terminated UTF-8, in the byte alphabet for "gpt2"
    const int32_t *type;      // [n_tokens] VocabType; NULL: all normal
    const float *score;       // [n_tokens] of "llama"; else NULL
    const char *const *merge; // [n_merges] "a b" in order of rank
    int n_tokens, n_merges;
    int bos_id, eos_id, pad_id, unk_id;     // -1: none
    int add_bos, add_eos, add_space_prefix; // 0, 1; -1: the file does not say
    const char *chat_template;              // NULL: none
} Vocabulary;

// Appends the text of tokenizer.json. On failure `out` is as it was.
MUST_USE Status tokenwrite_json(const Vocabulary *vocabulary, Str *out);
// Appends the text of the tokenizer_config.json that belongs to it.
void tokenwrite_config(const Vocabulary *vocabulary, Str *out);

#ifdef __cplusplus
}
#endif
#endif
