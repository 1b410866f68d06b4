// rl/health.h -- is the run well? Numbers that are none stop it; the rest is said in plain words.
//
// Layer 4 (rl). Rules look at the metrics of each step and keep running means; a warning says what
// was seen and what to try, goes to the log, and is kept for the report. The same warning comes at
// most every rl.warn_every_steps.
#ifndef RL_HEALTH_H
#define RL_HEALTH_H

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "base/status.h"
#include "base/str.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// What is watched for. A number is part of saved runs: append, never renumber.
typedef enum HealthRule {
    HEALTH_ENTROPY,   // below 0.1 nats and a third of the first step's, in the first tenth of the
                      // run, while accuracy is below 1/2
    HEALTH_FLAT,      // over 80 % of groups have equal rewards
    HEALTH_TRUNCATED, // over 20 % of responses are cut off
    HEALTH_KL,        // |ppo_kl| above 0.1, or kl_loss far above its running mean
    HEALTH_GRAD,      // gradient norm far above its running mean (log scale, z > 4)
    HEALTH_FARMING,   // reward rises while accuracy does not
    HEALTH_MISMATCH,  // sampler and trainer differ by over 0.01 nats in the mean
    HEALTH_VERIFY,    // over 2 % of samples got no verdict
    HEALTH_NO_GRAD,   // five steps in a row a tensor got no gradient
    HEALTH_SHORT,     // dynamic sampling ran out of rounds
    HEALTH_UNMOVED,   // five steps in a row the update changed no value of a tensor
    HEALTH_EMPTY,     // a rollout without any sample to learn from
    N_HEALTH_RULES
} HealthRule;

typedef struct Health Health;

Health *health_new(const RlConfig *cfg);
void health_free(Health *health);

// Looks at a finished step's metrics (names of rl/README.md; absent ones are passed over).
// first_without_grad: a tensor's name, or NULL.
void health_look(Health *health, int64_t step, const Metrics *row, const char *first_without_grad);
// Says a warning of this rule, unless it was said less than warn_every_steps ago.
void health_warn(Health *health, HealthRule rule, int64_t step, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
// All warnings so far, "step 40: ...\n" each.
const char *health_text(const Health *health);

// Index of the first value that is not finite, -1 if all are.
int health_nonfinite(const float *value, int n);
// Writes the batch that made a number non-finite to folder/nonfinite-step-N.batch and extends the
// recorded sentence by its path. Always returns ST_FORMAT. folder NULL: not written.
MUST_USE Status health_stop(const char *folder, int64_t step, const Batch *batch,
                            const char *sentence);

void health_save(const Health *health, Str *out);
MUST_USE Status health_load(Health *health, const void *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
