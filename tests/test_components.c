// tests/test_components.c -- components of the loss: their gradients, counts and columns.
#include "base/log.h"
#include "rl/grpo.h"
#include "rl/trainer_inside.h"
#include "tests/tiny_run.h"
#include "verifiers/verdict.h"

enum { N = 5 };
static const float weight[N] = {0, 1, 2, 0, 0.5f};

static double sft_loss(const float *logp) {
    GrpoStats s;
    float d[N] = {0};
    grpo_stats_clear(&s);
    grpo_sft(&(ComponentSeq){.n = N, .weight = weight, .logp = logp, .scale = 1.0 / 3}, d, &s);
    assert_true(s.n_sft == 3);
    return s.sft_loss;
}

static void sft_is_minus_logp_by_weight_over_count(void **state) {
    (void)state;
    float logp[N] = {NAN, -1, -0.5f, NAN, -2}, d[N] = {7, 0, 0, 7, 0};
    GrpoStats s;
    grpo_stats_clear(&s);
    grpo_sft(&(ComponentSeq){.n = N, .weight = weight, .logp = logp, .scale = 1.0 / 3}, d, &s);
    assert_true(fabs(s.sft_loss - (1 + 1 + 1) / 3.0) < 1e-9);
    assert_true(d[0] == 7 && d[3] == 7); // never touched
    for (int t = 1; t < N; t++) {
        if (weight[t] == 0) continue;
        float up[N], down[N];
        memcpy(up, logp, sizeof up), memcpy(down, logp, sizeof down);
        up[t] += 0.25f, down[t] -= 0.25f;
        assert_true(fabs((sft_loss(up) - sft_loss(down)) / 0.5 - (double)d[t]) < 1e-6);
    }
}

// At the weights that sampled the gradient is A = ln p - ln teacher; the value is the same number.
static void distillation_has_the_gradient_of_the_reverse_kl(void **state) {
    (void)state;
    // One softmax over three tokens: the expectation of c * grad ln p is the gradient of the KL.
    const double z[3] = {0.3, -0.4, 1.1}, q[3] = {0.2, 0.5, 0.3};
    double p[3], sum = 0;
    for (int v = 0; v < 3; v++) sum += exp(z[v]);
    for (int v = 0; v < 3; v++) p[v] = exp(z[v]) / sum;
    double kl = 0, by_z[3] = {0};
    for (int v = 0; v < 3; v++) kl += p[v] * log(p[v] / q[v]);
    for (int v = 0; v < 3; v++) {
        float logp = (float)log(p[v]), teacher = (float)log(q[v]), one = 1, d = 0;
        GrpoStats s;
        grpo_stats_clear(&s);
        grpo_distill(&(ComponentSeq){.n = 1,
                                     .weight = &one,
                                     .logp = &logp,
                                     .old = &logp,
                                     .teacher = &teacher,
                                     .scale = 1},
                     &d, &s);
        assert_true(s.n_distill == 1 && fabs(s.distill_kl - log(p[v] / q[v])) < 1e-6);
        for (int u = 0; u < 3; u++) by_z[u] += p[v] * (double)d * ((u == v) - p[u]);
    }
    for (int u = 0; u < 3; u++) // d KL / dz_u = p_u (ln p_u / q_u - KL)
        assert_true(fabs(by_z[u] - p[u] * (log(p[u] / q[u]) - kl)) < 1e-6);
    float logp = -1, old = -1.5f, teacher = -9, half = 0.5f, d = 0;
    GrpoStats s;
    grpo_stats_clear(&s);
    grpo_distill(&(ComponentSeq){.n = 1,
                                 .weight = &half,
                                 .logp = &logp,
                                 .old = &old,
                                 .teacher = &teacher,
                                 .scale = 2,
                                 .clip = 3},
                 &d, &s);
    assert_true(fabs((double)d - exp(0.5) * 3) < 1e-6 && s.distill_kl == 8);
}

// The batch of a run that has made one step, to be trained from again by hand.
static Batch *open_batch(TinyRun *r, RlConfig *cfg, int threads) {
    *r = open_run(cfg, threads, 0, NULL);
    Metrics row;
    TrainerStep out;
    assert_ok(trainer_step(r->trainer, NULL, &row, &out));
    r->trainer->batch->updates_made = 0;
    return r->trainer->batch;
}

static Metrics update(TinyRun *r, const RlConfig *cfg, const Batch *b) {
    Metrics row;
    UpdateResult result;
    metrics_clear(&row);
    assert_ok(update_run(r->policy, cfg, 11, b, 0.01, &row, &result, r->trainer->arena));
    assert_true(result.stepped);
    return row;
}

static void a_column_of_the_default_changes_no_bit(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.entropy_coef = 0.01, cfg.offpolicy_mask_delta = 1e-6;
    for (int loss = 0; loss < N_LOSSES; loss++) {
        cfg.loss = loss;
        RlConfig solved = cfg;
        assert_ok(settings_resolve(&solved));
        TinyRun a, c;
        const Batch *x = open_batch(&a, &cfg, 1);
        Batch *y = open_batch(&c, &cfg, 2);
        batch_open_token_column(y, &y->advantage_token, c.trainer->arena);
        batch_open_token_column(y, &y->weight_rl, c.trainer->arena);
        for (int i = 0; i < y->n_samples; i++)
            for (int t = y->token_begin[i]; t < y->token_end[i]; t++)
                y->advantage_token[t] = y->advantage[i], y->weight_rl[t] = 1;
        Metrics of_a = update(&a, &solved, x), of_c = update(&c, &solved, y);
        assert_same_rows(&of_a, &of_c);
        assert_same_weights(a.policy, c.policy);
        close_run(&a), close_run(&c);
    }
}

