// tests/test_grpo.c -- rl/grpo: each gradient against a plain loss in double, by finite
// differences.
#include "rl/grpo.h"

#include "base/rng.h"
#include "tests/test.h"

enum { N = 24 };

// Tokens with everything a loss may read. `spread`: how far apart the log-probs are.
typedef struct GrpoCase {
    uint8_t want[N];
    float logp[N], old[N], roll[N], ref[N], entropy[N];
    GrpoSeq seq;
} GrpoCase;

static void fill(GrpoCase *c, uint32_t number, double spread, double advantage) {
    Rng rng = rng_open((RngKey){.seed = 5, .stream = RNG_TEST, .step = number});
    memset(c, 0, sizeof *c);
    for (int t = 0; t < N; t++) {
        c->want[t] = t >= 4 && t % 7 != 6;
        c->logp[t] = (float)(-1.5 + spread * rng_normal(&rng));
        c->old[t] = (float)(-1.5 + spread * rng_normal(&rng));
        c->roll[t] = c->old[t] + (float)(0.3 * rng_normal(&rng));
        c->ref[t] = (float)(-1.5 + 0.5 * rng_normal(&rng));
        c->entropy[t] = (float)rng_double(&rng);
    }
    c->seq = (GrpoSeq){N,          c->want,   c->logp, c->old, c->roll, c->ref,
                       c->entropy, advantage, 0.37,    NULL,   NULL};
}

// The oracle: the loss of the papers, written the long way round and independent of rl/grpo.c.
// `base` holds the log-probs at which stopped gradients are taken.
static double oracle(const GrpoConfig *cfg, const GrpoSeq *s, const double *logp,
                     const double *base, const double *entropy) {
    double total = 0, mean = 0, mean_roll = 0, mean_tis = 0;
    int n = 0;
    for (int t = 0; t < s->n; t++)
        if (s->want[t]) {
            n++;
            mean += logp[t] - (double)s->old[t];
            mean_roll += (double)s->roll[t] - base[t];
            mean_tis += (double)s->old[t] - (double)s->roll[t];
        }
    mean /= n, mean_roll /= n, mean_tis /= n;
    double a = s->advantage;
    int masked = cfg->offpolicy_mask_delta > 0 && a < 0 && mean_roll > cfg->offpolicy_mask_delta;
    for (int t = 0; t < s->n; t++) {
        if (!s->want[t]) continue;
        double token = exp(logp[t] - (double)s->old[t]);
        double r = cfg->loss == LOSS_GSPO ? exp(mean) : token;
        double tis = cfg->loss == LOSS_GSPO ? mean_tis : (double)s->old[t] - (double)s->roll[t];
        if (cfg->tis_mode >= TIS_SEQUENCE_TRUNCATE) tis = mean_tis * n;
        double w = cfg->tis_cap > 0 ? exp(tis) : 1;
        if (cfg->tis_mode == TIS_TOKEN_MASK || cfg->tis_mode == TIS_SEQUENCE_MASK)
            w = cfg->tis_cap > 0 && (w > cfg->tis_cap || w < cfg->tis_floor) ? 0 : w;
        else if (cfg->tis_cap > 0 && w > cfg->tis_cap)
            w = cfg->tis_cap;
        double clipped = fmin(fmax(r, 1 - cfg->clip_low), 1 + cfg->clip_high), loss;
        if (cfg->loss == LOSS_CISPO) {
            double stopped = exp(base[t] - (double)s->old[t]);
            stopped = fmin(fmax(stopped, 1 - cfg->clip_low), 1 + cfg->clip_high);
            loss = -stopped * a * logp[t];
        } else if (cfg->loss == LOSS_SAPO) {
            double tau = a > 0 ? cfg->sapo_tau_pos : cfg->sapo_tau_neg;
            loss = -a * (4 / tau) * 0.5 * (1 + tanh(tau * (token - 1) / 2));
        } else if (cfg->loss == LOSS_DPPO_TV || cfg->loss == LOSS_DPPO_KL) {
            double p = exp(base[t]), q = exp((double)s->old[t]), far = fabs(p - q);
            if (cfg->loss == LOSS_DPPO_KL)
                far = q * (log(q) - log(p)) + (1 - q) * (log(1 - q + 1e-8) - log(1 - p + 1e-8));
            bool away = a > 0 ? p > q && far > cfg->clip_high : p < q && far > cfg->clip_low;
            double stopped = p / q;
            if (cfg->dual_clip > 0) stopped = fmin(stopped, cfg->dual_clip);
            loss = away ? 0 : -stopped * a * logp[t];
        } else {
            loss = fmax(-r * a, -clipped * a);
            if (cfg->dual_clip > 0 && a < 0) loss = fmin(loss, -cfg->dual_clip * a);
        }
        if (!masked) total += w * loss;
        double x = logp[t] - (double)s->ref[t];
        double k3 = exp(-x) + x - 1;
        double held = base[t] - (double)s->ref[t]; // value of one estimate, gradient of another
        double plus = x * x / 2 - held * held / 2;
        double kl = cfg->kl == KL_K1_PLUS    ? held + plus
                    : cfg->kl == KL_K3_PLUS  ? exp(-held) + held - 1 + plus
                    : cfg->kl == KL_K1       ? x
                    : cfg->kl == KL_K2       ? x * x / 2
                    : cfg->kl == KL_K3       ? k3
                    : cfg->kl == KL_UNBIASED ? token * k3
                                             : 0;
        total += cfg->kl_coef * kl - cfg->entropy_coef * entropy[t];
    }
    return s->scale * total;
}

