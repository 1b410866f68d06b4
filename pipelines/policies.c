// pipelines/policies.c -- plans first, the actor's last; then all or nothing.
#include "pipelines/policies.h"

const char *policies_name(PolicyRole role) {
    static const char *const name[N_POLICY_ROLES] = {"actor", "reference", "teacher", "draft"};
    return name[role];
}

void policies_want(Policies *p, PolicyRole role, const ModelConfig *model, const PolicyOpts *opts) {
    p->of[role] = (PlannedPolicy){.wanted = true, .model = *model, .opts = *opts};
}

Status policies_plan(Policies *p, uint64_t limit) {
    p->total = 0;
    Status st = ST_OK;
    for (int role = N_POLICY_ROLES - 1; role >= 0; role--) {
        PlannedPolicy *of = &p->of[role];
        if (!of->wanted) continue;
        of->opts.memory_bytes = 0;
        if (limit && role == ROLE_ACTOR)
            of->opts.memory_bytes = limit > p->total ? (size_t)limit - p->total : 1;
        st = policy_plan(&of->model, &of->opts, &of->plan);
        if (st != ST_OK && st != ST_NOMEM) return st;
        p->total += of->plan.total;
    }
    return limit && p->total > limit ? FAIL(ST_NOMEM, "the policies want %zu bytes of %llu",
                                            p->total, (unsigned long long)limit)
                                     : st;
}

void policies_print(const Policies *p, Str *out) {
    policy_plan_print(&p->of[ROLE_ACTOR].plan, out);
    bool others = false;
    for (int role = ROLE_ACTOR + 1; role < N_POLICY_ROLES; role++) {
        if (!p->of[role].wanted) continue;
        str_printf(out, "  %-9s policy %10.2f MiB\n", policies_name((PolicyRole)role),
                   (double)p->of[role].plan.total / (1 << 20));
        others = true;
    }
    if (others)
        str_printf(out, "  %-16s %10.2f MiB\n", "all policies", (double)p->total / (1 << 20));
}

Status policies_new(Policies *p) {
    Status st = ST_OK;
    for (int role = 0; role < N_POLICY_ROLES; role++) {
        PlannedPolicy *of = &p->of[role];
        if (of->wanted) TRY_OUT(policy_new(&of->model, &of->opts, &of->policy));
    }
    return ST_OK;
out:
    policies_free(p);
    return st;
}

void policies_free(Policies *p) {
    for (int role = 0; role < N_POLICY_ROLES; role++) {
        policy_free(p->of[role].policy);
        p->of[role].policy = NULL;
    }
}
