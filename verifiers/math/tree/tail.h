// verifiers/math/tree/tail.h -- what the words behind a number say about it.
//
// Layer 3 (verifiers). "7 thousand" is another number than 7, "7 cm" is 7 with a unit, "7 apples" 7
// with a noun, and "7 if even" is no number at all. Read are, in this order and each at most once:
//   a fraction   "and a half", "point five", "halves", "tenths"
//   a multiplier "thousand", "lakh", "crore", "dozen", 万, 억, several in a row
//   a power      "squared", "cubed", "factorial"; or a base: "(base 5)", "in binary"; "repeating"
//   a unit       unit.h; percent and degrees apart
//   a noun       a few words, letters alone, none of which says something about a value
// Everything else is refused: denials, conditions, comparisons, approximations, digits, verbs.
#ifndef VERIFIERS_MATH_TREE_TAIL_H
#define VERIFIERS_MATH_TREE_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TAIL_NAME_BYTES = 96, TAIL_MAX_BYTES = 240 };

typedef struct NumberTail {
    // The value is ((number + add_up / add_down) * up / down * 10^exp10) ^ power.
    int64_t add_up, add_down, up, down;
    int exp10, power;
    bool factorial, percent, degree, repeating;
    int base;                   // 0: none is named
    bool noun;                  // `unit` is a noun, not of the table
    char unit[TAIL_NAME_BYTES]; // the unit's one name (unit.h), or the noun without a plural's s
} NumberTail;

// `text`: all that is behind the number, as it was written (LaTeX or plain). False: refused.
bool tail_read(Slice text, NumberTail *out);
// The text without commands, braces and dress, blanks single: what tail_read looks at. False if it
// holds a command or sign that words do not have, or is longer than TAIL_MAX_BYTES.
bool tail_plain(Slice text, char out[TAIL_MAX_BYTES + 1], size_t *n);
// The length of "and a half", "and three quarters" where the text begins with it, else 0.
size_t tail_addition(Slice text);
// "0.3", "0.333": all digits behind the point are the same, so that "repeating" says which repeat.
bool tail_can_repeat(Slice digits, int exp10);

#ifdef __cplusplus
}
#endif
#endif
