// datasets/order.c -- six Feistel rounds with rng_mix as the round function.
#include "datasets/order.h"

#include "base/rng.h"
#include "base/status.h"

enum { ROUNDS = 6 };

uint64_t order_at(uint64_t seed, uint64_t epoch, uint64_t n, uint64_t i) {
    CHECK(i < n);
    int half = 1; // bits of one side
    while (half < 32 && (n - 1) >> (2 * half)) half++;
    uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t key = rng_mix(rng_mix(seed) + epoch);
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ (rng_mix(rng_mix(key + round) ^ right) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n); // a cycle that starts below n comes back below n
    return i;
}
