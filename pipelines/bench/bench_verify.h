// pipelines/bench/bench_verify.h -- `grpo bench verify FILE`: microseconds a verdict, and threads.
#ifndef PIPELINES_BENCH_VERIFY_H
#define PIPELINES_BENCH_VERIFY_H

#include <stdbool.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BenchVerify {
    const char *path; // rows as `grpo verify --in` takes them, or {"gold","pred","expect"} rows
    const char *task; // judge of rows without "task"; NULL = math
    int threads;      // most threads; 0 = all cores
    bool json;
} BenchVerify;

// Each row is judged `rounds` times on one thread; its time is the least of them. Then all rows on
// 1, 2, ... threads. Prints median, 99th percentile, the slowest row, verdicts a second, and
// agreement with "expect" (true or false) where rows have it. ST_IO, ST_FORMAT, ST_CONFIG.
MUST_USE Status bench_verify(const BenchVerify *opts);

#ifdef __cplusplus
}
#endif
#endif
