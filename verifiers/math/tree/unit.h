// verifiers/math/tree/unit.h -- units: what a text as "kJ/mol" or "square feet" measures.
//
// Layer 3 (verifiers). A unit is a product of powers of the units of one table: SI with its
// prefixes, imperial ones, time, angle, temperature, information and currencies. Symbols are read
// in their case (mW is not MW), words in any. Sources: the SI Brochure (BIPM, 9th edition), NIST
// Handbook 44 appendix C for the imperial units.
#ifndef VERIFIERS_MATH_TREE_UNIT_H
#define VERIFIERS_MATH_TREE_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { UNIT_DIMENSIONS = 10, UNIT_MAX_FACTORS = 8, UNIT_NAME_BYTES = 96 };

typedef struct UnitFactor {
    int row;    // of the table
    int prefix; // its power of ten
    int power;
} UnitFactor;

typedef struct Unit {
    UnitFactor factor[UNIT_MAX_FACTORS];
    int n;
    bool weak; // a single letter, or a word that may be one: no unit without a sign that it is one
} Unit;

// Reads all of a plain text (tail.h makes one out of LaTeX) as a unit; false if it is none.
bool unit_read(Slice text, Unit *out);
// One name for all spellings, "km h^-1"; "" where the unit says nothing ("square units").
void unit_name(const Unit *unit, char out[UNIT_NAME_BYTES]);
// Two names that unit_name wrote: the same unit? "pound" is a mass and a currency.
bool unit_same_name(Slice a, Slice b);
// The factor from unit `a` to unit `b`, both by name: 1 a = up / down * 10^exp b. False where the
// dimensions differ or it is no factor (temperatures, currencies).
bool unit_convert(Slice a, Slice b, int64_t *up, int64_t *down, int *exp10);
// CJK words of units: the length of the one that `text` begins with, 0 if none; *plain its
// spelling in the table's words.
size_t unit_cjk(Slice text, const char **plain);

#ifdef __cplusplus
}
#endif
#endif
