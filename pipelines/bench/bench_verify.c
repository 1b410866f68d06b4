// pipelines/bench/bench_verify.c -- rows in memory, clocks around each verdict.
#include "pipelines/bench/bench_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "pipelines/lines.h"
#include "verifiers/verify.h"

enum { ROUNDS = 5, CHUNK = 64 };

typedef struct Row {
    const Judge *judge;
    JudgeInput in;
    const char *id;
    int expect; // 1, 0, or -1: not said
    double us;
    Verdict got;
} Row;

typedef struct VerifyRows {
    Row *row;
    int n;
} VerifyRows;

static Status read_row(const InLine *line, const char *task, const char *path, Row *out) {
    const char *name = json_text(json_get(line->row, "task"), task);
    TRY(verify_need(name, path, &out->judge));
    const Json *pred = json_get(line->row, "pred"), *expect = json_get(line->row, "expect");
    out->in =
        (JudgeInput){.text = json_text(pred, ""), .size = json_text_size(pred), .finished = true};
    const char *wrong = verify_read_row(line->row, &out->in);
    if (wrong) return FAIL(ST_FORMAT, "%s:%d: %s", path, line->number, wrong);
    out->id = line->id;
    out->expect = expect && json_kind(expect) == JSON_BOOL ? json_bool(expect, false) : -1;
    return ST_OK;
}

static int by_time(const void *a, const void *b) {
    double x = ((const Row *)a)->us, y = ((const Row *)b)->us;
    return (x > y) - (x < y);
}

static void time_rows(VerifyRows *rows) {
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < rows->n; i++) {
            Row *r = &rows->row[i];
            double begin = clock_now();
            r->got = verify_judge(r->judge, &r->in).verdict;
            double us = (clock_now() - begin) * 1e6;
            if (round == 0 || us < r->us) r->us = us;
        }
    qsort(rows->row, (size_t)rows->n, sizeof *rows->row, by_time);
}

static void judge_chunk(void *ctx, int chunk, int worker) {
    (void)worker;
    const VerifyRows *rows = ctx;
    // Rows are in order of time; a stride gives every chunk some of each.
    int n_chunks = (rows->n + CHUNK - 1) / CHUNK;
    for (int i = chunk; i < rows->n; i += n_chunks)
        verify_judge(rows->row[i].judge, &rows->row[i].in);
}

// Verdicts a second, the best of ROUNDS of at least 0.2 s.
static double rate(VerifyRows *rows, int threads) {
    Pool *pool = pool_new(threads);
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = clock_now(), took;
        long passes = 0;
        do {
            pool_for(pool, (rows->n + CHUNK - 1) / CHUNK, judge_chunk, rows);
            took = clock_now() - begin;
            passes++;
        } while (took < .2);
        double a_second = (double)(rows->n * passes) / took;
        if (a_second > best) best = a_second;
    }
    pool_free(pool);
    return best;
}

typedef struct Agreement {
    int n, right, false_positive, false_negative, errors;
} Agreement;

static Agreement agree(const VerifyRows *rows) {
    Agreement a = {0};
    for (int i = 0; i < rows->n; i++) {
        const Row *r = &rows->row[i];
        a.errors += r->got == VERDICT_ERROR;
        if (r->expect < 0) continue;
        bool said = r->got == VERDICT_RIGHT;
        a.n++;
        a.right += said == r->expect && r->got != VERDICT_ERROR;
        a.false_positive += said && !r->expect;
        a.false_negative += !said && r->expect;
    }
    return a;
}

static void print(const BenchVerify *opts, VerifyRows *rows) {
    double sum = 0, one = rate(rows, 1);
    for (int i = 0; i < rows->n; i++) sum += rows->row[i].us;
    const Row *slowest = &rows->row[rows->n - 1];
    double median = rows->row[rows->n / 2].us, p99 = rows->row[(int)(.99 * (rows->n - 1))].us;
    Agreement a = agree(rows);
    if (opts->json)
        printf(
            "{\"name\":\"verify\",\"rows\":%d,\"median_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f,"
            "\"mean_us\":%.2f,\"slowest\":%s,\"errors\":%d,\"labelled\":%d,\"agree\":%d,"
            "\"false_positive\":%d,\"false_negative\":%d,\"threads\":{\"1\":%.0f",
            rows->n, median, p99, slowest->us, sum / rows->n, slowest->id, a.errors, a.n, a.right,
            a.false_positive, a.false_negative, one);
    else
        printf("%d rows, one core: median %.1f us, 99th percentile %.1f us, slowest %.1f us (id "
               "%s), mean %.1f us\n",
               rows->n, median, p99, slowest->us, slowest->id, sum / rows->n);
    if (!opts->json && a.n)
        printf("labels: %d of %d agree (%.2f %%), %d false positives, %d false negatives\n",
               a.right, a.n, 100.0 * a.right / a.n, a.false_positive, a.false_negative);
    if (!opts->json && a.errors) printf("without verdict: %d\n", a.errors);
    if (!opts->json) printf("1 thread  %9.0f verdicts/s\n", one);
    Pool *all = pool_new(opts->threads);
    int most = pool_threads(all);
    pool_free(all);
    for (int t = 2; t <= most; t *= 2) {
        double many = rate(rows, t);
        if (opts->json)
            printf(",\"%d\":%.0f", t, many);
        else
            printf("%d threads %9.0f verdicts/s, %.2f times one\n", t, many, many / one);
    }
    if (opts->json) printf("}}\n");
}

Status bench_verify(const BenchVerify *opts) {
    Arena *arena = arena_new(1 << 20);
    Lines lines = {0};
    VerifyRows rows = {0};
    const char *task = opts->task ? opts->task : "math";
    Status st;
    TRY_OUT(lines_read(opts->path, &lines, arena));
    rows.row = ARENA_ARRAY(arena, Row, lines.n + 1);
    for (int i = 0; i < lines.n; i++) {
        if (lines.line[i].error) {
            st =
                FAIL(ST_FORMAT, "%s:%d: %s", opts->path, lines.line[i].number, lines.line[i].error);
            goto out;
        }
        TRY_OUT(read_row(&lines.line[i], task, opts->path, &rows.row[rows.n++]));
    }
    if (rows.n == 0) {
        st = FAIL(ST_FORMAT, "%s: has no rows", opts->path);
        goto out;
    }
    time_rows(&rows);
    print(opts, &rows);
out:
    lines_close(&lines);
    arena_free(arena);
    return st;
}
