// verifiers/written.h -- one written number as an exact rational: the reader of the judge number.
//
// Layer 3 (verifiers). What is read is in number.h.
#ifndef VERIFIERS_WRITTEN_H
#define VERIFIERS_WRITTEN_H

#include <gmp.h>
#include <stdint.h>

#include "verifiers/math/tree/tail.h"
#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { WRITTEN_MAX_BYTES = 16384 }; // a longer text is not read

typedef struct WrittenNumber {
    mpz_t num, den;
    int64_t exp;                // value = num / den * 10^exp
    char unit[TAIL_NAME_BYTES]; // "" if there is none
} WrittenNumber;

void written_init(WrittenNumber *n);
void written_clear(WrittenNumber *n);
// Reads the whole text as a number; false if it is none. `n` is initialised.
bool written_read(Slice text, WrittenNumber *n);
void written_times_power_of_ten(mpz_t value, int64_t exp); // exp >= 0

#ifdef __cplusplus
}
#endif
#endif
