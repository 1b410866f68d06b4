// pipelines/bench/ceiling.c -- chains of multiply-adds that touch no memory, and a bare copy.
#include "pipelines/bench/ceiling.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/status.h"
#include "policy/cpu/isa.h"

enum { ROUNDS = 7, TURNS = 400000, CHAINS = 12 };

#if defined(__x86_64__)
#include <immintrin.h>

#include "policy/cpu/tile.h"

// Twelve independent chains hide the latency of an instruction on every core since 2013.
#define CHAIN_LOOP(vec, splat, fma, first, lanes)                                                  \
    vec c[CHAINS], a = splat(0.999f), b = splat(1e-3f);                                            \
    UNROLL for (int j = 0; j < CHAINS; j++) c[j] = splat((float)j);                                \
    for (int i = 0; i < TURNS; i++) {                                                              \
        UNROLL for (int j = 0; j < CHAINS; j++) c[j] = fma(c[j], a, b);                            \
    }                                                                                              \
    float s = 0;                                                                                   \
    UNROLL for (int j = 0; j < CHAINS; j++) s += first(c[j]);                                      \
    *sink = s;                                                                                     \
    return 2.0 * TURNS * CHAINS * (lanes)

__attribute__((target(ISA_AVX2))) static double chains_256(volatile float *sink) {
    CHAIN_LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32, 8);
}

__attribute__((target(ISA_AVX512))) static double chains_512(volatile float *sink) {
    CHAIN_LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32, 16);
}

INLINE __attribute__((target(ISA_AVX512BF16))) __m512 two_steps(__m512 c, __m512 a, __m512 b) {
    return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b);
}
__attribute__((target(ISA_AVX512BF16))) static double chains_bf16(volatile float *sink) {
    CHAIN_LOOP(__m512, _mm512_set1_ps, two_steps, _mm512_cvtss_f32, 32);
}

// Four accumulators, as the GEMM has them; a tile product is 16 x 16 x 32 multiply-adds.
static double tile_products(volatile float *sink) {
    TileConfig config = {.palette = 1};
    for (int t = 0; t < 8; t++) config.rows[t] = 16, config.row_bytes[t] = 64;
    tile_configure(&config);
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    tile_zero(4);
    tile_zero(5);
    tile_zero(6);
    tile_zero(7);
    enum { PRODUCTS = 20000 };
    for (int i = 0; i < PRODUCTS; i++) {
        tile_dpbf16(0, 4, 6);
        tile_dpbf16(1, 4, 7);
        tile_dpbf16(2, 5, 6);
        tile_dpbf16(3, 5, 7);
    }
    tile_release();
    *sink = 0;
    return 2.0 * PRODUCTS * 4 * 16 * 16 * 32;
}
#else
static double chains_256(volatile float *sink) {
    return *sink = 0;
}
static double chains_512(volatile float *sink) {
    return *sink = 0;
}
static double chains_bf16(volatile float *sink) {
    return *sink = 0;
}
static double tile_products(volatile float *sink) {
    return *sink = 0;
}
#endif

typedef struct CeilingLoad {
    GemmSet row;
    bool bf16;
    double flops;
    char *from, *to;
    size_t bytes;
    int parts;
} CeilingLoad;

static void spin(void *ctx, int i, int worker) {
    (void)i;
    (void)worker;
    CeilingLoad *w = ctx;
    volatile float sink;
    double flops = w->row == GEMM_AVX2                    ? chains_256(&sink)
                   : w->bf16 && w->row == GEMM_AMX        ? tile_products(&sink)
                   : w->bf16 && w->row == GEMM_AVX512BF16 ? chains_bf16(&sink)
                                                          : chains_512(&sink);
    if (i == 0) w->flops = flops;
}

// One thread is measured by its own time, so that a busy machine does not lower the ceiling.
static double seconds(const Pool *pool) {
    struct timespec t;
    if (pool) return clock_now();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double ceiling_flops(GemmSet row, bool bf16, Pool *pool) {
    if (row == GEMM_PORTABLE) return 0;
    CeilingLoad w = {.row = row, .bf16 = bf16};
    int threads = pool_threads(pool);
    double best = 0;
    for (int r = 0; r < ROUNDS; r++) {
        double begin = seconds(pool);
        pool_for(pool, threads, spin, &w);
        double rate = w.flops * threads / (seconds(pool) - begin);
        if (rate > best) best = rate;
    }
    return best;
}

static void copy_part(void *ctx, int i, int worker) {
    (void)worker;
    CeilingLoad *w = ctx;
    size_t begin = w->bytes * (size_t)i / (size_t)w->parts;
    size_t end = w->bytes * (size_t)(i + 1) / (size_t)w->parts;
    memcpy(w->to + begin, w->from + begin, end - begin);
}

double ceiling_bandwidth(Pool *pool) {
    CeilingLoad w = {.bytes = (size_t)64 << 20, .parts = 4 * pool_threads(pool)};
    w.from = malloc(w.bytes);
    w.to = malloc(w.bytes);
    CHECK(w.from && w.to);
    memset(w.from, 1, w.bytes);
    double best = 0;
    for (int r = 0; r < ROUNDS + 1; r++) {
        double begin = clock_now();
        pool_for(pool, w.parts, copy_part, &w);
        double rate = 2.0 * (double)w.bytes / (clock_now() - begin);
        if (rate > best) best = rate;
    }
    free(w.from);
    free(w.to);
    return best;
}
