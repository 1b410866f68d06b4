// verifiers/math/tree/reader.h -- from a text to its tree.
//
// Layer 3 (verifiers). Recursive descent, at most MATH_MAX_DEPTH levels. What is no mathematics but
// has words is a text; what is neither cannot be read.
//
//   answer    item {, item}                 also ; and "and" "or"
//   item      ratio {= < <= in ... ratio}
//   ratio     union {: union}
//   union     sum {\cup sum}                also \cap \setminus
//   sum       [+-] term {+- term}           also \pm \mp
//   term      factor {* / or nothing, factor} [unit]
//   factor    atom {^ ! % degree _base}
#ifndef VERIFIERS_MATH_TREE_READER_H
#define VERIFIERS_MATH_TREE_READER_H

#include "verifiers/math/tree/latex.h"

#ifdef __cplusplus
extern "C" {
#endif

// NULL if it cannot be read (or is over budget: w->over). *grouped: a bare comma was taken for a
// separator of thousands; reading with group = false gives the list instead.
Expr *reader_read(Work *w, Slice text, bool group, bool *grouped);

#ifdef __cplusplus
}
#endif
#endif
