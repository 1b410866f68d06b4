// verifiers/number.h -- are two written numbers the same number? Exactly, of any size.
//
// Layer 3 (verifiers). A number is +-N/D * 10^E with integers N, D of any length (GMP): never a
// float, no tolerance. Read are
//   integers and decimals  12  007  -3.50  .5  330.  +1  U+2212 for minus
//   thousands              1,236  1{,}236  1,\!236  1\,236: groups of exactly three digits
//   fractions              3/4  \frac{3}{4}  \frac34  \dfrac \tfrac \cfrac  (3)/(4)  3 \div 4
//   mixed                  2\frac{1}{3}  2 1/3
//   powers of ten          1.2e-5  1.2 \times 10^{-5}  1.2*10^-5  10^{30}
//   percent                50\%  50%  50\text{ percent} are 1/2, not 50
//   around a number        $..$  \(..\)  {..}  \text{..}  "x =", a currency sign
//   words behind it        math/tree/tail.h: 7 thousand, 3 halves, 0.3 repeating are other numbers;
//                          a unit or noun may be left out, but two of them must be equal
// and nothing else: 2+3 or \sqrt{4} is not a written number, nor is "7 if even". Full-width digits
// and signs are read as the plain ones (folding.h).
#ifndef VERIFIERS_NUMBER_H
#define VERIFIERS_NUMBER_H

#include <stddef.h>

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NUMBER_MAX_BYTES = 16384 }; // a longer text is not read as a number

// Right or wrong; error if the gold is no number. *reason is a literal.
Verdict number_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                       const char **reason);

// The judge "number": the answer (boxed.h) of a response that ended by itself against the gold.
// A gold may itself be boxed or stand behind "####".
Judgement number_judge(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
