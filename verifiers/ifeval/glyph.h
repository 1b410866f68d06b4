// verifiers/ifeval/glyph.h -- characters as Python sees them: white space, words, case.
//
// Layer 3 (verifiers). On utf8proc's categories. A byte that is not UTF-8 is one U+FFFD. ASCII
// takes the short way.
#ifndef VERIFIERS_IFEVAL_GLYPH_H
#define VERIFIERS_IFEVAL_GLYPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verifiers/boxed.h"

#ifdef __cplusplus
extern "C" {
#endif

// The character at p (p < end); *n bytes.
uint32_t glyph_next(const char *p, const char *end, size_t *n);
// The character that ends at p (begin < p).
uint32_t glyph_before(const char *begin, const char *p, size_t *n);

bool glyph_is_space(uint32_t c); // str.isspace
bool glyph_is_word(uint32_t c);  // \w: letters, numbers, _
bool glyph_is_upper(uint32_t c);
bool glyph_is_lower(uint32_t c);
uint32_t glyph_lower(uint32_t c);

Slice glyph_strip(Slice s);    // str.strip()
bool glyph_is_blank(Slice s);  // nothing but white space
bool glyph_all_upper(Slice s); // str.isupper(): some cased letter, none in lower case
bool glyph_all_lower(Slice s);
// Do the characters of `prefix` begin (`suffix` end) the text, case apart?
bool glyph_begins(Slice text, Slice prefix);
bool glyph_ends(Slice text, Slice suffix);

#ifdef __cplusplus
}
#endif
#endif
