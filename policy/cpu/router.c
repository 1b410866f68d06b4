// policy/cpu/router.c -- which experts a token goes to, with what weight, and the way back.
//
// DeepSeek-V3 (arXiv 2412.19437) eq. 12-20 and section 2.1.2: the selection bias moves the choice
// and never the weight; masked groups are -inf; ties go to the lower expert; slots are ascending.
#include <math.h>
#include <string.h>

#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"

LANE_INLINE void router_scores_body(float *score, const float *logit, int n, bool softmax) {
    V16 sum = v16_set(0), top = v16_set(-INFINITY);
    if (softmax)
        for (int i = 0; i < n; i += LANES)
            top = v16_max(top, n - i < LANES ? v16_load_n(logit + i, n - i, -INFINITY)
                                             : v16_load(logit + i));
    const V16 shift = v16_set(softmax ? v16_top(top) : 0);
    for (int i = 0; i < n; i += LANES) {
        int left = n - i < LANES ? n - i : LANES;
        V16 x = left < LANES ? v16_load_n(logit + i, left, -INFINITY) : v16_load(logit + i);
        V16 s = softmax ? v16_exp(x - shift) : v16_set(1.0f) / (v16_set(1.0f) + v16_exp(-x));
        sum += s;
        v16_store_n(score + i, s, left);
    }
    if (!softmax) return;
    const V16 total = v16_set(v16_sum(sum));
    for (int i = 0; i < n; i += LANES) {
        int left = n - i < LANES ? n - i : LANES;
        v16_store_n(score + i, v16_load_n(score + i, left, 0) / total, left);
    }
}
void router_scores(float *score, const float *logit, int n, bool softmax);
LANES_FN(router_scores, (float *score, const float *logit, int n, bool softmax),
         (score, logit, n, softmax))

// The k largest of value[0..n) by taking the best k times; ties to the lower index. taken[i] = 1.
static void take_best(const float *value, uint8_t *taken, int n, int k) {
    memset(taken, 0, (size_t)n);
    for (int j = 0; j < k; j++) {
        int best = -1;
        for (int i = 0; i < n; i++)
            if (!taken[i] && (best < 0 || value[i] > value[best])) best = i;
        taken[best] = 1;
    }
}

static void choose(const RouterShape *s, const float *score, const float *bias, int16_t *route) {
    float value[ROUTER_MAX_EXPERTS];
    value[0] = 0;
    uint8_t taken[ROUTER_MAX_EXPERTS];
    for (int e = 0; e < s->experts; e++) value[e] = score[e] + (bias ? bias[e] : 0.0f);
    if (s->topk != TOPK_GREEDY && s->groups > 1) {
        const int size = s->experts / s->groups;
        float group[ROUTER_MAX_EXPERTS];
        for (int g = 0; g < s->groups; g++) {
            float first = -INFINITY, second = -INFINITY;
            for (int e = g * size; e < (g + 1) * size; e++) {
                if (value[e] > first)
                    second = first, first = value[e];
                else if (value[e] > second)
                    second = value[e];
            }
            group[g] = s->topk == TOPK_NOAUX_TC && size > 1 ? first + second : first;
        }
        take_best(group, taken, s->groups, s->topk_group);
        for (int e = 0; e < s->experts; e++)
            if (!taken[e / size]) value[e] = -INFINITY;
    }
    take_best(value, taken, s->experts, s->k);
    for (int e = 0, i = 0; e < s->experts; e++)
        if (taken[e]) route[i++] = (int16_t)e;
}

void cpu_router(void *dev, const RouterShape *s, float *score, int16_t *route, float *weight,
                const float *logit, const float *bias, const int16_t *replay, int replay_step,
                int rows) {
    (void)dev;
    for (int r = 0; r < rows; r++, score += s->experts, route += s->k, weight += s->k) {
        router_scores(score, logit + (size_t)r * (size_t)s->experts, s->experts,
                      s->scoring == ROUTER_SOFTMAX);
        if (replay && replay[(size_t)r * (size_t)replay_step] >= 0)
            memcpy(route, replay + (size_t)r * (size_t)replay_step, (size_t)s->k * sizeof *route);
        else
            choose(s, score, bias, route);
        float sum = 0;
        for (int i = 0; i < s->k; i++) sum += score[route[i]];
        const float by = s->norm ? s->scale / (sum + 1e-20f) : s->scale;
        for (int i = 0; i < s->k; i++) weight[i] = score[route[i]] * by;
    }
}

// weight_i = scale s_i / S or scale s_i; then s = sigmoid(logit) or softmax(logit).
void cpu_router_grad(void *dev, const RouterShape *s, float *dlogit, const float *dscore,
                     const float *dweight, const float *score, const int16_t *route, int rows) {
    (void)dev;
    const int n = s->experts;
    for (int r = 0; r < rows; r++, score += n, dlogit += n, route += s->k, dweight += s->k) {
        float sum = 0, dot = 0, all = 0;
        for (int e = 0; e < n; e++) dlogit[e] = dscore ? dscore[(size_t)r * (size_t)n + e] : 0;
        for (int i = 0; i < s->k; i++) {
            sum += score[route[i]];
            dot += dweight[i] * score[route[i]];
        }
        for (int i = 0; i < s->k; i++) {
            float d = s->norm ? (dweight[i] - dot / (sum + 1e-20f)) / (sum + 1e-20f) : dweight[i];
            dlogit[route[i]] += s->scale * d;
        }
        if (s->scoring == ROUTER_SIGMOID) {
            for (int e = 0; e < n; e++) dlogit[e] *= score[e] * (1.0f - score[e]);
            continue;
        }
        for (int e = 0; e < n; e++) all += dlogit[e] * score[e];
        for (int e = 0; e < n; e++) dlogit[e] = score[e] * (dlogit[e] - all);
    }
}

// f_i = E / (k T) * tokens whose k best raw scores hold i; P_i = mean_t s_ti / sum_j s_tj.
void cpu_router_balance(void *dev, const RouterShape *s, float *dscore, const float *score,
                        float alpha, int rows) {
    (void)dev;
    const int n = s->experts;
    float f[ROUTER_MAX_EXPERTS] = {0};
    uint8_t taken[ROUTER_MAX_EXPERTS];
    for (int r = 0; r < rows; r++) {
        take_best(score + (size_t)r * (size_t)n, taken, n, s->k);
        for (int e = 0; e < n; e++) f[e] += taken[e];
    }
    for (int e = 0; e < n; e++) f[e] *= (float)n / ((float)s->k * (float)rows);
    for (int r = 0; r < rows; r++, score += n, dscore += n) {
        float sum = 0, dot = 0;
        for (int e = 0; e < n; e++) {
            sum += score[e];
            dot += f[e] * score[e];
        }
        sum += 1e-20f;
        for (int e = 0; e < n; e++) dscore[e] = alpha / (float)rows / sum * (f[e] - dot / sum);
    }
}
