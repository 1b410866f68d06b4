// tests/bench_math.c -- rates and times of the maths judge on labelled cases, one kind a line.
//
//   bench_math FILE.jsonl...     rows {gold, pred, expect, cat?}; of peers' suites those with core:
//   gold_bare
//                                and pred_bare. What went wrong is listed, then median and 99th
//                                percentile.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "verifiers/math/math.h"

enum { MAX_KINDS = 256, MAX_ROWS = 1 << 20 };

typedef struct RewriteKind {
    char name[48];
    int rows, agree, false_right, free;
} RewriteKind;

static RewriteKind kinds[MAX_KINDS];
static int n_kinds, n_rows;
static double *times;

static RewriteKind *kind_named(const char *name) {
    for (int i = 0; i < n_kinds; i++)
        if (strncmp(kinds[i].name, name, sizeof kinds[i].name - 1) == 0) return &kinds[i];
    if (n_kinds == MAX_KINDS) return &kinds[0];
    snprintf(kinds[n_kinds].name, sizeof kinds[0].name, "%s", name);
    return &kinds[n_kinds++];
}

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void judge_row(const Json *row, const char *file) {
    const char *gold = json_text(json_get(row, "gold"), NULL),
               *pred = json_text(json_get(row, "pred"), NULL);
    const Json *expect = json_get(row, "expect"), *core = json_get(row, "core");
    bool bare = core != NULL;
    if (bare) {
        if (!json_bool(core, false)) return;
        gold = json_text(json_get(row, "gold_bare"), NULL);
        pred = json_text(json_get(row, "pred_bare"), NULL);
    }
    if (!gold || !pred || n_rows == MAX_ROWS) return;
    JudgeInput in = {.gold = gold,
                     .text = pred,
                     .size = strlen(pred),
                     .finished = true,
                     .extract = bare ? "bare" : NULL};
    double start = now_us();
    Judgement j = math_judge(&in);
    times[n_rows++] = now_us() - start;
    RewriteKind *k = kind_named(json_text(json_get(row, "cat"), file));
    k->rows++;
    if (!expect || json_kind(expect) != JSON_BOOL) {
        k->free++;
        return;
    }
    bool want = json_bool(expect, false), right = j.verdict == VERDICT_RIGHT;
    if (want == right && j.verdict != VERDICT_ERROR) {
        k->agree++;
        return;
    }
    k->false_right += right;
    printf("%s: %s, labelled %s: %.100s | %.*s (%s)\n", k->name, verdict_name(j.verdict),
           want ? "right" : "wrong", gold, (int)(j.answer_size < 100 ? j.answer_size : 100),
           j.answer ? j.answer : "", j.reason);
}

static void judge_file(const char *path) {
    FileMap map;
    if (file_map(path, &map) != ST_OK) {
        fprintf(stderr, "%s\n", status_text());
        exit(1);
    }
    const char *name = strrchr(path, '/');
    int line = 1;
    for (const char *p = map.data, *end = p + map.size; p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        JsonDoc *doc;
        if (stop > p && json_parse(p, (size_t)(stop - p), path, line, false, &doc) == ST_OK) {
            judge_row(json_root(doc), name ? name + 1 : path);
            json_free(doc);
        }
        p = stop + 1;
    }
    file_unmap(&map);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    times = calloc(MAX_ROWS, sizeof *times);
    CHECK(times != NULL);
    for (int i = 1; i < argc; i++) judge_file(argv[i]);
    RewriteKind sum = {0};
    for (int i = 0; i < n_kinds; i++) {
        const RewriteKind *k = &kinds[i];
        int labelled = k->rows - k->free;
        printf("%-32s %6d rows %8.2f %% %4d false right\n", k->name, k->rows,
               labelled ? 100.0 * k->agree / labelled : 100.0, k->false_right);
        sum.rows += k->rows, sum.agree += k->agree, sum.free += k->free,
            sum.false_right += k->false_right;
    }
    if (!n_rows) return 0;
    qsort(times, (size_t)n_rows, sizeof *times, by_size);
    printf("%-32s %6d rows %8.2f %% %4d false right; median %.1f us, p99 %.1f us, most %.1f us\n",
           "all", sum.rows, sum.rows > sum.free ? 100.0 * sum.agree / (sum.rows - sum.free) : 100.0,
           sum.false_right, times[n_rows / 2], times[n_rows * 99 / 100], times[n_rows - 1]);
    free(times);
    return 0;
}
