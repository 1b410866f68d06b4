// tests/bench_gemm.c -- times the packed GEMM on training shapes, one JSON line each.
//
//   bench_gemm [fp32|bf16|fp8] [train|desk|grad|pack]     defaults: every precision, train
// Each time is printed with the FMA ceiling of this machine, measured in the same run on the same
// instruction set, and, where oneDNN was found at build time, its packed-weight matmul of the same
// shape and data type on one thread. Its bf16 reads bf16 (ratio_onednn) or, as our product does,
// fp32 that its own reorder rounds first (ratio_onednn_fp32_in); all write fp32. The runs
// alternate, and the clock is the thread's own processor time, so that a busy machine is busy for
// both.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/cpu/gemm.h"
#include "policy/cpu/isa.h"
#include "policy/cpu/quant.h"
#include "policy/cpu/vec.h"

enum { ROUNDS = 21, RIVALS = 2 }; // oneDNN from ready bf16, and from fp32

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *fresh(size_t n) {
    static uint64_t seed = 1;
    float *x = aligned_alloc(64, (n * sizeof *x + 127) / 64 * 64);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(uint32_t)(seed >> 33) / 1073741824.0f - 1.0f;
    }
    return x;
}

// ---- the ceiling: register-resident chains of fma

#if defined(__x86_64__)
#include <immintrin.h>

#define CHAINS(vec, splat, fma, first, lanes)                                                      \
    vec c[12], a = splat(0.999f), b = splat(1e-3f);                                                \
    UNROLL for (int j = 0; j < 12; j++) c[j] = splat((float)j);                                    \
    const double begin = seconds();                                                                \
    for (int i = 0; i < 400000; i++) {                                                             \
        UNROLL for (int j = 0; j < 12; j++) c[j] = fma(c[j], a, b);                                \
    }                                                                                              \
    const double took = seconds() - begin;                                                         \
    float s = 0;                                                                                   \
    UNROLL for (int j = 0; j < 12; j++) s += first(c[j]);                                          \
    return s < 0 ? 0 : 400000.0 * 12 * 2 * (lanes) / took * 1e-9;

__attribute__((target(ISA_AVX2))) static double fma_256(void) {
    CHAINS(__m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_cvtss_f32, 8)
}
__attribute__((target(ISA_AVX512))) static double fma_512(void) {
    CHAINS(__m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_cvtss_f32, 16)
}
#endif

static double ceiling(void) {
    double best = 0;
#if defined(__x86_64__)
    for (int i = 0; i < 9; i++) {
        const double r = gemm_set() == GEMM_PORTABLE ? 0
                         : gemm_set() == GEMM_AVX2   ? fma_256()
                                                     : fma_512();
        if (r > best) best = r;
    }
#endif
    return best;
}

// ---- what is timed

typedef struct Timed {
    void (*run)(void *ctx);
    void *ctx;
    double took[ROUNDS];
} Timed;

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// Rounds of about 3 ms, taking turns; afterwards took[] is sorted.
static void measure(Timed *t, int n) {
    int times[1 + RIVALS];
    for (int i = 0; i < n; i++) {
        t[i].run(t[i].ctx);
        const double begin = seconds();
        t[i].run(t[i].ctx);
        times[i] = 1 + (int)(3e-3 / (seconds() - begin + 1e-9));
    }
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < n; i++) {
            const double begin = seconds();
            for (int j = 0; j < times[i]; j++) t[i].run(t[i].ctx);
            t[i].took[r] = (seconds() - begin) / times[i];
        }
    for (int i = 0; i < n; i++) qsort(t[i].took, ROUNDS, sizeof(double), by_value);
}

typedef struct Shape {
    int m, k, n;
    Precision precision;
    Packed w;
    float *a, *b, *c;
    void *data, *work, *dnnl;
} Shape;

static void run_gemm(void *ctx) {
    Shape *s = ctx;
    gemm(s->c, s->n, s->a, s->k, s->m, &s->w, NULL, s->work);
}
static void run_grad(void *ctx) { // M tokens, gradient [N, K]
    Shape *s = ctx;
    gemm_grad(s->c, s->k, s->b, s->n, s->a, s->k, s->m, s->n, s->k, NULL, s->precision, s->work);
}
static void run_pack(void *ctx) {
    Shape *s = ctx;
    gemm_pack(&s->w, s->data, s->b, s->m ? s->n : s->k, s->n, s->k, s->m, s->precision);
}

// ---- oneDNN

#if HAVE_DNNL
#include <dnnl.h>

typedef struct Dnnl {
    dnnl_primitive_t primitive;
    dnnl_memory_t src, weights, dst;
    dnnl_primitive_t reorder; // of fp32 rows, where it reads bf16
    dnnl_memory_t rows;
} Dnnl;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void must(dnnl_status_t st) {
    if (st != dnnl_success) {
        fprintf(stderr, "bench_gemm: oneDNN says %d\n", st);
        exit(1);
    }
}

