// policy/text/unicode.h -- what every character is, as Hugging Face's tokenizers sees it.
//
// Layer 2 (policy/text). Its regex engine follows Unicode 16, its normal forms Unicode 9, its Rust
// parts Unicode 17: what a system's PCRE2 and utf8proc know may be older or newer. So the classes
// stand in a table of our own (tests/golden/make_unicode.py asked the library). No error leaves
// this file; all of it may be called from any thread.
#ifndef POLICY_FILES_UNICODE_H
#define POLICY_FILES_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum UnicodeKind { // the low four bits of a class
    UC_OTHER,              // controls, unassigned
    UC_LU,
    UC_LL,
    UC_LT,
    UC_LM,
    UC_LO,
    UC_MARK,
    UC_DIGIT,  // Nd
    UC_NUMBER, // Nl, No
    UC_PUNCT,
    UC_SYMBOL,
    UC_SPACE, // White_Space
} UnicodeKind;

enum {
    UC_KIND = 15,
    UC_WORD = 16,    // \w of Rust's regex
    UC_PUNCTS = 32,  // of the pre-tokenizer Punctuation
    UC_NUMERIC = 64, // of the pre-tokenizer Digits
    UC_INERT = 128,  // newer than the normal forms: neither moves nor composes
    UC_POINTS = 0x110000
};

// [UC_POINTS] the class of every code point.
const uint8_t *unicode_classes(void);

// The code point at text[at] of a valid UTF-8 text; returns where the next one begins.
static inline size_t unicode_next(const char *text, size_t at, int32_t *c) {
    const unsigned char *s = (const unsigned char *)text + at;
    if (s[0] < 0x80) return *c = s[0], at + 1;
    if (s[0] < 0xE0) return *c = (s[0] & 0x1F) << 6 | (s[1] & 0x3F), at + 2;
    if (s[0] < 0xF0) return *c = (s[0] & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F), at + 3;
    *c = (s[0] & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
    return at + 4;
}
void unicode_put(int32_t c, Str *out); // as UTF-8

// A regex as Hugging Face's engine reads it, for PCRE2 with UTF and UCP: \s becomes White_Space,
// and a class like \p{L} gets the characters that this PCRE2 does not know yet.
void unicode_regex(const char *regex, size_t size, Str *out);

// Normal forms. `compat`: NFKC, NFKD. False: the text is in that form already, *out is untouched;
// also for more than 1024 marks in a row, which cost quadratic time.
bool unicode_normal(const char *text, size_t size, bool compose, bool compat, Str *out);

#ifdef __cplusplus
}
#endif
#endif
