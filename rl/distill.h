// rl/distill.h -- on-policy distillation: teachers score what the policy drew.
//
// Position:   [token, verdict] -> HERE -> [logp_teacher], [weight_distill] -> rl/grpo
// Layer 4 (rl). The student draws, a frozen teacher of any ModelConfig with the same vocabulary
// gives its log-prob of each drawn token at the same temperature, and the distill component of the
// loss (rl/grpo.h) is the reverse KL(policy || teacher) at that token. Several teachers: each
// source of tasks has its own (specialists into one student: DeepSeek-V4, MOPD). Formulas: Tinker's
// on-policy distillation, A_t = -c (ln policy - ln teacher), no credit from later tokens.
#ifndef RL_DISTILL_H
#define RL_DISTILL_H

#include "base/arena.h"
#include "base/status.h"
#include "policy/policy.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Teacher { // borrowed
    const char *source;  // Task.source of the questions it teaches; NULL: all that no other has
    const char *name;    // for messages
    Policy *policy;      // not trained; may be the policy of several
} Teacher;

typedef struct Teachers {
    const Teacher *of; // [n]
    int n;
} Teachers;

// The teacher of a source, -1 if it has none: such samples have no part in this component.
int distill_teacher(const Teachers *teachers, const char *source);

// ST_CONFIG: no teacher where rl.distill wants one, a vocabulary that is not the student's, or too
// short a context for sequences of max_seq_tokens.
MUST_USE Status distill_check(const Teachers *teachers, const RlConfig *cfg,
                              const ModelConfig *student, int max_seq_tokens);

// Fills logp_teacher of a JUDGED batch (0 where no teacher was asked), in `arena`. ST_FORMAT names
// the teacher, the sample and the token where a log-prob is not finite.
MUST_USE Status distill_score(const Teachers *teachers, const RlConfig *cfg, Batch *batch,
                              Arena *arena, Arena *scratch);
// Fills weight_distill of a WEIGHED batch: rl.distill for the tokens of the loss of samples with a
// teacher; with rl.distill_alone also weight_rl, 0 everywhere.
void distill_weigh(const Teachers *teachers, const RlConfig *cfg, Batch *batch, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
