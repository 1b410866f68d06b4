// tests/test_moe.c -- policy/cpu/router and mlp: choice, ties, groups, weights, gradients.
#include "base/rng.h"
#include "policy/cpu/rows.h"
#include "tests/test.h"

static float logit_of(double s) { // sigmoid inverse
    return (float)log(s / (1 - s));
}

static void the_bias_moves_the_choice_and_not_the_weight(void **state) {
    (void)state;
    const RouterShape s = {.experts = 4,
                           .k = 2,
                           .groups = 1,
                           .topk_group = 1,
                           .scoring = ROUTER_SIGMOID,
                           .topk = TOPK_NOAUX_TC,
                           .norm = true,
                           .scale = 2};
    const float logit[] = {logit_of(.8), logit_of(.6), logit_of(.4), logit_of(.2)};
    const float bias[] = {0, -1, 0, .1f};
    float score[4], weight[2];
    int16_t route[2];
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_int_equal(route[0], 0);
    assert_int_equal(route[1], 1);
    assert_close(weight, (float[]){2 * .8f / 1.4f, 2 * .6f / 1.4f}, 2, 1e-6, 0);
    cpu_router(NULL, &s, score, route, weight, logit, bias, NULL, 0, 1);
    assert_int_equal(route[1], 2);
    assert_close(weight, (float[]){2 * .8f / 1.2f, 2 * .4f / 1.2f}, 2, 1e-6, 0);
}

static void ties_go_to_the_lower_expert_and_slots_ascend(void **state) {
    (void)state;
    RouterShape s = {.experts = 8, .k = 3, .groups = 4, .topk_group = 2, .topk = TOPK_NOAUX_TC};
    float logit[8] = {0}, score[8], weight[3];
    int16_t route[3];
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){0, 1, 2}), sizeof route);
    logit[6] = 1;
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){0, 1, 6}), sizeof route);
}

static void v3_sums_two_and_v2_takes_the_best(void **state) {
    (void)state;
    // group 0: .9 .1 (best .9, sum 1.0); group 1: .7 .6 (best .7, sum 1.3)
    RouterShape s = {.experts = 4, .k = 2, .groups = 2, .topk_group = 1, .topk = TOPK_NOAUX_TC};
    const float logit[] = {logit_of(.9), logit_of(.1), logit_of(.7), logit_of(.6)};
    float score[4], weight[2];
    int16_t route[2];
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){2, 3}), sizeof route);
    s.topk = TOPK_GROUP_LIMITED;
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){0, 1}), sizeof route);
    s.topk = TOPK_GREEDY;
    cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){0, 2}), sizeof route);
}

// A zero in place of -inf would let group 0 back in: all biased scores of group 1 are negative.
static void a_masked_group_stays_out_when_scores_are_negative(void **state) {
    (void)state;
    const RouterShape s = {
        .experts = 4, .k = 2, .groups = 2, .topk_group = 1, .topk = TOPK_NOAUX_TC};
    const float logit[4] = {0}, bias[] = {-3, -3, -2, -2};
    float score[4], weight[2];
    int16_t route[2];
    cpu_router(NULL, &s, score, route, weight, logit, bias, NULL, 0, 1);
    assert_memory_equal(route, ((int16_t[]){2, 3}), sizeof route);
}

static void replay_takes_the_given_experts_with_fresh_weights(void **state) {
    (void)state;
    const RouterShape s = {.experts = 4, .k = 2, .groups = 1, .norm = true, .scale = 1};
    const float logit[] = {5, 4, logit_of(.3), logit_of(.1)};
    const int16_t replay[] = {9, 9, 2, 3};
    float score[4], weight[2];
    int16_t route[2];
    cpu_router(NULL, &s, score, route, weight, logit, NULL, replay + 2, 4, 1);
    assert_memory_equal(route, replay + 2, sizeof route);
    assert_close(weight, (float[]){.75f, .25f}, 2, 1e-6, 0);
}

