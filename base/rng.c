// base/rng.c -- Philox4x32-10 and what is read from it.
#include "base/rng.h"

#include <math.h>

#include "base/status.h"

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0;
        c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void rng_block(const RngKey *key, uint32_t position, uint32_t out[4]) {
    // The 128-bit counter is (position, sample, task) and the 64-bit key folds seed, stream and
    // step.
    uint64_t k = rng_mix(rng_mix(key->seed) ^ ((uint64_t)key->stream << 32 | key->step));
    const uint32_t counter[4] = {position, key->sample, (uint32_t)key->task,
                                 (uint32_t)(key->task >> 32)};
    rng_philox(counter, (uint32_t[2]){(uint32_t)k, (uint32_t)(k >> 32)}, out);
}

static double unit(uint32_t high, uint32_t low) {
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double rng_uniform(const RngKey *key, uint32_t position) {
    uint32_t w[4];
    rng_block(key, position, w);
    return unit(w[0], w[1]);
}

Rng rng_open(RngKey key) {
    return (Rng){.key = key, .used = 4};
}

uint32_t rng_u32(Rng *rng) {
    if (rng->used == 4) {
        rng_block(&rng->key, rng->position++, rng->word);
        rng->used = 0;
    }
    return rng->word[rng->used++];
}

double rng_double(Rng *rng) {
    uint32_t high = rng_u32(rng);
    return unit(high, rng_u32(rng));
}

uint32_t rng_below(Rng *rng, uint32_t n) {
    CHECK(n > 0);
    uint32_t reject = -n % n; // 2^32 mod n values would be drawn too often
    for (;;) {
        uint64_t p = (uint64_t)rng_u32(rng) * n;
        if ((uint32_t)p >= reject) return (uint32_t)(p >> 32);
    }
}

int rng_range(Rng *rng, int low, int high) {
    CHECK(low <= high);
    return low + (int)rng_below(rng, (uint32_t)(high - low) + 1u);
}

double rng_normal(Rng *rng) {
    double u = 1 - rng_double(rng), v = rng_double(rng); // u in (0, 1]
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t rng_mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t rng_hash(const void *data, uint64_t size) {
    const unsigned char *p = data;
    uint64_t h = 0xCBF29CE484222325u;
    for (uint64_t i = 0; i < size; i++) h = (h ^ p[i]) * 0x100000001B3u;
    return h;
}
