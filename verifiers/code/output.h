// verifiers/code/output.h -- is what a program printed what was expected?
//
// Layer 3 (verifiers). Bytes, compared outside the cage. Lines are compared with white space at
// their ends and blank lines at the end of the text taken off. If that is not equal, token by token
// with the same number of tokens in each line: a token is equal to the same bytes, or, if the
// expected token is a decimal (a number with '.' or an exponent), to a number within 1e-6, absolute
// or relative. Never case-insensitive; whole numbers exactly.
#ifndef VERIFIERS_CODE_OUTPUT_H
#define VERIFIERS_CODE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// *reason (a literal, never NULL) says what differs, or how it was equal.
bool output_equals(const char *got, size_t got_size, const char *want, size_t want_size,
                   const char **reason);

#ifdef __cplusplus
}
#endif
#endif
