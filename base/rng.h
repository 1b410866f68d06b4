// base/rng.h -- counter-based random numbers.
//
// Layer 1. Philox4x32-10 (Salmon et al., SC 2011). A draw is a function of (seed, stream, step,
// task, sample, position) and of no earlier draw, so a run that was resumed, split over ranks or
// reordered draws the same numbers.
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Who draws. A stream's number is part of saved runs: append, never renumber.
typedef enum RngStream {
    RNG_INIT = 1,    // weights at birth
    RNG_CORPUS = 2,  // procedural documents
    RNG_TASK = 3,    // which task comes next
    RNG_SAMPLE = 4,  // sampling tokens in training
    RNG_EVAL = 5,    // sampling tokens in evaluation
    RNG_SHUFFLE = 6, // mini-batch order
    RNG_TEST = 7,
} RngStream;

// What a draw is for; unused fields are 0.
typedef struct RngKey {
    uint64_t seed;
    uint32_t stream; // RngStream
    uint32_t step;
    uint64_t task;
    uint32_t sample;
} RngKey;

// The generator itself: ten rounds over a 128-bit counter under a 64-bit key.
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// Four independent 32-bit words for draw number `position` under `key`.
void rng_block(const RngKey *key, uint32_t position, uint32_t out[4]);

// Uniform in [0, 1) with 53 bits, from draw `position`.
double rng_uniform(const RngKey *key, uint32_t position);

// A small sequential reader over one key, for code that draws many numbers in a row.
typedef struct Rng {
    RngKey key;
    uint32_t position, used;
    uint32_t word[4];
} Rng;

Rng rng_open(RngKey key);
uint32_t rng_u32(Rng *rng);
double rng_double(Rng *rng);                // [0, 1)
uint32_t rng_below(Rng *rng, uint32_t n);   // [0, n), unbiased; n > 0
int rng_range(Rng *rng, int low, int high); // [low, high], both included
double rng_normal(Rng *rng);                // mean 0, deviation 1

// SplitMix-style 64-bit mix and FNV-1a, for task ids and hash splits.
uint64_t rng_mix(uint64_t x);
uint64_t rng_hash(const void *data, uint64_t size);

#ifdef __cplusplus
}
#endif
#endif
