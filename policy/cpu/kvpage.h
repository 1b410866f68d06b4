// policy/cpu/kvpage.h -- a page of the KV cache in bf16: how sixteen keys and values lie in it.
//
// Private to policy/. One page of one key-value head of width d (dp: d rounded up to 32): 16 dp
// codes of keys, then 16 dp codes of values, both in pairs of 32 bits so that a mask and a shift
// make two vectors of fp32 of one load:
//   keys    pair [dp/2][16]      of key j: dimension 2i low, 2i + 1 high, at [i][j]
//   values  pair [16][dp/32][16] of value j: dimension 32c + i low, 32c + 16 + i high, at [j][c][i]
// What is beyond d is zero.
#ifndef POLICY_CPU_KVPAGE_H
#define POLICY_CPU_KVPAGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { KVPAGE_ROWS = 16 };
static inline int kvpage_width(int d) { // dp
    return (d + 31) & ~31;
}
static inline size_t kvpage_keys_codes(int d) {
    return (size_t)KVPAGE_ROWS * (size_t)kvpage_width(d);
}
static inline size_t kvpage_codes(int d) { // keys and values of a head
    return 2 * kvpage_keys_codes(d);
}

// Rounds key and value [d] to bf16 and puts them at `slot`.
void kvpage_put(uint16_t *page, int slot, const float *key, const float *value, int d);
// Keys as half a panel of fp32: to[gemm_order(i) * 32 + j], i < dp.
void kvpage_keys(float *to, const uint16_t *keys, int d);
// One value as row `k` of panels [dp/32][kpad][32] of fp32.
void kvpage_value(float *panels, int kpad, int k, const uint16_t *values, int slot, int d);
// *sum = 0 where the value at `slot` is finite, else NaN.
void kvpage_zero(float *sum, const uint16_t *values, int slot, int d);

#ifdef __cplusplus
}
#endif
#endif