static dnnl_memory_t moved(const dnnl_memory_desc_t *to, const float *x, int64_t r, int64_t c) {
    dnnl_memory_desc_t plain;
    const dnnl_dims_t dims = {r, c};
    must(dnnl_memory_desc_init_by_tag(&plain, 2, dims, dnnl_f32, dnnl_ab));
    dnnl_memory_t from, out;
    must(dnnl_memory_create(&from, &plain, engine, (void *)(uintptr_t)x));
    must(dnnl_memory_create(&out, to, engine, DNNL_MEMORY_ALLOCATE));
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t reorder;
    must(dnnl_reorder_primitive_desc_create(&desc, &plain, engine, to, engine, NULL));
    must(dnnl_primitive_create(&reorder, desc));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, out}};
    must(dnnl_primitive_execute(reorder, stream, 2, args));
    must(dnnl_stream_wait(stream));
    return out;
}

static void *dnnl_make(const Shape *s) {
    if (!engine) {
        must(dnnl_engine_create(&engine, dnnl_cpu, 0));
        must(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    }
    Dnnl *d = calloc(1, sizeof *d);
    const dnnl_data_type_t in = s->precision == PRECISION_FP32 ? dnnl_f32 : dnnl_bf16;
    dnnl_memory_desc_t src, weights, dst;
    const dnnl_dims_t ds = {s->m, s->k}, dw = {s->k, s->n}, dd = {s->m, s->n};
    must(dnnl_memory_desc_init_by_tag(&src, 2, ds, in, dnnl_ab));
    must(dnnl_memory_desc_init_by_tag(&weights, 2, dw, in, dnnl_format_tag_any));
    must(dnnl_memory_desc_init_by_tag(&dst, 2, dd, dnnl_f32, dnnl_ab));
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    must(dnnl_matmul_desc_init(&desc, &src, &weights, NULL, &dst));
    must(dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL));
    must(dnnl_primitive_create(&d->primitive, pd));
    d->src = moved(&src, s->a, s->m, s->k);
    d->weights =
        moved(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), s->b, s->k, s->n);
    must(dnnl_memory_create(&d->dst, &dst, engine, DNNL_MEMORY_ALLOCATE));
    if (in == dnnl_bf16) {
        dnnl_memory_desc_t rows;
        dnnl_primitive_desc_t turn;
        must(dnnl_memory_desc_init_by_tag(&rows, 2, ds, dnnl_f32, dnnl_ab));
        must(dnnl_memory_create(&d->rows, &rows, engine, s->a));
        must(dnnl_reorder_primitive_desc_create(&turn, &rows, engine, &src, engine, NULL));
        must(dnnl_primitive_create(&d->reorder, turn));
    }
    return d;
}

static void run_dnnl(void *ctx) {
    Dnnl *d = ((Shape *)ctx)->dnnl;
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, d->src}, {DNNL_ARG_WEIGHTS, d->weights}, {DNNL_ARG_DST, d->dst}};
    must(dnnl_primitive_execute(d->primitive, stream, 3, args));
    must(dnnl_stream_wait(stream));
}
static void run_dnnl_fp32_in(void *ctx) {
    const Dnnl *d = ((Shape *)ctx)->dnnl;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, d->rows}, {DNNL_ARG_TO, d->src}};
    must(dnnl_primitive_execute(d->reorder, stream, 2, args));
    run_dnnl(ctx);
}
static void dnnl_free(Dnnl *d) {
    dnnl_primitive_destroy(d->primitive);
    dnnl_memory_destroy(d->src);
    dnnl_memory_destroy(d->weights);
    dnnl_memory_destroy(d->dst);
    free(d);
}
#endif

static const char *const precision_name[] = {"fp32", "bf16", "fp8"};
static double log_ratios[RIVALS], log_peaks;
static int n_ratios[RIVALS], n_peaks;
static const char *const rival[RIVALS] = {"onednn", "onednn_fp32_in"};

static void report(const char *name, const Shape *s, const Timed *t, int n, double peak) {
    const double work = name[0] == 'p' ? 0 : 2.0 * s->m * s->n * s->k;
    const double own = t[0].took[ROUNDS / 2], rate = work / own * 1e-9;
    printf("{\"name\":\"%s\",\"precision\":\"%s\",\"shape\":[%d,%d,%d],\"row\":\"%s\","
           "\"median_us\":%.2f,\"min_us\":%.2f,\"gflops\":%.1f,\"peak_gflops\":%.1f",
           name, precision_name[s->precision], s->m, s->k, s->n, gemm_set_name(gemm_set()),
           own * 1e6, t[0].took[0] * 1e6, rate, peak);
    if (work > 0 && peak > 0) log_peaks += __builtin_log(rate / peak), n_peaks++;
    for (int i = 0; i + 1 < n; i++) {
        const double took = t[i + 1].took[ROUNDS / 2], ratio = took / own;
        printf(",\"%s_gflops\":%.1f,\"ratio_%s\":%.3f", rival[i], work / took * 1e-9, rival[i],
               ratio);
        log_ratios[i] += __builtin_log(ratio), n_ratios[i]++;
    }
    printf("}\n");
    fflush(stdout);
}

