// policy/text/tokenizer.h -- BPE, byte-level or SentencePiece's, from a tokenizer.json.
//
// Layer 2 (policy/text). The ids of Hugging Face's `tokenizers`, and a byte-level vocabulary gives
// any bytes back exactly (invalid UTF-8 included). Read-only after loading but for a cache that
// changes no result, so one Tokenizer serves all threads. ST_FORMAT, ST_IO; ST_UNSUPPORTED names a
// component of tokenizer.json that is not built.
#ifndef POLICY_FILES_TOKENIZER_H
#define POLICY_FILES_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Tokenizer Tokenizer;

MUST_USE Status tokenizer_load(const char *path,
                               Tokenizer **out); // tokenizer.json, or a model folder that holds one
MUST_USE Status tokenizer_parse(const char *text, size_t size, const char *name, Tokenizer **out);
void tokenizer_free(Tokenizer *tokenizer);

int tokenizer_size(const Tokenizer *tokenizer); // highest id + 1
int32_t tokenizer_id(const Tokenizer *tokenizer,
                     const char *token); // by content ("</think>"); -1 if none
// The bytes a token stands for; a view into the tokenizer.
const char *tokenizer_bytes(const Tokenizer *tokenizer, int32_t id, size_t *size);
bool tokenizer_is_special(const Tokenizer *tokenizer, int32_t id);

// What the post-processor puts after a text, which tokenizer_encode leaves to the caller: a prompt
// must stay open. Returns how many.
int tokenizer_eos(const Tokenizer *tokenizer, const int32_t **ids);

// Ids of a text, valid UTF-8 or not. `specials`: special tokens in the text become their ids
// (false: they are plain text, as for a user's words); other added tokens always do, as in Hugging
// Face's library. `bos`: apply the post-processor's own rule for leading tokens. Result in the
// arena; *n its length. ST_FORMAT: a text over 128 MiB.
MUST_USE Status tokenizer_encode(const Tokenizer *tokenizer, const char *text, size_t size,
                                 bool specials, bool bos, int32_t **ids, int *n, Arena *arena);
// Appends the bytes of the tokens, decoded as one text: a decoder that strips does so at its ends.
// skip_special leaves special tokens out.
void tokenizer_decode(const Tokenizer *tokenizer, const int32_t *ids, int n, bool skip_special,
                      Str *out);
// The bytes of one token within such a text; `first`: nothing is before it. A view.
const char *tokenizer_text(const Tokenizer *tokenizer, int32_t id, bool first, size_t *size);
// The text of tokenizer.json as it was read, for saving next to weights.
const char *tokenizer_json(const Tokenizer *tokenizer, size_t *size);

#ifdef __cplusplus
}
#endif
#endif
