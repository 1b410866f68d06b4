// verifiers/slice.h -- a view into a text.
//
// Layer 3 (verifiers). Owns nothing; not ended by a zero byte.
#ifndef VERIFIERS_SLICE_H
#define VERIFIERS_SLICE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Slice {
    const char *data; // NULL: nothing
    size_t size;
} Slice;

Slice slice_of(const char *text); // all of it
Slice slice_trim(Slice s);        // without white space at both ends
// The last place of `needle` in the text, or NULL.
const char *slice_last(Slice text, const char *needle);

#ifdef __cplusplus
}
#endif
#endif
