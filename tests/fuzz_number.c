// tests/fuzz_number.c -- any bytes as numbers: equality holds with itself, and in both directions.
#include "verifiers/number.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data, *reason;
    const char *half = memchr(text, '\n', size);
    if (!half) half = text + size / 2;
    size_t n = (size_t)(half - text), m = size - n;
    CHECK(number_compare(text, n, text, n, &reason) != VERDICT_WRONG);
    Verdict a = number_compare(text, n, half, m, &reason);
    Verdict b = number_compare(half, m, text, n, &reason);
    CHECK((a == VERDICT_RIGHT) == (b == VERDICT_RIGHT));
    return 0;
}
