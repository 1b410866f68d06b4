// tests/test_order.c -- datasets/order: every place once, another order for every seed and epoch.
#include "datasets/order.h"

#include <stdlib.h>

#include "tests/test.h"

static void every_place_comes_once(void **state) {
    (void)state;
    const uint64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 1000, 7473, 65537};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        uint64_t n = sizes[k];
        char *seen = calloc(n, 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t at = order_at(11, 2, n, i);
            assert_true(at < n);
            assert_false(seen[at]);
            seen[at] = 1;
        }
        free(seen);
    }
}

static void seeds_and_epochs_shuffle_anew(void **state) {
    (void)state;
    enum { N = 1000 };
    int epoch = 0, seed = 0, still = 0, next = 0;
    for (uint64_t i = 0; i < N; i++) {
        uint64_t at = order_at(1, 0, N, i);
        epoch += at == order_at(1, 1, N, i);
        seed += at == order_at(2, 0, N, i);
        still += at == i;
        if (i + 1 < N) next += order_at(1, 0, N, i + 1) == at + 1;
    }
    assert_true(epoch < 10 && seed < 10 && still < 10 && next < 10); // about 1 each by chance
}

static void small_orders_are_all_reached(void **state) {
    (void)state;
    int count[6] = {0}; // the six orders of three things
    for (uint64_t seed = 0; seed < 6000; seed++) {
        int a = (int)order_at(seed, 0, 3, 0), b = (int)order_at(seed, 0, 3, 1);
        count[a * 2 + (b > a ? b - 1 : b)]++;
    }
    for (int k = 0; k < 6; k++) assert_in_range(count[k], 800, 1200);
}

static void huge_sizes_stay_below_n(void **state) {
    (void)state;
    const uint64_t n = ((uint64_t)1 << 62) + 12345;
    for (uint64_t i = 0; i < 1000; i++) assert_true(order_at(3, 0, n, i * 4611686018427387ull) < n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_comes_once),
        cmocka_unit_test(seeds_and_epochs_shuffle_anew),
        cmocka_unit_test(small_orders_are_all_reached),
        cmocka_unit_test(huge_sizes_stay_below_n),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
