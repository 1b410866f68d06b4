// policy/text/decoder.h -- the decoder of a tokenizer.json: what a token's spelling stands for.
//
// Layer 2 (policy/text), private to tokenfile.c. ByteLevel, Metaspace, ByteFallback, Replace
// (String), Strip, Fuse and Sequence, which together say what bytes each token is, and what is cut
// off at the ends of a whole text. ST_FORMAT, ST_UNSUPPORTED.
#ifndef POLICY_FILES_DECODER_H
#define POLICY_FILES_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// Code points of the byte alphabet (GPT-2's printable stand-ins for bytes) lie below this.
enum { DECODER_ALPHABET = 0x100 + 0x44, DECODER_STEPS = 8 };

typedef enum DecoderKind {
    DECODER_BYTE_LEVEL,
    DECODER_FALLBACK, // <0x0A> is a byte
    DECODER_REPLACE,
    DECODER_STRIP
} DecoderKind;

typedef struct DecoderStep {
    DecoderKind kind;
    const char *from, *to; // of Replace; views into `texts`
    size_t n_from, n_to;
    char strip; // the character that Strip takes, at most so many
    int start, stop;
} DecoderStep;

typedef struct Decoder {
    DecoderStep step[DECODER_STEPS];
    int n_steps;
    bool byte_level;
    bool fused; // later steps see the whole text
    char edge;  // taken off the ends of a whole text, at most so many
    int edge_start, edge_stop;
    bool first_bare;                   // Metaspace: the first token loses all its blanks at once
    int16_t byte_of[DECODER_ALPHABET]; // byte a stand-in means, -1: none
} Decoder;

// `keep` copies a text to where it lives as long as the decoder.
typedef char *DecoderKeep(void *ctx, const char *text, size_t size);
MUST_USE Status decoder_parse(const JsonDoc *doc, const Json *node, DecoderKeep *keep, void *ctx,
                              Decoder *out);
// Appends the bytes of a token spelled so. `added`: an added token, which is its own text.
void decoder_bytes(const Decoder *decoder, const char *token, size_t size, bool added, Str *out);
// Writes the bytes that a text in the byte alphabet stands for; false if some character is none.
bool decoder_from_alphabet(const Decoder *decoder, const char *text, size_t size, char *out,
                           size_t *n);

#ifdef __cplusplus
}
#endif
#endif
