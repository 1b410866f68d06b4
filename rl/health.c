// rl/health.c -- the rules, their running means, and the last words of a run that went wrong.
#include "rl/health.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

// A running mean and variance with a memory of about 1 / (1 - decay) steps.
typedef struct Running {
    double mean, var;
    int64_t n;
} Running;

typedef struct Memory { // saved as bytes
    Running log_grad, kl, reward_fast, reward_slow, accuracy_fast, accuracy_slow;
    int64_t warned_at[N_HEALTH_RULES]; // 0 = never
    int64_t steps_without_grad, steps_unmoved;
    double first_entropy; // of the run's first update: the base's own; 0 before
} Memory;

struct Health {
    int64_t steps, every;
    Memory memory;
    Str text;
};

Health *health_new(const RlConfig *cfg) {
    Health *h = calloc(1, sizeof *h);
    CHECK(h != NULL);
    h->steps = cfg->steps;
    h->every = cfg->warn_every_steps;
    return h;
}

void health_free(Health *health) {
    if (!health) return;
    str_free(&health->text);
    free(health);
}

const char *health_text(const Health *health) {
    return str_text(&health->text);
}

static void running_add(Running *r, double x, double decay) {
    if (!isfinite(x)) return;
    double keep =
        r->n == 0 ? 0 : fmin(decay, 1 - 1.0 / (double)(r->n + 1)); // a plain mean at first
    double d = x - r->mean;
    r->mean += (1 - keep) * d;
    r->var = keep * (r->var + (1 - keep) * d * d);
    r->n++;
}

void health_warn(Health *h, HealthRule rule, int64_t step, const char *fmt, ...) {
    int64_t *at = &h->memory.warned_at[rule];
    if (*at > 0 && step - *at < h->every) return;
    *at = step;
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    str_printf(&h->text, "step %lld: %s\n", (long long)step, line);
    log_warn("step %lld: %s", (long long)step, line);
}

static void look_at_rollout(Health *h, int64_t step, const Metrics *row) {
    double flat = metrics_get(row, "group/zero_std", nan(""));
    if (flat > 0.8) {
        bool hard = metrics_get(row, "group/all_wrong", 0) > metrics_get(row, "group/all_right", 0);
        health_warn(h, HEALTH_FLAT, step,
                    "%.0f %% of groups have equal rewards and teach nothing; most are all %s: the "
                    "questions are too %s (try rl.curriculum=level or rl.dynamic_sampling=refill)",
                    100 * flat, hard ? "wrong" : "right", hard ? "hard" : "easy");
    }
    double cut = metrics_get(row, "response_length/clip_ratio", nan(""));
    if (cut > 0.2)
        health_warn(h, HEALTH_TRUNCATED, step,
                    "%.0f %% of responses are cut off at rl.max_new_tokens: raise it, or set "
                    "rl.overlong_buffer",
                    100 * cut);
    double error = metrics_get(row, "verify/error_frac", nan(""));
    if (error > 0.02)
        health_warn(h, HEALTH_VERIFY, step,
                    "%.1f %% of samples got no verdict and are left out: look at the gold answers "
                    "(grpo verify)",
                    100 * error);

    double reward = metrics_get(row, "critic/rewards/mean", nan(""));
    double accuracy = metrics_get(row, "reward/accuracy/mean", nan(""));
    Memory *m = &h->memory;
    running_add(&m->reward_fast, reward, 0.8);
    running_add(&m->reward_slow, reward, 0.97);
    running_add(&m->accuracy_fast, accuracy, 0.8);
    running_add(&m->accuracy_slow, accuracy, 0.97);
    double reward_up = m->reward_fast.mean - m->reward_slow.mean;
    double accuracy_up = m->accuracy_fast.mean - m->accuracy_slow.mean;
    if (m->reward_slow.n >= 20 && reward_up > 0.05 && accuracy_up < 0.1 * reward_up)
        health_warn(h, HEALTH_FARMING, step,
                    "reward rose by %.3f of late and accuracy by %.3f: other terms are being "
                    "farmed; lower their weights",
                    reward_up, accuracy_up);
}

