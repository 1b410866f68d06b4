// verifiers/math/tree/numeral.h -- one written number: digits, separators, point, e-12.
//
// Layer 3 (verifiers). Read are 12  007  .5  330.  2.9e33  and groups of exactly three digits
// behind one to three:  1{,}236  1,\!236  1\,236  1 236  1'236  (the blank may be any of
// Unicode's), where `commas` allows it 1,236 and 1,236.50, and 1.234.567 and 1.234.567,89.
#ifndef VERIFIERS_MATH_TREE_NUMERAL_H
#define VERIFIERS_MATH_TREE_NUMERAL_H

#include "verifiers/math/tree/expr.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Numeral {
    Slice digits; // without separators and point; a view into the text, or into `room`
    int32_t exp10;
    bool plain; // nothing but digits
    bool comma; // a bare comma was taken for a separator
} Numeral;

// 1,050 at p: a group behind a comma begins with a zero, as no number of a list does.
bool numeral_has_zero_group(const char *p, const char *end);

// *p is on a digit, or on a point before one; afterwards behind the number. False: over budget.
// `room` takes the digits: as many bytes as the text has; it moves behind them.
bool numeral_take(Work *w, const char **p, const char *end, bool commas, char **room, Numeral *out);

#ifdef __cplusplus
}
#endif
#endif
