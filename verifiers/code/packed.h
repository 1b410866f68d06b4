// verifiers/code/packed.h -- LiveCodeBench's private tests: base64 of zlib of a pickle of JSON.
//
// Layer 3 (verifiers). The pickle is searched for its texts and never run: a text, or a dict of
// texts, is all that these files hold.
#ifndef VERIFIERS_CODE_PACKED_H
#define VERIFIERS_CODE_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PACKED_MAX_BYTES = 256 << 20 };

// Does the text look like base64 of a zlib stream?
bool packed_is(const char *text);
// Appends the longest JSON text in it. False: it is not what it looked like.
bool packed_open(const char *text, size_t size, Str *out);

#ifdef __cplusplus
}
#endif
#endif
