// pipelines/run/checkpoint_store.c -- a folder a checkpoint, renamed into place.
#include "pipelines/run/checkpoint_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/run/manifest.h"

static void put_path(const CheckpointStore *store, int64_t step, const char *ending, Str *out) {
    str_printf(out, "%s/step-%lld%s", store->folder, (long long)step, ending);
}

static int compare_steps(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0; // newest first
}

// Steps of the folders step-N, newest first; the caller frees.
static int64_t *list_steps(const CheckpointStore *store, int *n) {
    DIR *dir = opendir(store->folder);
    int64_t *step = NULL;
    *n = 0;
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (strncmp(e->d_name, "step-", 5) != 0) continue;
        char *end;
        long long s = strtoll(e->d_name + 5, &end, 10);
        if (end == e->d_name + 5 || *end) continue; // step-N.tmp
        step = realloc(step, sizeof *step * (size_t)(*n + 1));
        CHECK(step);
        step[(*n)++] = s;
    }
    if (dir) closedir(dir);
    if (*n) qsort(step, (size_t)*n, sizeof *step, compare_steps);
    return step;
}

CheckpointStore store_at(const char *folder, int keep) {
    Str path = {0};
    long long best = -1;
    str_printf(&path, "%s/best", folder);
    FILE *f = fopen(str_text(&path), "r");
    if (f && fscanf(f, "step-%lld", &best) != 1) best = -1;
    if (f) fclose(f);
    str_free(&path);
    return (CheckpointStore){.folder = folder, .keep = keep, .best = best};
}

// Kept for a look, but no longer counted as a checkpoint.
static void set_aside(const char *path) {
    Str aside = {0};
    str_printf(&aside, "%s.torn", path);
    if (file_remove_tree(str_text(&aside)) != ST_OK || file_rename(path, str_text(&aside)) != ST_OK)
        log_warn("%s", status_text());
    str_free(&aside);
}

int64_t store_newest(const CheckpointStore *store, Str *path, int64_t *metrics_bytes) {
    int n;
    int64_t *step = list_steps(store, &n), found = -1;
    *metrics_bytes = 0;
    for (int i = 0; i < n && found < 0; i++) {
        Str at = {0};
        put_path(store, step[i], "", &at);
        Status st = manifest_check(str_text(&at), metrics_bytes);
        if (st == ST_OK) {
            found = step[i];
            str_puts(path, str_text(&at));
        } else {
            log_warn("this checkpoint is torn and is passed over: %s", status_text());
            if (st == ST_FORMAT) set_aside(str_text(&at));
        }
        str_free(&at);
    }
    free(step);
    return found;
}

Status store_begin(const CheckpointStore *store, int64_t step, Str *folder) {
    put_path(store, step, ".tmp", folder);
    TRY(file_remove_tree(str_text(folder)));
    static const char *const parts[] = {"model", "state"};
    for (int i = 0; i < 2; i++) {
        Str path = {0};
        str_printf(&path, "%s/%s", str_text(folder), parts[i]);
        Status st = file_mkdirs(str_text(&path));
        str_free(&path);
        if (st != ST_OK) return st;
    }
    return ST_OK;
}

static Status name_checkpoint(const CheckpointStore *store, const char *name, int64_t step) {
    Str path = {0}, text = {0};
    str_printf(&path, "%s/%s", store->folder, name);
    str_printf(&text, "step-%lld\n", (long long)step);
    Status st = file_write_atomic(str_text(&path), text.data, text.size);
    str_free(&path);
    str_free(&text);
    return st;
}

Status store_tidy(const CheckpointStore *store) {
    int n;
    int64_t *step = list_steps(store, &n);
    Status st = ST_OK;
    for (int i = store->keep > 0 ? store->keep : 1; i < n && st == ST_OK; i++) {
        if (step[i] == store->best) continue;
        Str path = {0};
        put_path(store, step[i], "", &path);
        st = file_remove_tree(str_text(&path));
        str_free(&path);
    }
    free(step);
    return st;
}

Status store_publish(CheckpointStore *store, int64_t step, int64_t metrics_bytes, bool best) {
    Str final = {0}, temporary = {0};
    Status st = ST_OK;
    put_path(store, step, "", &final);
    put_path(store, step, ".tmp", &temporary);
    TRY_OUT(manifest_write(str_text(&temporary), step, metrics_bytes));
    TRY_OUT(file_replace_folder(str_text(&temporary), str_text(&final))); // made again: replaced
    TRY_OUT(name_checkpoint(store, "latest", step));
    if (best) {
        store->best = step;
        TRY_OUT(name_checkpoint(store, "best", step));
    }
out:
    str_free(&final);
    str_free(&temporary);
    return st;
}

void store_abort(const CheckpointStore *store, int64_t step) {
    Str path = {0}, why = {0};
    put_path(store, step, ".tmp", &path);
    str_puts(&why, status_text());
    if (file_remove_tree(str_text(&path)) != ST_OK) log_warn("%s", status_text());
    status_fail(ST_IO, __FILE__, __LINE__, "%s", str_text(&why)); // keep the first sentence
    str_free(&path);
    str_free(&why);
}
