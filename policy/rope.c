// policy/rope.c -- rotary frequencies, YaRN's ramp between them, and its temperature.
#include "policy/rope.h"

#include <math.h>

#include "base/status.h"

static const double two_pi = 6.283185307179586476925286766559;

static double yarn_mscale(double factor, double mscale) {
    return factor > 1 ? 0.1 * mscale * log(factor) + 1 : 1;
}

// The pair whose wave turns `turns` times within the original context.
static double pair_of(const RopeConfig *r, int dim, double turns) {
    return dim * log(r->original_max_position / (turns * two_pi)) / (2 * log(r->theta));
}

void rope_yarn_range(const RopeConfig *r, int dim, int *low, int *high) {
    *low = (int)floor(pair_of(r, dim, r->beta_fast));
    *high = (int)ceil(pair_of(r, dim, r->beta_slow));
    if (*low < 0) *low = 0;
    if (*high > dim - 1) *high = dim - 1;
}

void rope_rates(const RopeConfig *r, int dim, double *rate, double *scale) {
    int low = 0, high = 0;
    *scale = 1;
    if (r->yarn) {
        rope_yarn_range(r, dim, &low, &high);
        *scale = yarn_mscale(r->factor, r->mscale) / yarn_mscale(r->factor, r->mscale_all_dim);
    }
    for (int i = 0; i < dim / 2; i++) {
        rate[i] = pow(r->theta, -2.0 * i / dim);
        if (!r->yarn) continue;
        double width = high > low ? high - low : 0.001;
        double ramp = (i - low) / width;
        ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
        rate[i] = rate[i] * (1 - ramp) + rate[i] / r->factor * ramp;
    }
}

// Llama 3.1: long waves are stretched by `factor`, short ones kept, those between mixed.
static float llama3_rate(const RopeConfig *r, float rate) {
    const float before = (float)r->original_max_position, wave = (float)two_pi / rate;
    const float low = (float)r->low_freq_factor, high = (float)r->high_freq_factor;
    if (wave > before / low) return rate / (float)r->factor;
    if (wave < before / high) return rate;
    const float mix = (before / wave - low) / (high - low);
    return (1 - mix) * (rate / (float)r->factor) + mix * rate;
}

void rope_rates_dense(const RopeConfig *r, int dim, float *rate, double *scale) {
    double exact[ROPE_MAX_DIM / 2];
    CHECK(dim <= ROPE_MAX_DIM);
    rope_rates(r, dim, exact, scale);
    for (int i = 0; i < dim / 2; i++) {
        const float power = (float)pow(r->theta, (double)((float)(2 * i) / (float)dim));
        rate[i] = r->yarn ? (float)exact[i] : 1.0f / power;
        if (r->llama3) rate[i] = llama3_rate(r, rate[i]);
    }
}

double rope_softmax_scale(const RopeConfig *r, int qk_dim) {
    double m = r->yarn && r->mscale_all_dim > 0 ? yarn_mscale(r->factor, r->mscale_all_dim) : 1;
    return m * m / sqrt((double)qk_dim);
}
