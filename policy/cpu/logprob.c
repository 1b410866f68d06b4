// policy/cpu/logprob.c -- ln softmax of a row of logits, entropy, and their gradient.
//
// The one definition: maximum, then the sum of e^(z - max) over blocks of 1024 in 16 lanes, blocks
// folded into a double in ascending order.
#include <math.h>

#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"

enum { VOCAB_BLOCK = 1024 };

LANE_INLINE V16 scaled(const float *z, int i, int n, float by, float pad) {
    if (n - i >= LANES) return v16_load(z + i) * v16_set(by);
    V16 x = v16_load_n(z + i, n - i, 0) * v16_set(by), fill = v16_set(pad);
    memcpy(&fill, &x, (size_t)(n - i) * sizeof(float));
    return fill;
}

LANE_INLINE void cpu_logprob_row_body(const float *logits, int vocab, float inv_temperature,
                                      int32_t token, float *logp, float *lse, float *entropy) {
    V16 top = v16_set(-INFINITY);
    for (int i = 0; i < vocab; i += LANES)
        top = v16_max(scaled(logits, i, vocab, inv_temperature, -INFINITY), top);
    const float max = v16_top(top);
    double sum = 0, weighted = 0;
    for (int b = 0; b < vocab; b += VOCAB_BLOCK) {
        const int end = b + VOCAB_BLOCK < vocab ? b + VOCAB_BLOCK : vocab;
        V16 s = v16_set(0), w = v16_set(0);
        for (int i = b; i < end; i += LANES) {
            V16 z = scaled(logits, i, vocab, inv_temperature, -1e30f) - v16_set(max);
            V16 e = v16_exp(z);
            s += e;
            if (entropy) w += e * z;
        }
        sum += (double)v16_sum(s);
        if (entropy) weighted += (double)v16_sum(w);
    }
    const float ln_sum = lane_log((float)sum);
    if (lse) *lse = max + ln_sum;
    if (logp) *logp = logits[token] * inv_temperature - max - ln_sum;
    if (entropy) *entropy = ln_sum - (float)(weighted / sum);
}
LANES_FN(cpu_logprob_row,
         (const float *logits, int vocab, float inv_temperature, int32_t token, float *logp,
          float *lse, float *entropy),
         (logits, vocab, inv_temperature, token, logp, lse, entropy))

Status cpu_logprob(void *dev, View logits, const int32_t *token, float inv_temperature, float *logp,
                   float *entropy, float *lse) {
    (void)dev;
    const float *row = logits.data;
    for (int r = 0; r < logits.rows; r++, row += logits.stride)
        cpu_logprob_row(row, logits.cols, inv_temperature, token[r], &logp[r], lse ? &lse[r] : NULL,
                        entropy ? &entropy[r] : NULL);
    return ST_OK;
}

void logprob_grad_row(float *z, int vocab, float by, int32_t token, float lse, float entropy,
                      float dlogp, float dentropy);
LANE_INLINE void logprob_grad_row_body(float *z, int vocab, float by, int32_t token, float lse,
                                       float entropy, float dlogp, float dentropy) {
    for (int i = 0; i < vocab; i += LANES) {
        V16 ln_p = scaled(z, i, vocab, by, -1e30f) - v16_set(lse);
        V16 p = v16_exp(ln_p);
        V16 d = -p * v16_set(dlogp) - v16_set(dentropy) * p * (ln_p + v16_set(entropy));
        d *= v16_set(by);
        if (vocab - i >= LANES)
            v16_store(z + i, d);
        else
            v16_store_n(z + i, d, vocab - i);
    }
    if (token >= 0 && token < vocab) z[token] += by * dlogp;
}
LANES_FN(logprob_grad_row,
         (float *z, int vocab, float by, int32_t token, float lse, float entropy, float dlogp,
          float dentropy),
         (z, vocab, by, token, lse, entropy, dlogp, dentropy))

Status cpu_logprob_grad(void *dev, View logits, const int32_t *token, float inv_temperature,
                        const float *lse, const float *entropy, const float *dlogp,
                        const float *dentropy) {
    (void)dev;
    float *row = logits.data;
    for (int r = 0; r < logits.rows; r++, row += logits.stride)
        logprob_grad_row(row, logits.cols, inv_temperature, token[r], lse[r],
                         entropy && dentropy ? entropy[r] : 0, dlogp[r],
                         entropy && dentropy ? dentropy[r] : 0);
    return ST_OK;
}
