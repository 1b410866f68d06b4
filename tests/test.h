// tests/test.h -- cmocka, plus the comparisons this project needs.
#ifndef TESTS_TEST_H
#define TESTS_TEST_H
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

// The call succeeds; otherwise the test fails and shows the sentence.
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        Status got_ = (expr);                                                                      \
        if (got_ != ST_OK) fail_msg("%s: %s: %s", #expr, status_name(got_), status_text());        \
    } while (0)

// |got - want| <= atol + rtol*|want| for all n; names the first that is off, and the worst.
static inline void assert_close(const float *got, const float *want, size_t n, double atol,
                                double rtol) {
    size_t first = n, worst = 0;
    double worst_by = 0;
    for (size_t i = 0; i < n; i++) {
        double by = fabs((double)got[i] - (double)want[i]) - rtol * fabs((double)want[i]);
        if (!(by <= atol) && first == n) first = i; // a NaN is off too
        if (by > worst_by) worst_by = by, worst = i;
    }
    if (first < n)
        fail_msg("[%zu] got %.9g want %.9g; worst [%zu] got %.9g want %.9g (%zu values)", first,
                 (double)got[first], (double)want[first], worst, (double)got[worst],
                 (double)want[worst], n);
}
#endif
