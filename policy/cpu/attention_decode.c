// policy/cpu/attention_decode.c -- one new token over pages of 16 keys.
//
// Reads every key and value once, where they lie: no panels are packed; keys that stand as rows are
// turned page by page in the nearest cache, while the next page is on its way. The bits are those
// of cpu_attention over the same keys: the same chains, blocks of 64 and softmax. Keys that stand
// in a page after the token are scored and masked, their values are not read.
#include <math.h>

#include "policy/cpu/attention.h"
#include "policy/cpu/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>

ISA_TARGET(ISA_AVX512)
#define NAME(x) x##_avx512
#define VEC __m512
#define VEC_LANES 16
#define ROWS_MAX 4
#define vec_zero() _mm512_setzero_ps()
#define vec_load(p) _mm512_loadu_ps(p)
#define vec_store(p, x) _mm512_storeu_ps(p, x)
#define vec_splat(p) _mm512_set1_ps(*(p))
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_add(a, b) _mm512_add_ps(a, b)
#define vec_load_n(p, n) _mm512_maskz_loadu_ps(lanes_512(n), p)
#define vec_store_n(p, x, n) _mm512_mask_storeu_ps(p, lanes_512(n), x)
INLINE __mmask16 lanes_512(int n) {
    return n >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (n > 0 ? n : 0)) - 1);
}
#include "policy/cpu/attend_kernel.h"
#undef NAME
#undef VEC
#undef VEC_LANES
#undef ROWS_MAX
#undef vec_zero
#undef vec_load
#undef vec_store
#undef vec_splat
#undef vec_fma
#undef vec_add
#undef vec_load_n
#undef vec_store_n
ISA_END

ISA_TARGET(ISA_AVX2)
#define NAME(x) x##_avx2
#define VEC __m256
#define VEC_LANES 8
#define ROWS_MAX 2
#define vec_zero() _mm256_setzero_ps()
#define vec_load(p) _mm256_loadu_ps(p)
#define vec_store(p, x) _mm256_storeu_ps(p, x)
#define vec_splat(p) _mm256_set1_ps(*(p))
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_add(a, b) _mm256_add_ps(a, b)
#define vec_load_n(p, n) _mm256_maskload_ps(p, lanes_256(n))
#define vec_store_n(p, x, n) _mm256_maskstore_ps(p, lanes_256(n), x)
INLINE __m256i lanes_256(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
#include "policy/cpu/attend_kernel.h"
#undef NAME
#undef VEC
#undef VEC_LANES
#undef ROWS_MAX
#undef vec_zero
#undef vec_load
#undef vec_store
#undef vec_splat
#undef vec_fma
#undef vec_add
#undef vec_load_n
#undef vec_store_n
ISA_END
#endif

#define NAME(x) x##_portable
#define VEC float
#define VEC_LANES 1
#define ROWS_MAX 1
#define vec_zero() 0.0f
#define vec_load(p) (*(p))
#define vec_store(p, x) (*(p) = (x))
#define vec_splat(p) (*(p))
#define vec_fma(a, b, c) fmaf(a, b, c)
#define vec_add(a, b) ((a) + (b))
#define vec_load_n(p, n) ((n) > 0 ? *(p) : 0.0f)
#define vec_store_n(p, x, n)                                                                       \
    do {                                                                                           \
        if ((n) > 0) *(p) = (x);                                                                   \
    } while (0)
#include "policy/cpu/attend_kernel.h"

static void keys_of(float *s, const float *q, ptrdiff_t ldq, int rows, const float *k, int d) {
    switch (gemm_row()) {
    case GEMM_PORTABLE: attend_keys_portable(s, q, ldq, rows, k, d); return;
#if defined(__x86_64__)
    case GEMM_AVX2: attend_keys_avx2(s, q, ldq, rows, k, d); return;
    default: attend_keys_avx512(s, q, ldq, rows, k, d); return;
#else
    default: attend_keys_portable(s, q, ldq, rows, k, d); return;
#endif
    }
}

static void values_of(float *o, ptrdiff_t ldo, int rows, const float *p, const float *const *value,
                      int n, int d, bool add) {
    switch (gemm_row()) {
    case GEMM_PORTABLE: attend_values_portable(o, ldo, rows, p, value, n, d, add); return;
#if defined(__x86_64__)
    case GEMM_AVX2: attend_values_avx2(o, ldo, rows, p, value, n, d, add); return;
    default: attend_values_avx512(o, ldo, rows, p, value, n, d, add); return;
#else
    default: attend_values_portable(o, ldo, rows, p, value, n, d, add); return;
#endif
    }
}

enum { ROWS = KEY_BLOCK / 4, FETCH = 128 };

bool attention_decodes(const AttentionShape *s) {
    if (s->tokens != 1 || s->heads > DECODE_HEADS || !s->page || s->page_rows != ROWS) return false;
    return s->turned || (s->k2_dim == 0 && s->k_dim <= DECODE_DIM && s->k_dim % 2 == 0);
}

// Asks for the keys of a page, up to 8 KB of them.
static void fetch_page(const float *k, size_t floats) {
    for (size_t i = 0; i < floats && i < FETCH * 16; i += 16) __builtin_prefetch(k + i);
}

void attention_decode(const AttentionShape *s, float *o, int ldo, float *lse, int ldl,
                      const float *q, int ldq) {
    float score[DECODE_HEADS * KEY_BLOCK], max[DECODE_HEADS], sum[DECODE_HEADS];
    _Alignas(64) float turned[DECODE_DIM * ROWS];
    const int n_keys = s->pos0 + 1;
    for (int b = 0; b < n_keys; b += KEY_BLOCK) {
        const float *value[KEY_BLOCK];
        const int n = n_keys - b < KEY_BLOCK ? n_keys - b : KEY_BLOCK;
        for (int j = 0; j < n; j += ROWS) {
            const int32_t *at = s->page + (b + j) / ROWS;
            const size_t page = (size_t)*at * s->page_step;
            const float *k = s->k + page;
            if (!s->turned) {
                if (b + j + ROWS < n_keys)
                    fetch_page(s->k + (size_t)at[1] * s->page_step, (size_t)ROWS * (size_t)s->ldk);
                page_turn(turned, k, s->ldk, s->k_dim);
                k = turned;
            }
            keys_of(score + j, q, ldq, s->heads, k, s->k_dim);
            for (int i = 0; i < ROWS && j + i < n; i++)
                value[j + i] = s->v + page + (size_t)i * (size_t)s->ldv;
        }
        const Softmax softmax = {.s = score,
                                 .o = o,
                                 .max = max,
                                 .sum = sum,
                                 .rows = s->heads,
                                 .heads = s->heads,
                                 .first = n,
                                 .v_dim = s->v_dim,
                                 .ldo = ldo,
                                 .begin = b == 0,
                                 .scale = s->scale};
        attention_softmax(&softmax);
        values_of(o, ldo, s->heads, score, value, n, s->v_dim, b > 0);
    }
    attention_finish(o, ldo, lse, ldl, max, sum, s->heads, s->v_dim);
}