static void check_against_oracle(const GrpoConfig *cfg, const GrpoCase *c) {
    float dlogp[N] = {0}, dentropy[N] = {0};
    GrpoStats stats;
    grpo_stats_clear(&stats);
    grpo_sequence(cfg, &c->seq, dlogp, dentropy, &stats);

    double logp[N], base[N], entropy[N];
    for (int t = 0; t < N; t++) {
        base[t] = logp[t] = (double)c->logp[t];
        entropy[t] = (double)c->entropy[t];
    }
    double value = oracle(cfg, &c->seq, logp, base, entropy);
    double mine = stats.pg_loss + cfg->kl_coef * stats.kl_loss -
                  c->seq.scale * cfg->entropy_coef * stats.entropy;
    assert_true(fabs(value - mine) < 1e-9 * (1 + fabs(value)));

    for (int t = 0; t < N; t++) {
        const double h = 1e-6;
        logp[t] = base[t] + h;
        double up = oracle(cfg, &c->seq, logp, base, entropy);
        logp[t] = base[t] - h;
        double down = oracle(cfg, &c->seq, logp, base, entropy);
        logp[t] = base[t];
        double want = (up - down) / (2 * h); // kinks are hit with probability about 1e-6
        if (fabs((double)dlogp[t] - want) > 1e-6 + 1e-5 * fabs(want))
            fail_msg("token %d: dlogp %.9g, finite difference %.9g (loss %d kl %d A %g)", t,
                     (double)dlogp[t], want, cfg->loss, cfg->kl, c->seq.advantage);
        entropy[t] += h;
        up = oracle(cfg, &c->seq, logp, base, entropy);
        entropy[t] -= 2 * h;
        down = oracle(cfg, &c->seq, logp, base, entropy);
        entropy[t] += h;
        assert_true(fabs((double)dentropy[t] - (up - down) / (2 * h)) < 1e-6);
    }
}

static const GrpoConfig plain = {
    .clip_low = 0.2, .clip_high = 0.28, .sapo_tau_pos = 1, .sapo_tau_neg = 1.05};

