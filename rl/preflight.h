// rl/preflight.h -- before the first step: can this base learn from these questions?
//
// Layer 4 (rl). GRPO sharpens what a base already does sometimes. If it never succeeds, or always,
// groups have equal rewards and nothing is learned; reference runs below 1 % pass@1 went the wrong
// way.
#ifndef RL_PREFLIGHT_H
#define RL_PREFLIGHT_H

#include "rl/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Preflight {
    EvalResult eval; // pass[0]: pass@1, then the powers of 4 below k, then pass@k
    bool known;      // is pass@k known: some question has k samples with a verdict
    bool ready;      // pass@k >= rl.preflight_min_pass; false if pass@k is unknown and that is > 0
} Preflight;

// rl.preflight_tasks questions of deps->source from `first_index` on, rl.preflight_k samples each,
// at rl.temperature. Give the source of the training questions: those are what is learnt from.
MUST_USE Status preflight_run(const EvalDeps *deps, uint64_t first_index, Preflight *out,
                              Arena *arena);

// The figures and plain advice, one a line.
void preflight_print(const Preflight *preflight, const RlConfig *cfg, Str *out);

#ifdef __cplusplus
}
#endif
#endif
