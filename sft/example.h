// sft/example.h -- from a document to the tokens it is trained on, with a mask.
//
// Layer 4 (sft). Prompt and response are encoded apart, so that the border between them is the one
// a sampler sees, and the end token follows the response.
#ifndef SFT_EXAMPLE_H
#define SFT_EXAMPLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "datasets/task.h"
#include "policy/text/chat.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ExampleMask {
    EXAMPLE_ALL,     // every token but the first is trained
    EXAMPLE_RESPONSE // only the response and the end token
} ExampleMask;
#define EXAMPLE_MASK_CHOICES "all|response" // for a ConfigKey, in the enum's order

typedef struct Example {
    int32_t *token; // [n]
    uint8_t *want;  // [n] 1 = trained; want[0] is 0
    int n;
} Example;

// Fills *out from the document; its arrays live in the arena. eos_id < 0: no end token. The
// tokenizer's own rule for a leading token is applied to the document's beginning. chat (may be
// NULL): a document with a prompt is a turn of that template, and the token that ends a turn there
// follows its response in place of eos_id.
//
// A conversation (which wants a template, ST_CONFIG) is rendered as written before its last
// reply; that one follows as it was written, with what ends a turn. With EXAMPLE_RESPONSE all of
// the assistant's turns are trained, each with what ends it, but not an earlier one that the
// template changes (Qwen3 and R1 drop the thoughts of earlier replies). One that the template
// refuses (Llama-2 wants turns in turn) has no tokens: n is 0.
MUST_USE Status example_encode(const Tokenizer *tokenizer, const Chat *chat,
                               const Document *document, ExampleMask mask, int32_t eos_id,
                               Example *out, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
