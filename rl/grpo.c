// rl/grpo.c -- one pass for what a whole sequence decides, one for its tokens.
#include "rl/grpo.h"

#include <math.h>
#include <stdbool.h>

GrpoConfig grpo_config(const RlConfig *c) {
    return (GrpoConfig){
        .loss = c->loss,
        .kl = c->kl,
        .clip_low = c->clip_low,
        .clip_high = c->clip_high,
        .dual_clip = c->dual_clip,
        .kl_coef = c->kl_coef,
        .entropy_coef = c->entropy_coef,
        .tis_cap = c->tis_cap,
        .tis_floor = c->tis_floor,
        .tis_mode = c->tis_mode,
        .sapo_tau_pos = c->sapo_tau_pos,
        .sapo_tau_neg = c->sapo_tau_neg,
        .offpolicy_mask_delta = c->offpolicy_mask_delta,
    };
}

void grpo_stats_clear(GrpoStats *stats) {
    *stats = (GrpoStats){
        .ratio_min = HUGE_VAL, .ratio_max = -HUGE_VAL, .tis_min = HUGE_VAL, .tis_max = -HUGE_VAL};
}

void grpo_stats_fold(GrpoStats *a, const GrpoStats *b) {
    a->n_seqs += b->n_seqs;
    a->n_tokens += b->n_tokens;
    a->n_masked += b->n_masked;
    a->pg_loss += b->pg_loss;
    a->kl_loss += b->kl_loss;
    a->entropy += b->entropy;
    a->ppo_kl += b->ppo_kl;
    a->ratio += b->ratio;
    a->ratio_min = fmin(a->ratio_min, b->ratio_min);
    a->ratio_max = fmax(a->ratio_max, b->ratio_max);
    a->clip_low += b->clip_low;
    a->clip_high += b->clip_high;
    a->clip_dual += b->clip_dual;
    a->tis += b->tis;
    a->tis_min = fmin(a->tis_min, b->tis_min);
    a->tis_max = fmax(a->tis_max, b->tis_max);
    a->tis_cut += b->tis_cut;
    a->diff += b->diff;
    a->diff_max = fmax(a->diff_max, b->diff_max);
    a->n_sft += b->n_sft;
    a->sft_loss += b->sft_loss;
    a->n_distill += b->n_distill;
    a->distill_kl += b->distill_kl;
}

double grpo_scale(const GrpoNorm *norm, int n_want) {
    if (n_want == 0) return 0;
    switch (norm->agg) {
    case AGG_TOKEN_MEAN: return 1 / norm->n_tokens;
    case AGG_SEQ_MEAN_TOKEN_MEAN: return 1 / (norm->n_seqs * n_want);
    case AGG_SEQ_MEAN_TOKEN_SUM: return 1 / norm->n_seqs;
    case AGG_TOKEN_SUM_NORM: return 1 / (norm->n_seqs * norm->max_tokens);
    default: CHECK(!"loss_agg is resolved"); return 0;
    }
}

// A log-ratio made safe for exp; *slope is its derivative, 0 where it was clamped.
static double clamp20(double x, double *slope) {
    *slope = x >= -20 && x <= 20;
    return x < -20 ? -20 : x > 20 ? 20 : x;
}

// What is decided for the sequence as a whole.
typedef struct Whole {
    int n_want;
    double log_ratio, slope; // mean clamped logp - old; share of tokens that were not clamped
    double log_tis;          // mean old - roll
    bool masked;             // the off-policy mask
} Whole;

static Whole look(const GrpoConfig *cfg, const GrpoSeq *s) {
    Whole w = {0};
    double drift = 0, advantage = 0, slope;
    for (int t = 0; t < s->n; t++) {
        if (!s->want[t]) continue;
        w.n_want++;
        w.log_ratio += clamp20((double)s->logp[t] - (double)s->old[t], &slope);
        w.log_tis += (double)s->old[t] - (double)s->roll[t];
        drift += (double)s->roll[t] - (double)s->logp[t];
        advantage += s->advantage_token ? (double)s->advantage_token[t] : s->advantage;
    }
    if (w.n_want == 0) return w;
    w.log_ratio /= w.n_want;
    w.log_tis /= w.n_want;
    w.masked = cfg->offpolicy_mask_delta > 0 && advantage < 0 &&
               drift / w.n_want > cfg->offpolicy_mask_delta;
    return w;
}

