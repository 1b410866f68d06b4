// verifiers/folding.h -- one character for all that look like it.
//
// Layer 3 (verifiers). Full-width digits, letters and signs (５ Ａ ＝ ，), digits of other scripts
// (٣ ३), mathematical letters (𝑥), composed units (㎡ ㎏ ℃), the many minus, times and dot signs,
// quotes and brackets of Chinese and Japanese: each becomes the plain one. What carries a meaning
// of its own stays: ① ² ½ ℝ and letters of words. Never longer than before.
#ifndef VERIFIERS_FOLDING_H
#define VERIFIERS_FOLDING_H

#include <stdbool.h>

#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

// `out` has space for text.size bytes; the number of bytes written. Bytes that are no UTF-8 stay.
size_t folding_into(Slice text, char *out);
bool folding_needed(Slice text);
// The text itself where nothing is to be folded or it is longer than `max`, else a copy that the
// caller frees (*room, which is NULL otherwise).
Slice folding_text(Slice text, size_t max, char **room);

#ifdef __cplusplus
}
#endif
#endif
