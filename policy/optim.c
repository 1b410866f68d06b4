// policy/optim.c -- one optimiser step: norm, clipping, AdamW, the selection bias, fresh copies.
#include <math.h>
#include <string.h>

#include "policy/net.h"

void policy_zero_grad(Policy *p) {
    p->mtp_trained = false;
    if (p->grad) p->ops->zero(p->work[0].queue, p->grad, p->n_grads * sizeof(float));
    memset(p->load, 0, (size_t)p->n_routers * (size_t)p->model.n_routed_experts * sizeof *p->load);
}

// b_i += gamma * sign(mean load - load_i), V3 section 2.1.2; reports the loads.
static Status update_bias(Policy *p, double gamma, StepReport *out) {
    const int E = p->model.n_routed_experts;
    bool first = true;
    for (int l = 0; l < net_layers(&p->model); l++) {
        const Layer *y = &p->layer[l];
        if (!layer_moe(y)) continue;
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
        if (!weight_here(&y->bias) || gamma == 0) continue;
        float bias[ROUTER_MAX_EXPERTS];
        TRY(policy_get(p, y->bias.param, PARAM_WEIGHT, 0, (size_t)E, bias));
        for (int e = 0; e < E; e++) {
            const int64_t diff = sum - load[e] * E;
            bias[e] += (float)(gamma * ((diff > 0) - (diff < 0)));
        }
        TRY(policy_set(p, y->bias.param, PARAM_WEIGHT, 0, (size_t)E, bias));
    }
    return ST_OK;
}

// Spans that this step moves: those of MTP modules, the last ones, only where they were trained.
static int spans_of_step(const Policy *p) {
    int n = p->n_spans;
    while (!p->mtp_trained && n > 0 && p->span_param[n - 1] >= p->first_mtp) n--;
    return n;
}

// Sums of squares of every gradient, by span; their total.
static Status square_sums(Policy *p, int n, double *sums, double *total) {
    Queue *q = p->work[0].queue;
    p->ops->sumsq(q, p->sums, p->grad, p->span, n);
    p->ops->download(q, sums, p->sums, (size_t)n * sizeof *sums);
    TRY(p->ops->wait(q));
    *total = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(sums[i]))
            return FAIL(ST_FORMAT, "the gradient of %s is not finite",
                        p->param[p->span_param[i]].name);
        *total += sums[i];
    }
    return ST_OK;
}

// What did not learn, of spans whose sums of squares are `sums` and of which `moved` says if they
// moved.
static void report(const Policy *p, int n, const double *sums, const int32_t *moved,
                   StepReport *out) {
    for (int i = 0; i < n; i++) {
        const Param *q = &p->param[p->span_param[i]];
        const bool idle = sums[i] == 0;
        if (q->expert) {
            out->n_idle_experts += idle && strstr(q->name, "gate_proj") != NULL;
            continue;
        }
        if (idle && out->n_without_grad++ == 0) out->first_without_grad = q->name;
        out->n_unmoved += !moved[i];
    }
}

static Status step(Policy *p, const AdamWConfig *cfg, double lr, double *sums, int32_t *moved,
                   StepReport *out) {
    Queue *q = p->work[0].queue;
    const int n = spans_of_step(p);
    double sum;
    TRY(square_sums(p, n, sums, &sum));
    out->grad_norm = sqrt(sum);
    if (!isfinite(out->grad_norm)) return FAIL(ST_FORMAT, "the gradient norm is not finite");

    p->steps++;
    const double clip =
        cfg->clip_norm > 0 && out->grad_norm > cfg->clip_norm ? cfg->clip_norm / out->grad_norm : 1;
    const AdamW a = {.w = p->master,
                     .m = p->m,
                     .v = p->v,
                     .g = p->grad,
                     .beta1 = (float)cfg->beta1,
                     .beta2 = (float)cfg->beta2,
                     .eps = (float)cfg->eps,
                     .rate = (float)lr,
                     .decay = (float)cfg->weight_decay,
                     .scale = (float)clip,
                     .correct1 = (float)(1 / (1 - pow(cfg->beta1, (double)p->steps))),
                     .correct2 = (float)(1 / (1 - pow(cfg->beta2, (double)p->steps)))};
    p->ops->adamw(q, &a, p->span, n, p->moved);
    p->ops->download(q, moved, p->moved, (size_t)n * sizeof *moved);
    TRY(p->ops->wait(q));
    report(p, n, sums, moved, out);
    TRY(update_bias(p, cfg->router_bias_step, out));
    policy_zero_grad(p);
    policy_sync(p);
    return ST_OK;
}

Status policy_step(Policy *p, const AdamWConfig *cfg, double lr, StepReport *out) {
    CHECK(p->opts.trainable);
    *out = (StepReport){0};
    ArenaMark mark = arena_mark(p->arena);
    double *sums = ARENA_ARRAY(p->arena, double, p->n_spans);
    int32_t *moved = ARENA_ARRAY(p->arena, int32_t, p->n_spans);
    Status st = step(p, cfg, lr, sums, moved, out);
    arena_rewind(p->arena, mark);
    return st;
}
