// verifiers/math/residue.h -- a tree's value in the field of p = 2^61 - 31 elements.
//
// Layer 3 (verifiers). Two rational functions that agree at a random point of a field of p elements
// are the same but for a chance of degree/p (Schwartz 1980, Zippel 1979); two that differ are not.
// No term is ever expanded, so (x+y+z+1)^1000 costs what x costs, and 10^{10^{10}} is a number like
// any other. Letters, pi and e are independent unknowns; i is a root of -1, which p = 1 mod 4 has.
#ifndef VERIFIERS_MATH_RESIDUE_H
#define VERIFIERS_MATH_RESIDUE_H

#include "verifiers/math/rational.h"

#ifdef __cplusplus
extern "C" {
#endif

// At random point number `point` (of Work.seed). VALUE_NONE: not a rational function.
ValueStatus residue_value(Work *w, const Expr *e, int point, uint64_t *out);
uint64_t residue_times(uint64_t a, uint64_t b);
// A random number that belongs to a name and a point.
uint64_t work_random(const Work *w, uint64_t hash, int point);
uint64_t name_hash(Slice name);

#ifdef __cplusplus
}
#endif
#endif
