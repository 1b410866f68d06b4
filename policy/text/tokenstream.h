// policy/text/tokenstream.h -- tokens to text as they come, in whole characters.
//
// Layer 2 (policy/text). A token may end inside a character; its bytes then wait for the next one.
// Together the pieces are what tokenizer_decode gives, but for bytes that are no UTF-8: each
// becomes U+FFFD, so every piece can be shown. No error leaves this file.
#ifndef POLICY_FILES_TOKENSTREAM_H
#define POLICY_FILES_TOKENSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct TokenStream { // set the first two, the rest zero
    const Tokenizer *tokenizer;
    bool skip_special;
    bool begun;
    char held[4]; // the beginning of a character
    size_t n_held;
} TokenStream;

// Appends the characters that are complete now.
void tokenstream_add(TokenStream *stream, int32_t id, Str *out);
// What is still held back, when no more tokens come. The stream may then begin anew.
void tokenstream_end(TokenStream *stream, Str *out);

#ifdef __cplusplus
}
#endif
#endif
