// verifiers/ifeval/pyjson.h -- would Python's json.loads read this text?
//
// Layer 3 (verifiers). Not base/json: Python takes duplicate keys, NaN, Infinity, lone surrogates
// and deeper nesting. Iterative; nesting over PYJSON_MAX_DEPTH is no (Python stops near 1000).
#ifndef VERIFIERS_IFEVAL_PYJSON_H
#define VERIFIERS_IFEVAL_PYJSON_H

#include <stdbool.h>

#include "verifiers/boxed.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { PYJSON_MAX_DEPTH = 900 };
bool pyjson_valid(Slice text);

#ifdef __cplusplus
}
#endif
#endif
