// verifiers/designator.h -- what follows the letter of a choice: its text, or a second choice.
//
// Layer 3 (verifiers). Shared by the judges choice and math.
#ifndef VERIFIERS_DESIGNATOR_H
#define VERIFIERS_DESIGNATOR_H

#include <stdbool.h>

#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

// Does the text behind a letter, as in "(B) two", name another one or take it back? "(B) two (C)
// three", "B: two, C: three", "B or C", "(B) is wrong" do; "(E) vitamin C" does not.
bool designator_hedged(Slice rest);

#ifdef __cplusplus
}
#endif
#endif
