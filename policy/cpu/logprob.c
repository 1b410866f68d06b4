// policy/cpu/logprob.c -- ln softmax of a row of logits, entropy, and their gradient.
//
// The one definition: maximum, then the sum of e^(z - max) over blocks of 1024 in 16 lanes, blocks
// folded into a double in ascending order.
#include <math.h>

#include "policy/cpu/isa.h"
#include "policy/cpu/lanes.h"
#include "policy/cpu/rows.h"
#include "policy/policy.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { VOCAB_BLOCK = 1024 };

LANE_INLINE V16 scaled(const float *z, int i, int n, float by, float pad) {
    if (n - i >= LANES) return v16_load(z + i) * v16_set(by);
    V16 x = v16_load_n(z + i, n - i, 0) * v16_set(by), fill = v16_set(pad);
    memcpy(&fill, &x, (size_t)(n - i) * sizeof(float));
    return fill;
}

void logprob_row_lanes(const float *logits, int vocab, float inv_temperature, int32_t token,
                       float *logp, float *lse, float *entropy);
LANE_INLINE void logprob_row_lanes_body(const float *logits, int vocab, float inv_temperature,
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
LANES_FN(logprob_row_lanes,
         (const float *logits, int vocab, float inv_temperature, int32_t token, float *logp,
          float *lse, float *entropy),
         (logits, vocab, inv_temperature, token, logp, lse, entropy))

#if defined(__x86_64__)
ISA_TARGET(ISA_AVX512)
#define LANES_512
#include "policy/cpu/lanes512.h"

INLINE __m512 scaled_512(const float *z, int i, int n, __m512 by, __m512 pad) {
    const __mmask16 in = first_512(n - i);
    return _mm512_mask_mul_ps(pad, in, _mm512_maskz_loadu_ps(in, z + i), by);
}

static void logprob_row_512(const float *logits, int vocab, float inv_temperature, int32_t token,
                            float *logp, float *lse, float *entropy) {
    const __m512 by = SET(inv_temperature), none = SET(-INFINITY), pad = SET(-1e30f);
    __m512 top = none;
    for (int i = 0; i < vocab; i += LANES)
        top = _mm512_max_ps(scaled_512(logits, i, vocab, by, none), top);
    const float max = top_512(top);
    double sum = 0, weighted = 0;
    for (int b = 0; b < vocab; b += VOCAB_BLOCK) {
        const int end = b + VOCAB_BLOCK < vocab ? b + VOCAB_BLOCK : vocab;
        __m512 s = _mm512_setzero_ps(), w = s;
        for (int i = b; i < end; i += LANES) {
            const __m512 z = _mm512_sub_ps(scaled_512(logits, i, vocab, by, pad), SET(max));
            const __m512 e = exp_512(z);
            s = _mm512_add_ps(s, e);
            if (entropy) w = _mm512_add_ps(w, _mm512_mul_ps(e, z));
        }
        sum += (double)sum_512(s);
        if (entropy) weighted += (double)sum_512(w);
    }
    const float ln_sum = lane_log((float)sum);
    if (lse) *lse = max + ln_sum;
    if (logp) *logp = logits[token] * inv_temperature - max - ln_sum;
    if (entropy) *entropy = ln_sum - (float)(weighted / sum);
}
ISA_END
#endif

void cpu_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                     float *logp, float *lse, float *entropy) {
#if defined(__x86_64__)
    if (gemm_set() >= GEMM_AVX512) {
        logprob_row_512(logits, vocab, inv_temperature, token, logp, lse, entropy);
        return;
    }
#endif
    logprob_row_lanes(logits, vocab, inv_temperature, token, logp, lse, entropy);
}

float policy_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                         float *lse, float *entropy) {
    float logp;
    cpu_logprob_row(logits, vocab, inv_temperature, token, &logp, lse, entropy);
    return logp;
}

Status cpu_logprob(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
                   float *logp, float *entropy, float *lse) {
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

Status cpu_logprob_grad(void *dev, KernelView logits, const int32_t *token, float inv_temperature,
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
