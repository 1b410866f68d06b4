// tests/param.h -- a policy's tensors as copies that a test may read and change.
#ifndef TESTS_PARAM_H
#define TESTS_PARAM_H

#include "base/arena.h"
#include "policy/policy.h"
#include "tests/test.h"

// A tensor with copies of its parts; grad, m and v are NULL where it has none.
typedef struct ParamCopy {
    const char *name;
    int rows, cols;
    bool trainable, decay, expert;
    float *master, *grad, *m, *v;
} ParamCopy;

// The copies live in an arena that the whole test program shares; it is never freed.
static inline Arena *params_arena(void) {
    static Arena *arena;
    if (!arena) arena = arena_new(1 << 20);
    return arena;
}

// Reads the tensor's parts anew.
static inline void param_read(const Policy *p, int i, ParamCopy *x) {
    float *const part[] = {x->master, x->grad, x->m, x->v};
    const size_t count = (size_t)x->rows * (size_t)(x->cols > 0 ? x->cols : 1);
    for (int k = 0; k < (x->trainable ? 4 : 1); k++)
        assert_ok(policy_get(p, i, (ParamPart)k, 0, count, part[k]));
}
static inline void param_write(Policy *p, int i, const ParamCopy *x) {
    const float *const part[] = {x->master, x->grad, x->m, x->v};
    const size_t count = (size_t)x->rows * (size_t)(x->cols > 0 ? x->cols : 1);
    for (int k = 0; k < (x->trainable ? 4 : 1); k++)
        assert_ok(policy_set(p, i, (ParamPart)k, 0, count, part[k]));
}

static inline ParamCopy *params_read(const Policy *p, int *n) {
    Arena *arena = params_arena();
    const Param *q = policy_params(p, n);
    ParamCopy *out = ARENA_ARRAY(arena, ParamCopy, *n);
    for (int i = 0; i < *n; i++) {
        const size_t count = param_count(&q[i]);
        out[i] = (ParamCopy){.name = q[i].name,
                             .rows = q[i].rows,
                             .cols = q[i].cols,
                             .trainable = q[i].trainable,
                             .decay = q[i].decay,
                             .expert = q[i].expert,
                             .master = ARENA_ARRAY(arena, float, count)};
        if (q[i].trainable) {
            out[i].grad = ARENA_ARRAY(arena, float, count);
            out[i].m = ARENA_ARRAY(arena, float, count);
            out[i].v = ARENA_ARRAY(arena, float, count);
        }
        param_read(p, i, &out[i]);
    }
    return out;
}
static inline void params_write(Policy *p, const ParamCopy *x) {
    int n;
    policy_params(p, &n);
    for (int i = 0; i < n; i++) param_write(p, i, &x[i]);
}

// One part of all tensors that have it, one after the other.
static inline float *params_part(const Policy *p, ParamPart part, size_t *n_out) {
    int n;
    size_t total = 0, at = 0;
    const Param *param = policy_params(p, &n);
    for (int i = 0; i < n; i++) total += param_count(&param[i]);
    float *out = ARENA_ARRAY(params_arena(), float, total);
    for (int i = 0; i < n; i++) {
        if (part != PARAM_WEIGHT && !param[i].trainable) continue;
        assert_ok(policy_get(p, i, part, 0, param_count(&param[i]), out + at));
        at += param_count(&param[i]);
    }
    *n_out = at;
    return out;
}

// policy_train with these chunks as the whole step.
static inline Status train_all(Policy *p, const Pack *chunk, int n, const ScoreOpts *opts,
                               LossFn *loss, void *ctx) {
    const TrainScope scope = train_scope(chunk, n);
    return policy_train(p, chunk, n, &scope, opts, loss, ctx);
}

#endif