static void every_loss_has_the_gradient_of_its_formula(void **state) {
    (void)state;
    for (int loss = LOSS_GRPO; loss < N_LOSSES; loss++)
        for (int kl = KL_OFF; kl < N_KL_KINDS; kl++)
            for (uint32_t number = 0; number < 24; number++) {
                GrpoConfig cfg = plain;
                cfg.tis_mode = (int)(number / 4 % 4), cfg.tis_floor = 0.8;
                if (loss >= LOSS_DPPO_TV) cfg.clip_low = 0.05, cfg.clip_high = 0.07;
                cfg.loss = loss, cfg.kl = kl, cfg.kl_coef = 0.3;
                cfg.entropy_coef = number % 2 ? 0.05 : 0;
                cfg.dual_clip = number % 3 ? 1.6 : 0;
                cfg.tis_cap = number % 4 < 2 ? 1.3 : 0;
                cfg.offpolicy_mask_delta = number % 8 > 5 ? 0.05 : 0;
                GrpoCase c;
                fill(&c, number, number % 5 ? 0.4 : 0.02, number % 2 ? 1.3 : -0.8);
                check_against_oracle(&cfg, &c);
            }
}

static void the_ratio_is_exactly_one_on_policy(void **state) {
    (void)state;
    GrpoCase c;
    fill(&c, 1, 0.5, 1.5);
    memcpy(c.old, c.logp, sizeof c.old);
    memcpy(c.roll, c.logp, sizeof c.roll);
    for (int loss = LOSS_GRPO; loss < N_LOSSES; loss++) {
        GrpoConfig cfg = plain;
        cfg.loss = loss;
        float dlogp[N] = {0}, dentropy[N] = {0};
        GrpoStats s;
        grpo_stats_clear(&s);
        grpo_sequence(&cfg, &c.seq, dlogp, dentropy, &s);
        assert_true(s.ratio_min == 1 && s.ratio_max == 1 && s.diff_max == 0);
        assert_true(s.clip_low == 0 && s.clip_high == 0 && s.ppo_kl == 0);
        for (int t = 0; t < N; t++) // plain policy gradient: -A on every trained token
            assert_true(dlogp[t] == (c.want[t] ? (float)(-1.5 * 0.37) : 0));
    }
}

static double one_token(const GrpoConfig *cfg, double ratio, double a, GrpoStats *s) {
    const uint8_t want = 1;
    float old = -1, logp = (float)(-1 + log(ratio)), dlogp = 0, dentropy = 0;
    grpo_stats_clear(s);
    grpo_sequence(cfg,
                  &(GrpoSeq){.n = 1,
                             .want = &want,
                             .logp = &logp,
                             .old = &old,
                             .roll = &old,
                             .advantage = a,
                             .scale = 1},
                  &dlogp, &dentropy, s);
    return (double)dlogp;
}

static void the_clip_stops_only_the_side_that_would_gain(void **state) {
    (void)state;
    GrpoStats s;
    assert_true(one_token(&plain, 1.29, 1, &s) == 0 && s.clip_high == 1);
    assert_true(one_token(&plain, 1.27, 1, &s) < -1.2 && s.clip_high == 0);
    assert_true(one_token(&plain, 0.5, 1, &s) < -0.4 && s.clip_low == 0);
    assert_true(one_token(&plain, 0.79, -1, &s) == 0 && s.clip_low == 1);
    assert_true(one_token(&plain, 0.81, -1, &s) > 0.8 && s.clip_low == 0);
    assert_true(one_token(&plain, 9, -1, &s) > 8.9); // no dual clip: unbounded
    GrpoConfig dual = plain;
    dual.dual_clip = 3;
    assert_true(one_token(&dual, 9, -1, &s) == 0 && s.clip_dual == 1 && s.pg_loss == 3);
    assert_true(one_token(&dual, 2.9, -1, &s) > 2.8 && s.clip_dual == 0);
    GrpoConfig soft = plain;
    soft.loss = LOSS_CISPO; // clips the weight, keeps the gradient
    assert_true(fabs(one_token(&soft, 2, 1, &s) + 1.28) < 1e-6 && s.clip_high == 1);
}

