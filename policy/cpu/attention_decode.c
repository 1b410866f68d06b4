// policy/cpu/attention_decode.c -- one new token over pages of 16 keys.
//
// Reads every key and value once, where they lie: no panels are packed; keys stored as rows are
// transposed page by page in the nearest cache, while the next page is on its way. The bits are
// those of cpu_attention over the same keys: the same chains, blocks of 64 and softmax. Keys that
// stand in a page after the token are scored and masked, their values are not read.
#include <math.h>

#include "policy/cpu/attention.h"
#include "policy/cpu/isa.h"
#include "policy/cpu/kvpage.h"
#include "policy/cpu/quant.h"

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
// An integer's broadcast is a load and no more; a float's also takes a pipe (Zen 4).
typedef int32_t Word __attribute__((may_alias));
#define vec_splat(p) _mm512_castsi512_ps(_mm512_set1_epi32(*(const Word *)(p)))
#define PAIRS __m512i
#define pairs_load(p) _mm512_loadu_si512(p)
#define vec_low(u) _mm512_castsi512_ps(_mm512_slli_epi32(u, 16))
#define vec_high(u) _mm512_castsi512_ps(_mm512_and_si512(u, _mm512_set1_epi32(-65536)))
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
#undef PAIRS
#undef pairs_load
#undef vec_low
#undef vec_high
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
#define PAIRS __m256i
#define pairs_load(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define vec_low(u) _mm256_castsi256_ps(_mm256_slli_epi32(u, 16))
#define vec_high(u) _mm256_castsi256_ps(_mm256_and_si256(u, _mm256_set1_epi32(-65536)))
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
#undef PAIRS
#undef pairs_load
#undef vec_low
#undef vec_high
ISA_END
#endif

static inline uint32_t bits_of(const void *p) {
    uint32_t u;
    memcpy(&u, p, sizeof u);
    return u;
}
#define NAME(x) x##_portable
#define VEC float
#define VEC_LANES 1
#define ROWS_MAX 1
#define vec_zero() 0.0f
#define vec_load(p) (*(p))
#define vec_store(p, x) (*(p) = (x))
#define vec_splat(p) (*(p))
#define PAIRS uint32_t
#define pairs_load(p) bits_of(p)
#define vec_low(u) float_of((u) << 16)
#define vec_high(u) float_of((u)&0xffff0000u)
#define vec_fma(a, b, c) fmaf(a, b, c)
#define vec_add(a, b) ((a) + (b))
#define vec_load_n(p, n) ((n) > 0 ? *(p) : 0.0f)
#define vec_store_n(p, x, n)                                                                       \
    do {                                                                                           \
        if ((n) > 0) *(p) = (x);                                                                   \
    } while (0)
#include "policy/cpu/attend_kernel.h"

typedef void KeysFn(float *s, const float *q, ptrdiff_t ldq, int rows, const void *k, int d);
typedef void ValuesFn(float *o, ptrdiff_t ldo, int rows, const float *p, const void *const *value,
                      int n, int d, bool add);
typedef struct Products { // of fp32 pages, of bf16 pages
    KeysFn *keys[2];
    ValuesFn *values[2];
} Products;

#define PRODUCTS(row)                                                                              \
    {                                                                                              \
        {attend_keys_##row, attend_keys16_##row}, {                                                \
            attend_values_##row, attend_values16_##row                                             \
        }                                                                                          \
    }

static const Products *products(void) {
    static const Products portable = PRODUCTS(portable);
#if defined(__x86_64__)
    static const Products avx2 = PRODUCTS(avx2), avx512 = PRODUCTS(avx512);
    if (gemm_set() != GEMM_PORTABLE) return gemm_set() == GEMM_AVX2 ? &avx2 : &avx512;
#endif
    return &portable;
}

// A page's lines at most that are asked for, and how many pages ahead.
enum { ROWS = KEY_BLOCK / 4, FETCH = 128, AHEAD = 3 };

bool attention_decodes(const AttentionShape *s) {
    if (s->tokens != 1 || s->heads > DECODE_HEADS || !s->page || s->page_rows != ROWS) return false;
    if (s->transposed || s->k16) return true;
    return s->k2_dim == 0 && s->k_dim <= DECODE_DIM && s->k_dim % 2 == 0;
}

// Asks for the keys of a page, up to 8 KB of them.
static void fetch_page(const float *k, size_t floats) {
    for (size_t i = 0; i < floats && i < FETCH * 16; i += 16) __builtin_prefetch(k + i);
}

// Asks for the bf16 page that is AHEAD pages after page `at`, here or in what comes next; into
// the second cache, which takes twice as many lines at a time as the first (Zen 4: 20 GB/s of
// scattered pages, 12 into the first).
static void fetch_page16(const AttentionShape *s, int at, int n_pages) {
    const uint16_t *k = s->k16;
    const int32_t *page = s->page;
    at += AHEAD;
    if (at >= n_pages) {
        at -= n_pages;
        if (at >= s->next_pages) return;
        k = s->next16;
        page = s->next_page;
    }
    k += (size_t)page[at] * s->page_step;
    const size_t codes = kvpage_codes(s->k_dim);
    for (size_t i = 0; i < codes && i < FETCH * 32; i += 32) __builtin_prefetch(k + i, 0, 2);
}

// The keys of the page of key j, times the queries.
static void page_scores(const AttentionShape *s, const Products *by, float *score, const float *q,
                        int ldq, int j, int n_keys) {
    const int32_t *at = s->page + j / ROWS;
    if (s->k16) {
        fetch_page16(s, j / ROWS, (n_keys + ROWS - 1) / ROWS);
        by->keys[1](score, q, ldq, s->heads, s->k16 + (size_t)*at * s->page_step, s->k_dim);
        return;
    }
    const float *k = s->k + (size_t)*at * s->page_step;
    if (s->transposed) {
        by->keys[0](score, q, ldq, s->heads, k, s->k_dim);
        return;
    }
    _Alignas(64) float transposed[DECODE_DIM * ROWS];
    if (j + ROWS < n_keys)
        fetch_page(s->k + (size_t)at[1] * s->page_step, (size_t)ROWS * (size_t)s->ldk);
    page_transpose(transposed, k, s->ldk, s->k_dim);
    by->keys[0](score, q, ldq, s->heads, transposed, s->k_dim);
}

static const void *value_of(const AttentionShape *s, int j) {
    const size_t page = (size_t)s->page[j / ROWS] * s->page_step, row = (size_t)(j % ROWS);
    if (s->k16)
        return s->k16 + page + kvpage_keys_codes(s->k_dim) + row * (size_t)kvpage_width(s->k_dim);
    return s->v + page + row * (size_t)s->ldv;
}

void attention_decode(const AttentionShape *s, float *o, int ldo, float *lse, int ldl,
                      const float *q, int ldq) {
    float score[DECODE_HEADS * KEY_BLOCK], max[DECODE_HEADS], sum[DECODE_HEADS];
    const Products *by = products();
    const int n_keys = s->pos0 + 1;
    for (int b = 0; b < n_keys; b += KEY_BLOCK) {
        const void *value[KEY_BLOCK];
        const int n = n_keys - b < KEY_BLOCK ? n_keys - b : KEY_BLOCK;
        for (int j = 0; j < n; j += ROWS) page_scores(s, by, score + j, q, ldq, b + j, n_keys);
        for (int j = 0; j < n; j++) value[j] = value_of(s, b + j);
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
        by->values[s->k16 != NULL](o, ldo, s->heads, score, value, n, s->v_dim, b > 0);
    }
    attention_finish(o, ldo, lse, ldl, max, sum, s->heads, s->v_dim);
}
