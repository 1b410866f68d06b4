// policy/optim.c -- one optimiser step: norm, clipping, AdamW, the selection bias, fresh copies.
#include <math.h>
#include <string.h>

#include "policy/net.h"

void policy_zero_grad(Policy *p) {
    if (p->grad) memset(p->grad, 0, p->n_floats * sizeof *p->grad);
    memset(p->load, 0, (size_t)p->n_moe * (size_t)p->model.n_routed_experts * sizeof *p->load);
}

// Sum of squares of one tensor: 8 double lanes, folded in order.
static void square_sum(void *ctx, int i, int worker) {
    (void)worker;
    Policy *p = ctx;
    const Param *q = &p->param[i];
    double lane[8] = {0};
    if (q->trainable) {
        const float *grad = net_at(p, p->grad, i);
        const size_t n = param_count(q);
        size_t j = 0;
        for (; j + 8 <= n; j += 8)
            for (int k = 0; k < 8; k++)
                lane[k] += (double)grad[j + (size_t)k] * (double)grad[j + (size_t)k];
        for (; j < n; j++) lane[j % 8] += (double)grad[j] * (double)grad[j];
    }
    for (int w = 4; w > 0; w /= 2)
        for (int k = 0; k < w; k++) lane[k] += lane[k + w];
    p->sums[i] = lane[0];
}

typedef struct Update {
    Policy *p;
    AdamWStep step;
    double weight_decay;
} Update;

static void update_tensor(void *ctx, int i, int worker) {
    (void)worker;
    Update *u = ctx;
    Policy *p = u->p;
    const Param *q = &p->param[i];
    if (!q->trainable) return;
    const bool idle = p->sums[i] == 0;
    AdamWStep step = u->step;
    step.decay = q->decay ? (float)u->weight_decay : 0;
    int moved = 0;
    p->ops->adamw(NULL, net_at(p, p->master, i), net_at(p, p->m, i), net_at(p, p->v, i),
                  net_at(p, p->grad, i), param_count(q), &step, &moved);
    p->moved[i] = moved;
    p->idle[i] = idle;
}

// b_i += gamma * sign(mean load - load_i), V3 section 2.1.2; reports the loads.
static void update_bias(Policy *p, double gamma, StepReport *out) {
    const int E = p->model.n_routed_experts;
    bool first = true;
    for (int l = 0; l < p->model.n_layers; l++) {
        const Layer *y = &p->layer[l];
        if (!y->moe) continue;
        const int64_t *load = p->load + (size_t)y->moe_at * (size_t)E;
        int64_t sum = 0, low = load[0], high = load[0];
        for (int e = 0; e < E; e++) {
            sum += load[e];
            low = load[e] < low ? load[e] : low;
            high = load[e] > high ? load[e] : high;
        }
        if (sum == 0) continue;
        const double lo = (double)low * E / (double)sum, hi = (double)high * E / (double)sum;
        if (first || lo < out->load_min) out->load_min = lo;
        if (first || hi > out->load_max) out->load_max = hi;
        first = false;
        if (y->bias < 0 || gamma == 0) continue;
        float *bias = net_at(p, p->master, y->bias);
        for (int e = 0; e < E; e++) {
            const int64_t diff = sum - load[e] * E;
            bias[e] += (float)(gamma * ((diff > 0) - (diff < 0)));
        }
    }
}

Status policy_step(Policy *p, const AdamWConfig *cfg, double lr, StepReport *out) {
    CHECK(p->opts.trainable);
    *out = (StepReport){0};
    pool_for(p->opts.pool, p->n_params, square_sum, p);
    double sum = 0;
    for (int i = 0; i < p->n_params; i++) {
        if (!isfinite(p->sums[i]))
            return FAIL(ST_FORMAT, "the gradient of %s is not finite", p->param[i].name);
        sum += p->sums[i];
    }
    out->grad_norm = sqrt(sum);
    if (!isfinite(out->grad_norm)) return FAIL(ST_FORMAT, "the gradient norm is not finite");

    p->steps++;
    const double clip =
        cfg->clip_norm > 0 && out->grad_norm > cfg->clip_norm ? cfg->clip_norm / out->grad_norm : 1;
    Update u = {.p = p,
                .step = {.beta1 = (float)cfg->beta1,
                         .beta2 = (float)cfg->beta2,
                         .eps = (float)cfg->eps,
                         .rate = (float)lr,
                         .scale = (float)clip,
                         .correct1 = (float)(1 / (1 - pow(cfg->beta1, (double)p->steps))),
                         .correct2 = (float)(1 / (1 - pow(cfg->beta2, (double)p->steps)))},
                .weight_decay = cfg->weight_decay};
    pool_for(p->opts.pool, p->n_params, update_tensor, &u);
    for (int i = 0; i < p->n_params; i++) {
        const Param *q = &p->param[i];
        if (!q->trainable) continue;
        if (q->expert) {
            out->n_idle_experts += p->idle[i] && strstr(q->name, "gate_proj") != NULL;
            continue;
        }
        if (p->idle[i] && out->n_without_grad++ == 0) out->first_without_grad = q->name;
        out->n_unmoved += !p->moved[i];
    }
    update_bias(p, cfg->router_bias_step, out);
    policy_zero_grad(p);
    policy_sync(p);
    return ST_OK;
}