// Clipped surrogate and its derivative by log r. The clip is taken only where it makes the loss
// larger (the pessimistic side), so it is one-sided for each sign of A.
static double surrogate(const GrpoConfig *cfg, double r, double a, double *slope,
                        GrpoStats *stats) {
    *slope = 0;
    if (a > 0 && r > 1 + cfg->clip_high) {
        stats->clip_high++;
        return -(1 + cfg->clip_high) * a;
    }
    if (a < 0 && r < 1 - cfg->clip_low) {
        stats->clip_low++;
        return -(1 - cfg->clip_low) * a;
    }
    if (a < 0 && cfg->dual_clip > 0 && r > cfg->dual_clip) {
        stats->clip_dual++;
        return -cfg->dual_clip * a;
    }
    *slope = -r * a;
    return -r * a;
}

static double cispo(const GrpoConfig *cfg, double r, double a, double logp, double *slope,
                    GrpoStats *stats) {
    double low = 1 - cfg->clip_low, high = 1 + cfg->clip_high;
    stats->clip_low += r < low;
    stats->clip_high += r > high;
    double c = r < low ? low : r > high ? high : r;
    *slope = -c * a;
    return -c * a * logp;
}

// The soft gate: sigmoid(tau (r - 1)) 4 / tau is 2 / tau at r = 1, with slope 1 by r.
static double sapo(const GrpoConfig *cfg, double r, double a, double *slope) {
    double tau = a > 0 ? cfg->sapo_tau_pos : cfg->sapo_tau_neg;
    double gate = 1 / (1 + exp(-tau * (r - 1)));
    *slope = -4 * a * r * gate * (1 - gate);
    return -a * gate * 4 / tau;
}

// KL of the two-valued distributions "this token or any other", old against new.
static double binary_kl(double old, double p) {
    return old * log(old / p) + (1 - old) * log((1 - old + 1e-8) / (1 - p + 1e-8));
}

static double dppo(const GrpoConfig *cfg, double r, double a, double logp, double old,
                   double *slope, GrpoStats *stats) {
    double p = exp(fmin(0, fmax(-60, logp))), p_old = exp(fmin(0, fmax(-60, old)));
    double up = p - p_old, down = p_old - p;
    if (cfg->loss == LOSS_DPPO_KL) {
        double kl = binary_kl(p_old, p);
        up = p > p_old ? kl : 0, down = p < p_old ? kl : 0;
    }
    *slope = 0;
    if (a > 0 ? up > cfg->clip_high : down > cfg->clip_low) {
        *(a > 0 ? &stats->clip_high : &stats->clip_low) += 1;
        return 0;
    }
    double c = r;
    if (cfg->dual_clip > 0 && r > cfg->dual_clip) {
        stats->clip_dual++;
        c = cfg->dual_clip;
    }
    *slope = -c * a;
    return -c * a * logp;
}

// The importance weight of a token, from ln(p_old / p_sampler).
static double importance(const GrpoConfig *cfg, double log_w, GrpoStats *stats) {
    if (!(cfg->tis_cap > 0)) return 1;
    double raw = exp(clamp20(log_w, &(double){0})), w = fmin(raw, cfg->tis_cap);
    bool mask = cfg->tis_mode == TIS_TOKEN_MASK || cfg->tis_mode == TIS_SEQUENCE_MASK;
    if (mask && (raw > cfg->tis_cap || raw < cfg->tis_floor)) w = 0;
    stats->tis += raw;
    stats->tis_min = fmin(stats->tis_min, raw);
    stats->tis_max = fmax(stats->tis_max, raw);
    stats->tis_cut += w != raw;
    return w;
}

// The KL estimate and its derivative by logp. r_slope: derivative of log r by logp.
static double kl_term(int kind, double logp_minus_ref, double r, double r_slope, double *slope) {
    double inside, x = clamp20(logp_minus_ref, &inside);
    double k3 = expm1(-x) + x, k3_slope = -expm1(-x) * inside;
    switch (kind) {
    case KL_K1: *slope = inside; return x;
    case KL_K2: *slope = x * inside; return x * x / 2;
    case KL_K3: *slope = k3_slope; return k3;
    case KL_UNBIASED: *slope = r * (k3 * r_slope + k3_slope); return r * k3;
    case KL_K1_PLUS: *slope = x * inside; return x;
    case KL_K3_PLUS: *slope = x * inside; return k3;
    default: *slope = 0; return 0;
    }
}

