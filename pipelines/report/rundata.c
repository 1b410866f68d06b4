// pipelines/report/rundata.c -- reads run.json, eval.json, curves and samples.
#include "pipelines/report/rundata.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

static const char *last_part(const char *path, Arena *arena) {
    char *copy = arena_printf(arena, "%s", path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = 0;
    char *slash = strrchr(copy, '/');
    return slash && slash[1] ? slash + 1 : copy;
}

static int is_lines(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 6 && strcmp(e->d_name + n - 6, ".jsonl") == 0;
}

static int by_step(const struct dirent **a, const struct dirent **b) {
    long x = strtol((*a)->d_name, NULL, 10), y = strtol((*b)->d_name, NULL, 10);
    return x < y ? -1 : x > y;
}

static Status read_samples(RunData *run, Arena *arena) {
    char *folder = arena_printf(arena, "%s/samples", run->path);
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, is_lines, by_step);
    if (n <= 0) return ST_OK;
    Status st = ST_OK;
    int bad = 0, cap = 0;
    for (int i = 0; i < n && st == ST_OK; i++) {
        char *path = arena_printf(arena, "%s/%s", folder, entry[i]->d_name);
        char *text;
        size_t size;
        st = file_read(path, &text, &size, arena);
        int number = 1;
        for (size_t at = 0; st == ST_OK && at < size; number++) {
            const char *end = memchr(text + at, '\n', size - at);
            size_t len = end ? (size_t)(end - (text + at)) : size - at;
            JsonDoc *doc = NULL;
            if (len && json_parse(text + at, len, path, number, false, &doc) != ST_OK) bad++;
            if (doc) {
                if (run->n_samples == cap) {
                    cap = cap ? cap * 2 : 256;
                    run->sample = realloc(run->sample, sizeof *run->sample * (size_t)cap);
                    CHECK(run->sample);
                }
                run->sample[run->n_samples++] =
                    (SampleLine){doc, strtol(entry[i]->d_name, NULL, 10)};
            }
            at += len + 1;
        }
    }
    for (int i = 0; i < n; i++) free(entry[i]);
    free(entry);
    if (bad) log_warn("%s: %d lines could not be read and are left out", folder, bad);
    return st;
}

Status rundata_open(const char *path, RunData *out, Arena *arena) {
    *out = (RunData){.path = arena_printf(arena, "%s", path), .name = last_part(path, arena)};
    Status st = ST_OK;
    char *file = arena_printf(arena, "%s/run.json", path);
    if (!file_exists(file)) {
        st = FAIL(ST_CONFIG, "%s: no run is there (it has no run.json)", path);
        goto out;
    }
    TRY_OUT(json_read(file, false, &out->run));
    file = arena_printf(arena, "%s/eval.json", path);
    if (file_exists(file)) TRY_OUT(json_read(file, false, &out->eval));
    TRY_OUT(curves_load(arena_printf(arena, "%s/metrics.jsonl", path), &out->curves, arena));
    TRY_OUT(curves_load(arena_printf(arena, "%s/base/metrics.jsonl", path), &out->base, arena));
    if (out->curves.n_bad_lines)
        log_warn("%s/metrics.jsonl: %d lines could not be read and are left out", path,
                 out->curves.n_bad_lines);
    TRY_OUT(read_samples(out, arena));
    return ST_OK;
out:
    rundata_close(out);
    return st;
}

void rundata_close(RunData *run) {
    json_free(run->run);
    json_free(run->eval);
    for (int i = 0; i < run->n_samples; i++) json_free(run->sample[i].doc);
    free(run->sample);
    *run = (RunData){0};
}