// Gradients of sum(c * weight) + balance loss through the scores, routes held.
static void router_gradients_agree_with_differences(void **state) {
    (void)state;
    enum { E = 6, K = 2, T = 5 };
    for (int mode = 0; mode < 4; mode++) {
        const RouterShape s = {.experts = E,
                               .k = K,
                               .groups = 1,
                               .scoring = (RouterScore)(mode & 1),
                               .topk = TOPK_GREEDY,
                               .norm = mode >> 1,
                               .scale = 1.7f};
        Rng rng = rng_open((RngKey){.seed = 8, .stream = RNG_TEST, .sample = (uint32_t)mode});
        float logit[T * E], c[T * K], score[T * E], weight[T * K], dlogit[T * E], dscore[T * E];
        int16_t route[T * K];
        for (int i = 0; i < T * E; i++) logit[i] = (float)rng_normal(&rng);
        for (int i = 0; i < T * K; i++) c[i] = (float)rng_normal(&rng);
        cpu_router(NULL, &s, score, route, weight, logit, NULL, NULL, 0, T);
        cpu_router_balance(NULL, &s, dscore, score, 0.5f, T);
        cpu_router_grad(NULL, &s, dlogit, dscore, c, score, route, T);
        double f[E] = {0}; // routes are the k best raw scores here, so f follows from them
        for (int i = 0; i < T * K; i++) f[route[i]] += (double)E / (K * T);
        for (int i = 0; i < T * E; i++) {
            double value[2];
            const float keep = logit[i];
            for (int side = 0; side < 2; side++) {
                int16_t again[T * K];
                logit[i] = keep + (side ? 2e-3f : -2e-3f);
                cpu_router(NULL, &s, score, again, weight, logit, NULL, route, K, T);
                value[side] = 0;
                for (int j = 0; j < T * K; j++) value[side] += (double)c[j] * (double)weight[j];
                for (int t = 0; t < T; t++) {
                    double sum = 0;
                    for (int e = 0; e < E; e++) sum += (double)score[t * E + e];
                    for (int e = 0; e < E; e++)
                        value[side] += 0.5 * f[e] * (double)score[t * E + e] / sum / T;
                }
            }
            logit[i] = keep;
            const double want = (value[1] - value[0]) / 4e-3;
            if (fabs(want - (double)dlogit[i]) > 3e-4)
                fail_msg("mode %d logit %d: %g, difference %g", mode, i, (double)dlogit[i], want);
        }
    }
}

static void swiglu_gradients_agree_with_differences(void **state) {
    (void)state;
    enum { N = 21 };
    float g[N], u[N], d[N], dg[N], du[N], act[N];
    Rng rng = rng_open((RngKey){.seed = 9, .stream = RNG_TEST});
    for (int i = 0; i < N; i++) {
        g[i] = 2 * (float)rng_normal(&rng);
        u[i] = (float)rng_normal(&rng);
        d[i] = (float)rng_normal(&rng);
    }
    cpu_swiglu(NULL, act, g, u, N);
    cpu_swiglu_grad(NULL, dg, du, d, g, u, N);
    for (int i = 0; i < N; i++) {
        const double x = (double)g[i], s = 1 / (1 + exp(-x)), h = 1e-5;
        const double up = (x + h) / (1 + exp(-x - h)), down = (x - h) / (1 + exp(-x + h));
        assert_true(fabs((double)act[i] - x * s * (double)u[i]) < 1e-6);
        assert_true(fabs((double)dg[i] - (double)d[i] * (double)u[i] * (up - down) / (2 * h)) <
                    2e-6);
        assert_true(fabs((double)du[i] - (double)d[i] * x * s) < 2e-6);
    }
}

static void norm_gradients_agree_with_differences(void **state) {
    (void)state;
    enum { C = 21, R = 2 };
    float x[R * C], gain[C], dy[R * C], dx[R * C], dgain[C] = {0};
    Rng rng = rng_open((RngKey){.seed = 10, .stream = RNG_TEST});
    for (int i = 0; i < R * C; i++) x[i] = (float)rng_normal(&rng), dy[i] = (float)rng_normal(&rng);
    for (int i = 0; i < C; i++) gain[i] = (float)rng_normal(&rng);
    cpu_rmsnorm_grad(NULL, dx, C, dgain, dy, C, x, C, gain, R, C, 1e-5f, false);
    for (int i = 0; i < R * C; i++) {
        double value[2];
        for (int side = 0; side < 2; side++) {
            double sum = 0, dot = 0;
            for (int c = 0; c < C; c++) {
                const int at = i / C * C + c;
                const double v = (double)x[at] + (at == i ? (side ? 1e-5 : -1e-5) : 0);
                sum += v * v;
                dot += v * (double)gain[c] * (double)dy[at];
            }
            value[side] = dot / sqrt(sum / C + 1e-5);
        }
        assert_true(fabs((double)dx[i] - (value[1] - value[0]) / 2e-5) < 3e-6);
    }
    for (int c = 0; c < C; c++) {
        double want = 0;
        for (int r = 0; r < R; r++) {
            double sum = 0;
            for (int j = 0; j < C; j++) sum += (double)x[r * C + j] * (double)x[r * C + j];
            want += (double)dy[r * C + c] * (double)x[r * C + c] / sqrt(sum / C + 1e-5);
        }
        assert_true(fabs((double)dgain[c] - want) < 2e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bias_moves_the_choice_and_not_the_weight),
        cmocka_unit_test(ties_go_to_the_lower_expert_and_slots_ascend),
        cmocka_unit_test(v3_sums_two_and_v2_takes_the_best),
        cmocka_unit_test(a_masked_group_stays_out_when_scores_are_negative),
        cmocka_unit_test(replay_takes_the_given_experts_with_fresh_weights),
        cmocka_unit_test(router_gradients_agree_with_differences),
        cmocka_unit_test(swiglu_gradients_agree_with_differences),
        cmocka_unit_test(norm_gradients_agree_with_differences),
    };
    return cmocka_run_group_tests_name("policy/moe", tests, NULL, NULL);
}