static void look_at_update(Health *h, int64_t step, const Metrics *row) {
    Memory *m = &h->memory;
    double entropy = metrics_get(row, "actor/entropy", nan(""));
    bool early = step * 10 <= h->steps;
    if (m->first_entropy == 0 && entropy > 0) m->first_entropy = entropy;
    if (entropy < fmin(0.1, m->first_entropy / 3) && early &&
        metrics_get(row, "reward/accuracy/mean", 1) < 0.5)
        health_warn(h, HEALTH_ENTROPY, step,
                    "entropy is %.3f nats already (%.3f at first) while most answers are wrong: "
                    "samples grow alike before they grow right; lower rl.lr",
                    entropy, m->first_entropy);

    double drift = metrics_get(row, "actor/ppo_kl", nan("")),
           kl = metrics_get(row, "actor/kl_loss", nan(""));
    if (fabs(drift) > 0.1)
        health_warn(h, HEALTH_KL, step,
                    "the policy moved %.3f nats from the one that sampled: fewer "
                    "rl.updates_per_rollout or a lower rl.lr",
                    drift);
    else if (m->kl.n >= 10 && kl > 0.01 && kl > 3 * m->kl.mean &&
             kl - m->kl.mean > 6 * sqrt(m->kl.var))
        health_warn(h, HEALTH_KL, step,
                    "KL to the reference jumped to %.4f (running mean %.4f): a lower rl.lr, or a "
                    "larger rl.kl_coef",
                    kl, m->kl.mean);
    running_add(&m->kl, kl, 0.95);

    double grad = metrics_get(row, "actor/grad_norm", nan(""));
    double z = (log(grad) - m->log_grad.mean) / fmax(sqrt(m->log_grad.var), 0.1);
    if (m->log_grad.n >= 10 && z > 4)
        health_warn(h, HEALTH_GRAD, step,
                    "gradient norm %.3g is far above its usual %.3g (z = %.1f)%s", grad,
                    exp(m->log_grad.mean), z, "; if this repeats, lower rl.lr or rl.clip_norm");
    if (grad > 0) running_add(&m->log_grad, log(grad), 0.95);

    double off = metrics_get(row, "sampling/logp_diff/mean", nan(""));
    if (off > 0.01)
        health_warn(h, HEALTH_MISMATCH, step,
                    "sampler and trainer differ by %.3g nats a token at the same weights: set "
                    "rl.old_logp=recompute and rl.tis_cap=2",
                    off);
}

void health_look(Health *h, int64_t step, const Metrics *row, const char *first_without_grad) {
    look_at_rollout(h, step, row);
    look_at_update(h, step, row);
    h->memory.steps_without_grad = first_without_grad ? h->memory.steps_without_grad + 1 : 0;
    if (h->memory.steps_without_grad >= 5)
        health_warn(h, HEALTH_NO_GRAD, step, "no gradient reached %s in %lld steps",
                    first_without_grad, (long long)h->memory.steps_without_grad);
    const double unmoved = metrics_get(row, "actor/tensors_unmoved", nan(""));
    if (isnan(unmoved)) return; // a step without an update says nothing
    h->memory.steps_unmoved = unmoved > 0 ? h->memory.steps_unmoved + 1 : 0;
    if (h->memory.steps_unmoved >= 5)
        health_warn(h, HEALTH_UNMOVED, step,
                    "the last %lld updates left %.0f tensors exactly as they were: the steps are "
                    "too small for their numbers, or no gradient comes; raise rl.lr",
                    (long long)h->memory.steps_unmoved, unmoved);
}

int health_nonfinite(const float *value, int n) {
    for (int i = 0; i < n; i++)
        if (!isfinite(value[i])) return i;
    return -1;
}

Status health_stop(const char *folder, int64_t step, const Batch *batch, const char *sentence) {
    char said[1024], path[1024];
    snprintf(said, sizeof said, "%s", sentence);
    if (!folder || !batch)
        return FAIL(ST_FORMAT, "step %lld: %s; the weights are those of the last good step",
                    (long long)step, said);
    snprintf(path, sizeof path, "%s/nonfinite-step-%lld.batch", folder, (long long)step);
    if (batch_write(batch, path) != ST_OK)
        return FAIL(ST_FORMAT, "step %lld: %s; its batch could not be written: %s", (long long)step,
                    said, status_text());
    return FAIL(ST_FORMAT,
                "step %lld: %s; the weights are those of the last good step, the batch is in %s",
                (long long)step, said, path);
}

void health_save(const Health *h, Str *out) {
    str_add(out, &h->memory, sizeof h->memory);
    str_add(out, str_text(&h->text), h->text.size);
}

Status health_load(Health *h, const void *data, size_t size) {
    if (size < sizeof h->memory)
        return FAIL(ST_FORMAT, "health state of %zu bytes is cut off", size);
    memcpy(&h->memory, data, sizeof h->memory);
    str_clear(&h->text);
    str_add(&h->text, (const char *)data + sizeof h->memory, size - sizeof h->memory);
    return ST_OK;
}
