// pipelines/command/command_bench.c -- `grpo bench`: ceilings, our GEMM, a desk step by phase.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipelines/bench/bench_model.h"
#include "pipelines/bench/bench_sandbox.h"
#include "pipelines/bench/bench_step.h"
#include "pipelines/bench/bench_verify.h"
#include "pipelines/bench/ceiling.h"
#include "pipelines/command.h"

static const Flag flags[] = {
    {"only", 0, "PART",
     "ceiling, gemm or step; of a MODEL: prefill, decode, score or train (default: all)"},
    {"task", 't', "NAME", "verify: judge of rows that name none (default math)"},
    {"steps", 0, "N", "optimiser steps to time (default 3, after one that is not timed)"},
    {"seqs", 0, "N,N", "MODEL: sequences decoded together (default 1,16,64)"},
    {"prompt", 0, "N", "MODEL: tokens of each prompt (default 128)"},
    {"new", 0, "N", "MODEL: tokens decoded after it (default 32)"},
    {"batch", 0, "N", "MODEL: sequences scored and trained (default 8)"},
    {"length", 0, "N", "MODEL: tokens of each (default 256)"},
    {"rounds", 0, "N", "MODEL: each figure is the median of N (default 3)"},
    {"precision", 0, "P", "MODEL: fp32, bf16 or fp8 (default: the folder's)"},
    {"threads", 'j', "N", "MODEL, verify: worker threads (default: all cores)"},
    {"runs", 0, "N", "sandbox: Python programs a figure (default 500), four times as many in C"},
    {"soak", 0, "N", "sandbox: N programs in a row instead; fails where anything grows"},
    FLAG_ALLOW_MISSING,
};

typedef struct BenchRun {
    bool json;
    Pool *pool;
    double vector, bf16, bytes; // ceilings of all threads
    double one_vector, one_bf16;
} BenchRun;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure_ceilings(BenchRun *b, bool show) {
    GemmSet row = gemm_set();
    b->one_vector = ceiling_flops(row, false, NULL);
    b->vector = ceiling_flops(row, false, b->pool);
    b->one_bf16 = ceiling_flops(row, true, NULL);
    b->bf16 = ceiling_flops(row, true, b->pool);
    b->bytes = ceiling_bandwidth(b->pool);
    if (!show) return;
    if (b->json)
        printf("{\"name\":\"ceiling\",\"row\":\"%s\",\"threads\":%d,\"fp32_gflops\":%.1f,"
               "\"bf16_gflops\":%.1f,\"fp32_gflops_1\":%.1f,\"bf16_gflops_1\":%.1f,"
               "\"copy_gb_s\":%.2f}\n",
               gemm_set_name(row), pool_threads(b->pool), b->vector * 1e-9, b->bf16 * 1e-9,
               b->one_vector * 1e-9, b->one_bf16 * 1e-9, b->bytes * 1e-9);
    else
        printf("ceilings, measured: %s, %d threads\n  multiply-add  fp32 %.1f GFLOP/s, bf16 %.1f "
               "(one thread: %.1f, %.1f)\n  copy          %.2f GB/s\n",
               gemm_set_name(row), pool_threads(b->pool), b->vector * 1e-9, b->bf16 * 1e-9,
               b->one_vector * 1e-9, b->one_bf16 * 1e-9, b->bytes * 1e-9);
}

static float *numbers(size_t n) {
    float *x = aligned_alloc(64, (n * sizeof *x + 255) / 64 * 64);
    CHECK(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)((i * 2654435761u) % 2048) / 1024.0f - 1.0f;
    return x;
}

// The thread's own time: a busy machine does not make a kernel slow.
static double thread_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// One thread, as inside a training chunk. Median of 11 rounds of about 5 ms.
static void time_gemm(const BenchRun *b, Precision precision, int m, int n, int k) {
    static const char *const names[] = {"fp32", "bf16", "fp8"};
    float *a = numbers((size_t)m * (size_t)k + 64), *w = numbers((size_t)n * (size_t)k);
    float *c = numbers((size_t)m * (size_t)n);
    void *data = aligned_alloc(64, (gemm_packed_bytes(n, k, precision) + 63) / 64 * 64);
    void *work = aligned_alloc(64, (gemm_work_bytes(m, k) + 127) / 64 * 64);
    CHECK(data && work);
    Packed packed;
    gemm_pack(&packed, data, w, k, n, k, false, precision);
    enum { N = 11 };
    double took[N];
    gemm(c, n, a, k, m, &packed, NULL, work);
    double begin = thread_seconds();
    gemm(c, n, a, k, m, &packed, NULL, work);
    int times = 1 + (int)(5e-3 / (thread_seconds() - begin + 1e-9));
    for (int r = 0; r < N; r++) {
        begin = thread_seconds();
        for (int i = 0; i < times; i++) gemm(c, n, a, k, m, &packed, NULL, work);
        took[r] = (thread_seconds() - begin) / times;
    }
    qsort(took, N, sizeof *took, by_value);
    double rate = 2.0 * m * n * k / took[N / 2];
    double top = precision == PRECISION_FP32 ? b->one_vector : b->one_bf16;
    if (b->json)
        printf("{\"name\":\"gemm\",\"row\":\"%s\",\"precision\":\"%s\",\"m\":%d,\"n\":%d,\"k\":%d,"
               "\"median_us\":%.2f,\"min_us\":%.2f,\"gflops\":%.2f,\"of_ceiling\":%.3f}\n",
               gemm_set_name(gemm_set()), names[precision], m, n, k, took[N / 2] * 1e6,
               took[0] * 1e6, rate * 1e-9, top > 0 ? rate / top : 0);
    else
        printf("  %s %5d x %4d x %4d  %9.1f us  %8.1f GFLOP/s  %5.1f %% of the ceiling\n",
               names[precision], m, n, k, took[N / 2] * 1e6, rate * 1e-9,
               top > 0 ? 100 * rate / top : 0);
    free(a);
    free(w);
    free(c);
    free(data);
    free(work);
}

