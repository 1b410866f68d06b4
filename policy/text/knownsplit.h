// policy/text/knownsplit.h -- the pre-tokenizers of well-known families, matched by hand.
//
// Layer 2 (policy/text). Each cuts exactly as its regexes do in Hugging Face's library, several
// times faster than a regex engine; tests/test_knownsplit.c holds them to PCRE2. No function fails.
#ifndef POLICY_FILES_KNOWNSPLIT_H
#define POLICY_FILES_KNOWNSPLIT_H

#include <stddef.h>

#include "policy/text/pieces.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum KnownSplit {
    KNOWN_NONE,
    KNOWN_GPT2,     // KNOWN_REGEX_GPT2
    KNOWN_SMOLLM,   // every digit alone, then GPT-2's regex in what is left
    KNOWN_QWEN,     // KNOWN_REGEX_QWEN: numbers digit by digit
    KNOWN_LLAMA3,   // the same with up to three digits
    KNOWN_DEEPSEEK, // DeepSeek-V3: digits, CJK, KNOWN_REGEX_DEEPSEEK
} KnownSplit;

// As in tokenizer.json, \r and \n written out.
extern const char known_regex_gpt2[], known_regex_qwen[], known_regex_llama3[];
extern const char known_regex_digits[], known_regex_cjk[], known_regex_deepseek[];

// Appends the pieces of text[begin, end), valid UTF-8, to *out; out->text is not touched.
void knownsplit_run(KnownSplit kind, const char *text, size_t begin, size_t end, Pieces *out);

#ifdef __cplusplus
}
#endif
#endif