static void bench(const char *name, int m, int k, int n, Precision precision, double peak) {
    Shape s = {.m = m, .k = k, .n = n, .precision = precision};
    const bool grad = strcmp(name, "grad") == 0, pack = strcmp(name, "pack") == 0;
    const size_t M = (size_t)m, K = (size_t)k, N = (size_t)n;
    s.a = fresh(M * K + 1);
    s.b = fresh(grad ? M * N : K * N);
    s.c = fresh(grad ? N * K : M * N + 1);
    s.data = aligned_alloc(64, gemm_packed_bytes(n, k, precision));
    gemm_pack(&s.w, s.data, s.b, n, n, k, true, precision);
    s.work = aligned_alloc(
        64, (grad ? gemm_grad_work_bytes(m, n, k) : gemm_work_bytes(m, k)) / 64 * 64 + 64);
    Timed t[1 + RIVALS] = {{.run = grad ? run_grad : pack ? run_pack : run_gemm, .ctx = &s}};
    int timed = 1;
#if HAVE_DNNL
    if (!grad && !pack && precision != PRECISION_FP8) {
        s.dnnl = dnnl_make(&s);
        t[timed++] = (Timed){.run = run_dnnl, .ctx = &s};
        if (precision == PRECISION_BF16) t[timed++] = (Timed){.run = run_dnnl_fp32_in, .ctx = &s};
    }
#endif
    measure(t, timed);
    report(name, &s, t, timed, peak);
#if HAVE_DNNL
    if (s.dnnl) dnnl_free(s.dnnl);
#endif
    free(s.a), free(s.b), free(s.c), free(s.data), free(s.work);
}

static const int train[][3] = {
    {2048, 64, 64},    {2048, 64, 256},  {2048, 128, 128},  {2048, 256, 256},
    {2048, 256, 1024}, {2048, 576, 192}, {2048, 576, 576},  {2048, 576, 1536},
    {2048, 1536, 576}, {8192, 128, 128}, {8192, 576, 1536}, {8192, 1536, 576},
};
static const int desk[][3] = {
    {1, 128, 128}, {8, 128, 128}, {64, 128, 128}, {64, 128, 48},  {64, 48, 96},  {64, 96, 32},
    {16, 128, 56}, {64, 16, 64},  {12, 128, 96},  {256, 128, 60}, {1, 576, 576}, {512, 32, 48},
};
static const int grads[][3] = {
    {256, 128, 128}, {1024, 128, 128}, {4096, 128, 128}, {1024, 48, 128},
    {1024, 128, 48}, {2048, 512, 512}, {4096, 64, 60},   {64, 128, 96},
};
static const int packs[][3] = {{0, 128, 128}, {1, 128, 128}, {0, 512, 512}, {1, 512, 512}};

#define RUN(list)                                                                                  \
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)                                      \
    bench(what, list[i][0], list[i][1], list[i][2], (Precision)p, peak)

int main(int argc, char **argv) {
#if HAVE_DNNL
    if (!getenv("OMP_NUM_THREADS")) { // read when the library is loaded
        setenv("OMP_NUM_THREADS", "1", 1);
        execv("/proc/self/exe", argv);
    }
#endif
    pool_flush_denormals();
    if (gemm_select(NULL) != ST_OK) {
        fprintf(stderr, "bench_gemm: %s\n", status_text());
        return 2;
    }
    const char *only = argc > 1 ? argv[1] : "all", *what = argc > 2 ? argv[2] : "train";
    for (int p = 0; p < 3; p++) {
        if (strcmp(only, "all") != 0 && strcmp(only, precision_name[p]) != 0) continue;
        const double peak = ceiling();
        log_peaks = n_peaks = 0;
        memset(log_ratios, 0, sizeof log_ratios);
        memset(n_ratios, 0, sizeof n_ratios);
        if (strcmp(what, "train") == 0) RUN(train);
        if (strcmp(what, "desk") == 0) RUN(desk);
        if (strcmp(what, "grad") == 0) RUN(grads);
        if (strcmp(what, "pack") == 0) RUN(packs);
        printf("{\"name\":\"geomean\",\"precision\":\"%s\",\"of_peak\":%.3f", precision_name[p],
               n_peaks ? __builtin_exp(log_peaks / n_peaks) : 0);
        for (int i = 0; i < RIVALS; i++)
            if (n_ratios[i])
                printf(",\"ratio_%s\":%.3f", rival[i], __builtin_exp(log_ratios[i] / n_ratios[i]));
        printf("}\n");
    }
    return 0;
}