static void time_gemms(const BenchRun *b) {
    static const int shape[][3] = {{2048, 384, 128},   {2048, 128, 384}, {512, 96, 128},
                                   {2048, 1024, 1024}, {128, 384, 128},  {1, 384, 128}};
    if (!b->json) printf("our GEMM, one thread (rows x outputs x inputs)\n");
    for (int p = PRECISION_FP32; p <= PRECISION_FP8; p++)
        for (size_t s = 0; s < sizeof shape / sizeof shape[0]; s++)
            time_gemm(b, (Precision)p, shape[s][0], shape[s][1], shape[s][2]);
}

static int run_model(const Args *args) {
    int64_t threads = 0, prompt = 128, fresh = 32, batch = 8, length = 256, rounds = 3;
    Status st = args_int(args, "threads", 0, 1024, &threads);
    if (st == ST_OK) st = args_int(args, "prompt", 1, 1 << 20, &prompt);
    if (st == ST_OK) st = args_int(args, "new", 1, 1 << 20, &fresh);
    if (st == ST_OK) st = args_int(args, "batch", 1, 1 << 16, &batch);
    if (st == ST_OK) st = args_int(args, "length", 2, 1 << 20, &length);
    if (st == ST_OK) st = args_int(args, "rounds", 1, 100, &rounds);
    if (st == ST_OK) st = gemm_select(getenv("GRPO_CPU"));
    if (st != ST_OK) return command_failed(st);
    const BenchModel bench = {.folder = args->word[0],
                              .precision = args_text(args, "precision", ""),
                              .only = args_text(args, "only", ""),
                              .seqs = args_text(args, "seqs", "1,16,64"),
                              .threads = (int)threads,
                              .prompt = (int)prompt,
                              .fresh = (int)fresh,
                              .batch = (int)batch,
                              .length = (int)length,
                              .rounds = (int)rounds,
                              .json = args_has(args, "json")};
    st = bench_model(&bench);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int verify(const Args *args) {
    if (args->n_words != 2)
        return command_usage("bench verify: wants one FILE of rows {\"gold\",\"pred\"}");
    int64_t threads = 0;
    Status st = args_int(args, "threads", 0, 1024, &threads);
    if (st == ST_OK)
        st = bench_verify(&(BenchVerify){.path = args->word[1],
                                         .task = args_text(args, "task", NULL),
                                         .threads = (int)threads,
                                         .json = args_has(args, "json")});
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int run_sandbox(const Args *args) {
    int64_t n_runs = 500, n_soak = 0;
    Status st = args_int(args, "runs", 20, 1000000, &n_runs);
    if (st == ST_OK) st = args_int(args, "soak", 100, 10000000, &n_soak);
    if (st == ST_OK && n_soak > 0)
        st = bench_sandbox_soak(args_has(args, "json"), (int)n_soak);
    else if (st == ST_OK)
        st = bench_sandbox(args_has(args, "json"), (int)n_runs);
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

static int run(const Args *args) {
    const char *only = args_text(args, "only", "");
    if (args->n_words && strcmp(args->word[0], "verify") == 0) return verify(args);
    if (args->n_words == 1 && strcmp(args->word[0], "sandbox") == 0) return run_sandbox(args);
    if (args->n_words == 1) return run_model(args);
    if (args->n_words) return command_usage("bench: wants at most one MODEL");
    if (*only && strcmp(only, "ceiling") != 0 && strcmp(only, "gemm") != 0 &&
        strcmp(only, "step") != 0)
        return command_usage("--only %s: wants ceiling, gemm or step", only);
    int64_t n_steps = 3;
    Status st = args_int(args, "steps", 1, 1000, &n_steps);
    if (st == ST_OK) st = gemm_select(getenv("GRPO_CPU"));
    if (st != ST_OK) return command_failed(st);
    BenchRun b = {.json = args_has(args, "json"), .pool = pool_new(0)};
    measure_ceilings(&b, !*only || strcmp(only, "ceiling") == 0);
    if (!*only || strcmp(only, "gemm") == 0) time_gemms(&b);
    pool_free(b.pool);
    b.pool = NULL;
    if (!*only || strcmp(only, "step") == 0)
        st = bench_step(&(BenchStep){.json = b.json,
                                     .fp32_flops = b.one_vector,
                                     .bf16_flops = b.one_bf16,
                                     .steps = n_steps});
    return st == ST_OK ? EXIT_DONE : command_failed(st);
}

const Command command_bench = {
    .name = "bench",
    .summary = "timings: this machine's ceilings, our GEMM, a desk step by phase",
    .usage = "bench [--only PART] [--json] | bench MODEL [--only PART] [--seqs 1,16,64 ...] | "
             "bench verify FILE | bench sandbox",
    .about = "Everything is measured in this run; GRPO_CPU=avx2 (or avx512, avx512bf16, amx) "
             "forces a kernel set of the GEMM table.",
    .examples = "grpo bench\n"
                "GRPO_CPU=avx2 grpo bench --only step\n"
                "grpo bench model/ --only decode --seqs 1,64 --precision bf16\n"
                "grpo bench verify rows.jsonl\n"
                "grpo bench sandbox\n"
                "grpo bench --json > bench.jsonl",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .run = run,
};
