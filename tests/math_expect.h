// tests/math_expect.h -- two mathematical texts and the verdict that they should get.
#ifndef TESTS_MATH_EXPECT_H
#define TESTS_MATH_EXPECT_H

#include "tests/test.h"
#include "verifiers/math/math.h"

static inline MathResult compare(const char *gold, const char *answer) {
    return math_compare(gold, strlen(gold), answer, strlen(answer), NULL);
}

static inline void expect(const char *gold, const char *answer, Verdict want) {
    MathResult got = compare(gold, answer);
    if (got.verdict != want)
        fail_msg("%s and %s: %s (%s), not %s", gold, answer, verdict_name(got.verdict), got.reason,
                 verdict_name(want));
}

#endif