static void dppo_masks_what_moves_away_and_nothing_else(void **state) {
    (void)state;
    GrpoStats s;
    GrpoConfig cfg = plain; // the old probability is 1/e = 0.368
    cfg.loss = LOSS_DPPO_TV, cfg.clip_low = cfg.clip_high = 0.1, cfg.dual_clip = 2;
    assert_true(one_token(&cfg, 1.3, 1, &s) == 0 && s.clip_high == 1); // 0.478
    assert_true(fabs(one_token(&cfg, 1.2, 1, &s) + 1.2) < 1e-6 && s.clip_high == 0);
    assert_true(fabs(one_token(&cfg, 0.5, 1, &s) + 0.5) < 1e-6); // back towards the old: kept
    assert_true(one_token(&cfg, 0.7, -1, &s) == 0 && s.clip_low == 1);
    assert_true(fabs(one_token(&cfg, 1.3, -1, &s) - 1.3) < 1e-6 && s.clip_low == 0);
    assert_true(fabs(one_token(&cfg, 2.5, -1, &s) - 2) < 1e-6 && s.clip_dual == 1);
    cfg.loss = LOSS_DPPO_KL, cfg.clip_low = cfg.clip_high = 0.02; // KL(0.368, 0.478) = 0.0250
    assert_true(one_token(&cfg, 1.3, 1, &s) == 0 && s.clip_high == 1);
    assert_true(one_token(&cfg, 1.2, 1, &s) < -1.1); // 0.0110
    cfg.clip_high = 0.026;
    assert_true(one_token(&cfg, 1.3, 1, &s) < -1.2);
}

static void importance_weights_are_cut_or_masked(void **state) {
    (void)state;
    const uint8_t want[2] = {1, 1};
    const float old[2] = {-1, -1}, roll[2] = {-1 - logf(3), -1 + logf(2)}; // w = 3 and 1/2
    const double expected[4][2] = {{2, 0.5}, {0, 0.5}, {1.5, 1.5}, {1.5, 1.5}};
    for (int mode = 0; mode < 4; mode++) {
        GrpoConfig cfg = plain;
        cfg.tis_cap = 2, cfg.tis_mode = mode, cfg.tis_floor = 0.4;
        float dlogp[2] = {0}, dentropy[2] = {0};
        GrpoStats s;
        grpo_stats_clear(&s);
        const GrpoSeq seq = {.n = 2,
                             .want = want,
                             .logp = old,
                             .old = old,
                             .roll = roll,
                             .advantage = 1,
                             .scale = 1};
        grpo_sequence(&cfg, &seq, dlogp, dentropy, &s);
        for (int t = 0; t < 2; t++) assert_true(fabs((double)dlogp[t] + expected[mode][t]) < 1e-5);
        assert_true(s.tis_cut == (mode < 2 ? 1 : 0));
        cfg.tis_floor = 0.6,
        cfg.tis_cap = 1.4; // the sequence is beyond both now, and token 1 below
        memset(dlogp, 0, sizeof dlogp);
        grpo_sequence(&cfg, &seq, dlogp, dentropy, &s);
        const double then[4][2] = {{1.4, 0.5}, {0, 0}, {1.4, 1.4}, {0, 0}};
        for (int t = 0; t < 2; t++) assert_true(fabs((double)dlogp[t] + then[mode][t]) < 1e-5);
    }
}

static void far_log_ratios_stay_finite(void **state) {
    (void)state;
    for (int loss = LOSS_GRPO; loss < N_LOSSES; loss++)
        for (int kl = KL_K1; kl < N_KL_KINDS; kl++)
            for (int sign = -1; sign <= 1; sign += 2) {
                GrpoCase c;
                fill(&c, 2, 0.1, -1);
                for (int t = 0; t < N; t++) c.old[t] = c.ref[t] = (float)(sign * 3e4);
                GrpoConfig cfg = plain;
                cfg.loss = loss, cfg.kl = kl, cfg.kl_coef = 1, cfg.tis_cap = 2;
                float dlogp[N] = {0}, dentropy[N] = {0};
                GrpoStats s;
                grpo_stats_clear(&s);
                grpo_sequence(&cfg, &c.seq, dlogp, dentropy, &s);
                for (int t = 0; t < N; t++) assert_true(isfinite(dlogp[t]));
                assert_true(isfinite(s.pg_loss) && isfinite(s.kl_loss));
            }
}

