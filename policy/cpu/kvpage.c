// policy/cpu/kvpage.c -- codes to fp32 and back, pair by pair.
#include "policy/cpu/kvpage.h"

#include "policy/cpu/lanes.h"
#include "policy/cpu/quant.h"

typedef uint32_t U16 __attribute__((vector_size(64)));
typedef uint32_t U16Loose __attribute__((vector_size(64), aligned(2), may_alias));

LANE_INLINE void split(float *low, float *high, const uint16_t *pairs) {
    const U16 u = *(const U16Loose *)pairs;
    v16_store(low, (V16)(u << 16));
    v16_store(high, (V16)(u & 0xffff0000u));
}

// bf16_round of quant.h, in lanes.
LANE_INLINE U16 rounded(V16 x) {
    const U16 u = (U16)x, abs = u & 0x7fffffffu;
    const U16 nan = (U16)i16_less(i16_set(0x7f800000), (I16)abs);
    const U16 tiny = (U16)i16_less((I16)abs, i16_set(0x00800000));
    U16 r = u + 0x7fffu + (u >> 16 & 1u);
    r = (nan & (u | 0x00400000u)) | (~nan & r);
    r = (tiny & u & 0x80000000u) | (~tiny & r);
    return r & 0xffff0000u;
}

LANE_INLINE void kvpage_put_body(uint16_t *page, int slot, const float *key, const float *value,
                                 int d) {
    uint16_t *v = page + kvpage_keys_codes(d) + slot * kvpage_width(d);
    for (int c = 0; c < d; c += 32, v += 32) {
        float x[2][32] = {{0}};
        uint32_t k[32];
        const size_t bytes = (size_t)(d - c < 32 ? d - c : 32) * sizeof(float);
        memcpy(x[0], key + c, bytes);
        memcpy(x[1], value + c, bytes);
        const U16 k0 = rounded(v16_load(x[0])), k1 = rounded(v16_load(x[0] + 16));
        *(U16Loose *)v = rounded(v16_load(x[1])) >> 16 | rounded(v16_load(x[1] + 16));
        memcpy(k, &k0, sizeof k0);
        memcpy(k + 16, &k1, sizeof k1);
        for (int i = 0; i < 32; i += 2) {
            const uint32_t pair = k[i] >> 16 | k[i + 1];
            memcpy(page + (c + i) * KVPAGE_ROWS + 2 * slot, &pair, sizeof pair);
        }
    }
}
LANES_FN(kvpage_put, (uint16_t * page, int slot, const float *key, const float *value, int d),
         (page, slot, key, value, d))

LANE_INLINE void kvpage_keys_body(float *to, const uint16_t *keys, int d) {
    for (int c = 0; c < kvpage_width(d); c += 32, to += 32 * GEMM_PANEL)
        for (int i = 0; i < 16; i++, keys += 2 * KVPAGE_ROWS)
            split(to + i * GEMM_PANEL, to + (i + 16) * GEMM_PANEL, keys);
}
LANES_FN(kvpage_keys, (float *to, const uint16_t *keys, int d), (to, keys, d))

LANE_INLINE void kvpage_value_body(float *panels, int kpad, int k, const uint16_t *values, int slot,
                                   int d) {
    const uint16_t *v = values + slot * kvpage_width(d);
    float *to = panels + gemm_order(k) * GEMM_PANEL;
    for (int c = 0; c < d; c += 32, v += 32, to += kpad * GEMM_PANEL) split(to, to + 16, v);
}
LANES_FN(kvpage_value, (float *panels, int kpad, int k, const uint16_t *values, int slot, int d),
         (panels, kpad, k, values, slot, d))

LANE_INLINE void kvpage_zero_body(float *sum, const uint16_t *values, int slot, int d) {
    const uint16_t *v = values + slot * kvpage_width(d);
    const V16 zero = v16_set(0);
    V16 all = zero;
    for (int c = 0; c < d; c += 32, v += 32) {
        float x[32];
        split(x, x + 16, v);
        all += v16_load(x) * zero + v16_load(x + 16) * zero;
    }
    *sum = v16_sum(all);
}
LANES_FN(kvpage_zero, (float *sum, const uint16_t *values, int slot, int d), (sum, values, slot, d))
