// pipelines/policies.h -- the named policies of a process, in one plan.
//
// Layer 5. A process has an actor, and where its stages want them a reference, a teacher and a
// draft, each with its own ModelConfig. All are planned before anything is allocated: the sum is
// printed by name and refused where it does not fit. The actor gives way first: it is planned last,
// with what the others leave, and keeps fewer chunks in flight where that is little.
#ifndef PIPELINES_POLICIES_H
#define PIPELINES_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum PolicyRole {
    ROLE_ACTOR,     // samples and learns
    ROLE_REFERENCE, // frozen copy of the actor, for KL
    ROLE_TEACHER,   // scores the actor's tokens, for distillation
    ROLE_DRAFT,     // proposes tokens that the actor verifies
    N_POLICY_ROLES
} PolicyRole;

typedef struct PlannedPolicy {
    bool wanted; // the rest is nothing where it is not
    ModelConfig model;
    PolicyOpts opts;
    PolicyPlan plan;
    Policy *policy; // NULL before policies_new
} PlannedPolicy;

typedef struct Policies {
    PlannedPolicy of[N_POLICY_ROLES];
    size_t total; // bytes of all plans
} Policies;

const char *policies_name(PolicyRole role); // "actor"
void policies_want(Policies *p, PolicyRole role, const ModelConfig *model, const PolicyOpts *opts);

// Fills plans and total; `limit` bytes for all, 0 = none. ST_NOMEM: the sum is above it, plans are
// filled. Else what policy_plan says.
MUST_USE Status policies_plan(Policies *p, uint64_t limit);
// The actor's plan by purpose, a line for each other policy, the total.
void policies_print(const Policies *p, Str *out);

// Allocates what was planned; weights are zero. On failure nothing is kept.
MUST_USE Status policies_new(Policies *p);
void policies_free(Policies *p);

#ifdef __cplusplus
}
#endif
#endif
