// pipelines/bench/bench_step.h -- a desk step by phase, beside the products it needs.
//
// Layer 5. THE FLOOR of a phase: the matrix products of the recipe's step, each at the multiply-add
// ceiling of the type that it is computed in, on all threads, and nothing else.
//   sampling   one forward pass over every prompt (once a group) and every sampled token
//   training   the same forward pass and twice as many operations backward
//   counted    2 operations a weight and token (bf16, or fp32 for head and router); of attention
//   the
//              keys that a token sees, scores and values, in the recipe's form of MLA (fp32)
//   not        embedding, norms, softmax, routing, rotary angles, the optimiser, packing; logits
//              and probabilities that the backward pass computes again; padding and masked places
#ifndef PIPELINES_BENCH_STEP_H
#define PIPELINES_BENCH_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BenchStep {
    bool json;
    double fp32_flops, bf16_flops; // ceilings of one thread, operations a second
    int64_t steps;                 // timed, after one that is not
} BenchStep;

// Prints a line a phase. `times_floor` is wall time over the floor on all threads;
// `cpu_times_floor` processor time over the floor of one thread, which a busy machine changes
// little.
MUST_USE Status bench_step(const BenchStep *bench);

#ifdef __cplusplus
}
#endif
#endif