void grpo_sequence(const GrpoConfig *cfg, const GrpoSeq *s, float *dlogp, float *dentropy,
                   GrpoStats *stats) {
    Whole whole = look(cfg, s);
    if (whole.n_want == 0) return;
    stats->n_seqs++;
    stats->n_masked += whole.masked;
    for (int t = 0; t < s->n; t++) {
        if (!s->want[t]) continue;
        double logp = (double)s->logp[t], inside, term_slope, term;
        double log_r = clamp20(logp - (double)s->old[t], &inside), r = exp(log_r);
        double log_tis = (double)s->old[t] - (double)s->roll[t];
        double a = s->advantage_token ? (double)s->advantage_token[t] : s->advantage;
        double scale = s->weight ? s->scale * (double)s->weight[t] : s->scale;
        switch (cfg->loss) {
        case LOSS_CISPO: term = cispo(cfg, r, a, logp, &term_slope, stats); break;
        case LOSS_DPPO_TV:
        case LOSS_DPPO_KL:
            term = dppo(cfg, r, a, logp, (double)s->old[t], &term_slope, stats);
            break;
        case LOSS_SAPO:
            term = sapo(cfg, r, a, &term_slope);
            term_slope *= inside;
            break;
        case LOSS_GSPO:
            // All tokens of the sequence have one scale, so its derivative by this token,
            // f'(s) s / n for each of n terms, sums to f'(s) s: the token form.
            log_tis = whole.log_tis;
            term = surrogate(cfg, exp(whole.log_ratio), a, &term_slope, stats);
            term_slope *= inside;
            break;
        default: term = surrogate(cfg, r, a, &term_slope, stats); term_slope *= inside;
        }
        if (cfg->tis_mode == TIS_SEQUENCE_TRUNCATE || cfg->tis_mode == TIS_SEQUENCE_MASK)
            log_tis = whole.log_tis * whole.n_want;
        double w = importance(cfg, log_tis, stats);
        term *= w, term_slope *= w;
        double slope = whole.masked ? 0 : term_slope;
        if (!whole.masked) stats->pg_loss += scale * term;
        if (cfg->kl != KL_OFF) {
            double kl_slope, kl = kl_term(cfg->kl, logp - (double)s->ref[t], r, inside, &kl_slope);
            slope += cfg->kl_coef * kl_slope;
            stats->kl_loss += scale * kl;
        }
        dlogp[t] += (float)(scale * slope);
        dentropy[t] += (float)(-scale * cfg->entropy_coef);

        double diff = fabs(logp - (double)s->roll[t]);
        stats->n_tokens++;
        stats->entropy += s->entropy ? (double)s->entropy[t] : 0;
        stats->ppo_kl += (double)s->old[t] - logp;
        stats->ratio += r;
        stats->ratio_min = fmin(stats->ratio_min, r);
        stats->ratio_max = fmax(stats->ratio_max, r);
        stats->diff += diff;
        stats->diff_max = fmax(stats->diff_max, diff);
    }
}

void grpo_sft(const ComponentSeq *s, float *dlogp, GrpoStats *stats) {
    for (int t = 0; t < s->n; t++) {
        if (s->weight[t] == 0) continue;
        const double scale = s->scale * (double)s->weight[t];
        dlogp[t] += (float)-scale;
        stats->n_sft++;
        stats->sft_loss -= scale * (double)s->logp[t];
    }
}

void grpo_distill(const ComponentSeq *s, float *dlogp, GrpoStats *stats) {
    for (int t = 0; t < s->n; t++) {
        if (s->weight[t] == 0) continue;
        const double scale = s->scale * (double)s->weight[t];
        double inside, kl = (double)s->logp[t] - (double)s->teacher[t];
        const double r = exp(clamp20((double)s->logp[t] - (double)s->old[t], &inside));
        stats->n_distill++;
        stats->distill_kl += scale * kl;
        if (s->clip > 0) kl = fmax(-s->clip, fmin(s->clip, kl));
        dlogp[t] += (float)(scale * r * kl);
    }
}