static void a_nan_at_an_unwanted_token_does_no_harm(void **state) {
    (void)state;
    GrpoCase c;
    fill(&c, 3, 0.2, 1);
    for (int t = 0; t < N; t++)
        if (!c.want[t]) c.logp[t] = c.old[t] = c.roll[t] = c.ref[t] = c.entropy[t] = NAN;
    GrpoConfig cfg = plain;
    cfg.kl = KL_UNBIASED, cfg.kl_coef = 1, cfg.tis_cap = 2, cfg.entropy_coef = 1;
    float dlogp[N] = {0}, dentropy[N] = {0};
    GrpoStats s;
    grpo_stats_clear(&s);
    grpo_sequence(&cfg, &c.seq, dlogp, dentropy, &s);
    for (int t = 0; t < N; t++) {
        assert_true(isfinite(dlogp[t]) && isfinite(dentropy[t]));
        if (!c.want[t]) assert_true(dlogp[t] == 0 && dentropy[t] == 0);
    }
    assert_true(isfinite(s.pg_loss) && isfinite(s.entropy) && isfinite(s.diff));
}

static void the_offpolicy_mask_takes_the_policy_term_of_bad_samples_only(void **state) {
    (void)state;
    GrpoConfig cfg = plain;
    cfg.offpolicy_mask_delta = 0.5, cfg.kl = KL_K1, cfg.kl_coef = 2;
    for (int sign = -1; sign <= 1; sign += 2) {
        GrpoCase c;
        fill(&c, 4, 0, sign);
        for (int t = 0; t < N; t++) c.roll[t] = c.logp[t] + 0.6f, c.old[t] = c.logp[t];
        float dlogp[N] = {0}, dentropy[N] = {0};
        GrpoStats s;
        grpo_stats_clear(&s);
        grpo_sequence(&cfg, &c.seq, dlogp, dentropy, &s);
        double want = 0.37 * (2 - (sign > 0 ? 1 : 0)); // KL stays
        assert_true(fabs((double)dlogp[4] - want) < 1e-6);
        assert_true(s.n_masked == (sign < 0));
    }
}

static void scales_sum_to_what_their_names_say(void **state) {
    (void)state;
    GrpoNorm n = {.n_tokens = 40, .n_seqs = 4, .max_tokens = 100};
    n.agg = AGG_TOKEN_MEAN;
    assert_true(grpo_scale(&n, 10) == 1.0 / 40);
    n.agg = AGG_SEQ_MEAN_TOKEN_MEAN;
    assert_true(grpo_scale(&n, 10) == 1.0 / 40 && grpo_scale(&n, 5) == 1.0 / 20);
    n.agg = AGG_SEQ_MEAN_TOKEN_SUM;
    assert_true(grpo_scale(&n, 10) == 0.25);
    n.agg = AGG_TOKEN_SUM_NORM;
    assert_true(grpo_scale(&n, 10) == 1.0 / 400);
    assert_true(grpo_scale(&n, 0) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_has_the_gradient_of_its_formula),
        cmocka_unit_test(the_ratio_is_exactly_one_on_policy),
        cmocka_unit_test(the_clip_stops_only_the_side_that_would_gain),
        cmocka_unit_test(dppo_masks_what_moves_away_and_nothing_else),
        cmocka_unit_test(importance_weights_are_cut_or_masked),
        cmocka_unit_test(far_log_ratios_stay_finite),
        cmocka_unit_test(a_nan_at_an_unwanted_token_does_no_harm),
        cmocka_unit_test(the_offpolicy_mask_takes_the_policy_term_of_bad_samples_only),
        cmocka_unit_test(scales_sum_to_what_their_names_say),
    };
    return cmocka_run_group_tests_name("rl/grpo", tests, NULL, NULL);
}
