// policy/cpu/softmax.c -- the online softmax of a block of 64 keys, and the end of it.
//
// The lanes' version is the definition; that in AVX-512's own instructions has its bits and takes a
// quarter of its time (a maximum is one instruction there, and a mask no arithmetic).
#include <math.h>

#include "policy/cpu/attention.h"
#include "policy/cpu/isa.h"
#include "policy/cpu/lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void softmax_lanes(const Softmax *a);
LANE_INLINE void softmax_lanes_body(const Softmax *a) {
    const I16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const V16 none = v16_set(-INFINITY), scale = v16_set(a->scale);
    for (int r = 0; r < a->rows; r++) {
        float *s = a->s + (size_t)r * KEY_BLOCK;
        int seen = a->first + r / a->heads;
        if (seen > KEY_BLOCK) seen = KEY_BLOCK;
        V16 z[4], top = none;
        for (int i = 0; i < 4; i++) {
            I16 in = i16_less(lane + i * LANES, i16_set(seen));
            z[i] = v16_pick(in, v16_load(s + i * LANES) * scale, none);
            top = v16_max(z[i], top);
        }
        const float old = a->begin ? -INFINITY : a->max[r];
        float max = v16_top(top);
        if (!(max > old)) max = old;
        const V16 shift = v16_set(max);
        V16 sum = v16_set(0);
        for (int i = 0; i < 4; i++) {
            V16 p = v16_exp(z[i] - shift); // -inf gives +0
            v16_store(s + i * LANES, p);
            sum += p;
        }
        const float by = a->begin ? 0 : v16_exp(v16_set(old - max))[0];
        a->sum[r] = (a->begin ? 0 : a->sum[r] * by) + v16_sum(sum);
        a->max[r] = max;
        if (a->begin || by == 1.0f) continue;
        float *o = a->o + (size_t)r * (size_t)a->ldo;
        int c = 0;
        for (; c + LANES <= a->v_dim; c += LANES) v16_store(o + c, v16_load(o + c) * v16_set(by));
        for (; c < a->v_dim; c++) o[c] *= by;
    }
}
LANES_FN(softmax_lanes, (const Softmax *a), (a))

#if defined(__x86_64__)
ISA_TARGET(ISA_AVX512)
#define LANES_512
#include "policy/cpu/lanes512.h"

static void softmax_512(const Softmax *a) {
    const __m512 none = SET(-INFINITY), scale = SET(a->scale);
    for (int r = 0; r < a->rows; r++) {
        float *s = a->s + (size_t)r * KEY_BLOCK;
        const int seen = a->first + r / a->heads;
        __m512 z[4], top = none;
        UNROLL for (int i = 0; i < 4; i++) {
            z[i] = _mm512_mask_mul_ps(none, first_512(seen - i * LANES),
                                      _mm512_loadu_ps(s + i * LANES), scale);
            top = _mm512_max_ps(z[i], top);
        }
        const float old = a->begin ? -INFINITY : a->max[r];
        float max = top_512(top);
        if (!(max > old)) max = old;
        __m512 sum = _mm512_setzero_ps();
        UNROLL for (int i = 0; i < 4; i++) {
            const __m512 p = exp_512(_mm512_sub_ps(z[i], SET(max)));
            _mm512_storeu_ps(s + i * LANES, p);
            sum = _mm512_add_ps(sum, p);
        }
        const float by = a->begin ? 0 : _mm512_cvtss_f32(exp_512(SET(old - max)));
        a->sum[r] = (a->begin ? 0 : a->sum[r] * by) + sum_512(sum);
        a->max[r] = max;
        if (a->begin || by == 1.0f) continue;
        float *o = a->o + (size_t)r * (size_t)a->ldo;
        for (int c = 0; c < a->v_dim; c += LANES) {
            const __mmask16 in = first_512(a->v_dim - c);
            _mm512_mask_storeu_ps(o + c, in,
                                  _mm512_mul_ps(_mm512_maskz_loadu_ps(in, o + c), SET(by)));
        }
    }
}
ISA_END
#endif

void attention_softmax(const Softmax *a) {
#if defined(__x86_64__)
    if (gemm_set() >= GEMM_AVX512) {
        softmax_512(a);
        return;
    }
#endif
    softmax_lanes(a);
}

LANE_INLINE void attention_finish_body(float *o, int ldo, float *lse, int ldl, const float *max,
                                       const float *sum, int rows, int v_dim) {
    for (int r = 0; r < rows; r++, o += ldo) {
        const float by = 1.0f / sum[r];
        lse[(size_t)r * (size_t)ldl] = max[r] + lane_log(sum[r]);
        int c = 0;
        for (; c + LANES <= v_dim; c += LANES) v16_store(o + c, v16_load(o + c) * v16_set(by));
        for (; c < v_dim; c++) o[c] *= by;
    }
}
LANES_FN(attention_finish,
         (float *o, int ldo, float *lse, int ldl, const float *max, const float *sum, int rows,
          int v_dim),
         (o, ldo, lse, ldl, max, sum, rows, v_dim))