static double mean_logp(TinyRun *r, const Batch *b, const uint8_t *want, int *n) {
    Arena *arena = r->trainer->scratch;
    Pack pack = update_pack(b, want, arena);
    float *logp = ARENA_ARRAY(arena, float, pack.n_tokens + 1);
    assert_ok(policy_score(r->policy, &pack, &(ScoreOpts){.temperature = 1}, logp, NULL));
    double sum = 0;
    *n = 0;
    for (int t = 0; t < pack.n_tokens; t++) sum += (double)logp[t], *n += logp[t] != 0;
    return sum / *n;
}

// Tokens that were never drawn can be learned from too (a tool's answer), by a loss of their own.
static void components_have_counts_of_their_own(void **state) {
    (void)state;
    RlConfig cfg = config();
    RlConfig solved = cfg;
    assert_ok(settings_resolve(&solved));
    TinyRun r, alone;
    Batch *b = open_batch(&r, &cfg, 2), *without = open_batch(&alone, &cfg, 1);
    uint8_t *told = ARENA_ARRAY(r.trainer->arena, uint8_t, b->n_tokens + 1);
    batch_open_token_column(b, &b->weight_sft, r.trainer->arena);
    int n = 0, n_told = 0;
    for (int i = 0; i < b->n_samples; i++) { // the last token of each is somebody else's
        const int t = b->token_end[i] - 1;
        b->kind[t] = without->kind[t] = TOKEN_INJECTED;
        b->loss_mask[t] = without->loss_mask[t] = 0;
        if (i % 3 == 0) b->weight_sft[t] = 0.1f, told[t] = 1, n_told += batch_counts(b, i);
    }
    double before = mean_logp(&r, b, told, &n);
    Metrics with = update(&r, &solved, b), other = update(&alone, &solved, without);
    assert_int_equal(n, n_told);
    assert_true(metrics_get(&with, "actor/sft_tokens", 0) == n_told);
    assert_true(fabs(metrics_get(&with, "actor/sft_loss", 0) + 0.1 * before) < 1e-5);
    // the policy loss is what it was without them
    assert_true(fabs(metrics_get(&with, "actor/pg_loss", 1) -
                     metrics_get(&other, "actor/pg_loss", 2)) < 1e-9);
    batch_open_token_column(b, &b->weight_rl, r.trainer->arena); // zeroed: sft alone
    before = mean_logp(&r, b, told, &n);
    with = update(&r, &solved, b);
    assert_true(metrics_get(&with, "actor/trained_tokens", 1) == 0);
    assert_true(mean_logp(&r, b, told, &n) > before + 1e-3);
    close_run(&r), close_run(&alone);
}

static void distillation_brings_the_policy_to_its_teacher(void **state) {
    (void)state;
    RlConfig cfg = config();
    RlConfig solved = cfg;
    assert_ok(settings_resolve(&solved));
    TinyRun r;
    Batch *b = open_batch(&r, &cfg, 2);
    batch_open_token_column(b, &b->weight_rl, r.trainer->arena);
    batch_open_token_column(b, &b->weight_distill, r.trainer->arena);
    b->logp_teacher = ARENA_ARRAY(r.trainer->arena, float, b->n_tokens + 1);
    for (int t = 0; t < b->n_tokens; t++) { // likes even tokens
        b->weight_distill[t] = b->loss_mask[t];
        b->logp_teacher[t] = batch_old(b)[t] + (b->token[t] % 2 ? -1 : 1);
    }
    uint8_t *even = ARENA_ARRAY(r.trainer->arena, uint8_t, b->n_tokens + 1);
    for (int t = 0; t < b->n_tokens; t++) even[t] = b->loss_mask[t] && b->token[t] % 2 == 0;
    int n;
    double before = mean_logp(&r, b, even, &n);
    Metrics row = update(&r, &solved, b);
    assert_true(metrics_get(&row, "actor/distill_tokens", 0) > n);
    assert_true(mean_logp(&r, b, even, &n) > before + 1e-3);
    close_run(&r);
}

static void right_samples_are_imitated_where_asked(void **state) {
    (void)state;
    RlConfig cfg = config();
    cfg.positive_lm = 0.1, cfg.steps = 2;
    TinyRun r = open_run(&cfg, 1, 0, NULL);
    Metrics row;
    TrainerStep out;
    assert_ok(trainer_step(r.trainer, NULL, &row, &out));
    double n = 0;
    for (int i = 0; i < out.batch->n_samples; i++)
        if (out.batch->verdict[i] == VERDICT_RIGHT) n += batch_response_length(out.batch, i);
    assert_true(n > 0 && metrics_get(&row, "actor/sft_tokens", 0) == n);
    assert_true(metrics_get(&row, "actor/sft_loss", 0) > 0);
    close_run(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sft_is_minus_logp_by_weight_over_count),
        cmocka_unit_test(distillation_has_the_gradient_of_the_reverse_kl),
        cmocka_unit_test(a_column_of_the_default_changes_no_bit),
        cmocka_unit_test(components_have_counts_of_their_own),
        cmocka_unit_test(distillation_brings_the_policy_to_its_teacher),
        cmocka_unit_test(right_samples_are_imitated_where_asked),
    };
    log_open(LOG_QUIET, LOG_COLOR_NEVER);
    return cmocka_run_group_tests_name("rl/components", tests, NULL, NULL);
}
