// datasets/order.h -- shuffled orders that are computed, not stored.
//
// Layer 2 (datasets). A permutation of 0..n-1 as a function of (seed, epoch): a Feistel network on
// the next even power of two, walked until it falls below n (Black and Rogaway, "Ciphers with
// arbitrary finite domains", CT-RSA 2002). Any place of it costs the same, so resuming is an index.
#ifndef DATASETS_ORDER_H
#define DATASETS_ORDER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The element at place i (< n) of the epoch's order. n > 0.
uint64_t order_at(uint64_t seed, uint64_t epoch, uint64_t n, uint64_t i);

#ifdef __cplusplus
}
#endif
#endif
