// rl/reference.c -- a frozen copy and the step it was taken at.
#include "rl/reference.h"

#include <stdlib.h>
#include <string.h>

#include "policy/files/checkpoint.h"

struct Reference {
    Policy *policy;
    int64_t refresh_steps, taken_at;
};

PolicyOpts reference_opts(Pool *pool, int chunk_tokens, int max_seq_tokens) {
    return (PolicyOpts){
        .pool = pool, .chunk_tokens = chunk_tokens, .max_seq_tokens = max_seq_tokens};
}

Status reference_new(Policy *frozen, const Policy *actor, int64_t refresh_steps, Reference **out) {
    *out = NULL;
    TRY(policy_copy(frozen, actor));
    Reference *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    *r = (Reference){.policy = frozen, .refresh_steps = refresh_steps};
    *out = r;
    return ST_OK;
}

void reference_free(Reference *reference) {
    free(reference);
}

Status reference_refresh(Reference *r, const Policy *policy, int64_t step) {
    if (r->refresh_steps == 0 || step - r->taken_at < r->refresh_steps) return ST_OK;
    TRY(policy_copy(r->policy, policy));
    r->taken_at = step;
    return ST_OK;
}

Status reference_score(Reference *r, const Pack *pack, const ScoreOpts *opts, float *logp) {
    return policy_score(r->policy, pack, opts, logp, NULL);
}

Status reference_save(const Reference *r, const char *path) {
    return checkpoint_state_save(path, r->policy, &r->taken_at, sizeof r->taken_at);
}

Status reference_load(Reference *r, const char *path) {
    void *extra = NULL;
    size_t size = 0;
    Arena *arena = arena_new(256);
    Status st = checkpoint_state_load(path, r->policy, &extra, &size, arena);
    if (st == ST_OK && size != sizeof r->taken_at)
        st = FAIL(ST_FORMAT, "%s: not a reference of this program", path);
    if (st == ST_OK) memcpy(&r->taken_at, extra, size);
    arena_free(arena);
    return st;
}
