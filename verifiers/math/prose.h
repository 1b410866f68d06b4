// verifiers/math/prose.h -- the formula or the number that a sentence ends with.
//
// Layer 3 (verifiers).
#ifndef VERIFIERS_MATH_PROSE_H
#define VERIFIERS_MATH_PROSE_H

#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

// A whole answer that is a sentence, where the task says that the text is the answer: the formula
// in it that is the last between signs, or the number it ends with. No text (NULL) where the last
// sentence denies it, bounds it, or names others beside it.
Slice prose_formula(Slice text);

#ifdef __cplusplus
}
#endif
#endif
