// pipelines/report/curves.c -- from lines to columns.
#include "pipelines/report/curves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "pipelines/run/metric_alias.h"

enum { COLUMNS_MAX = 1024 };

static int column_of(Curves *c, const char *name, int cap_rows, Arena *arena) {
    for (int i = 0; i < c->n_columns; i++)
        if (strcmp(c->column[i].name, name) == 0) return i;
    if (c->n_columns == COLUMNS_MAX) return -1;
    Column *col = &c->column[c->n_columns];
    col->name = arena_printf(arena, "%s", name);
    col->y = ARENA_ARRAY(arena, double, cap_rows);
    for (int i = 0; i < cap_rows; i++) col->y[i] = (double)NAN;
    return c->n_columns++;
}

static bool read_line(Curves *c, const char *line, size_t size, int number, const char *path,
                      int cap_rows, Arena *arena) {
    JsonDoc *doc = NULL;
    if (json_parse(line, size, path, number, false, &doc) != ST_OK) return false;
    const Json *root = json_root(doc), *data = json_get(root, "data");
    double step = (double)json_int(json_get(root, "step"), -1);
    bool good = step >= 0 && data && json_kind(data) == JSON_OBJECT;
    if (good) {
        int row = c->n_rows - 1;
        if (row < 0 || c->step[row] != step) row = c->n_rows++;
        c->step[row] = step;
        c->time[row] = json_num(json_get(root, "time"), (double)NAN);
        for (const Json *v = json_first(data); v; v = json_next(v)) {
            if (json_kind(v) != JSON_NUMBER) continue;
            int k = column_of(c, json_key(v), cap_rows, arena);
            if (k >= 0) c->column[k].y[row] = json_num(v, (double)NAN);
        }
    }
    json_free(doc);
    return good;
}

Status curves_load(const char *path, Curves *out, Arena *arena) {
    *out = (Curves){0};
    if (!file_exists(path)) return ST_OK;
    char *text;
    size_t size;
    TRY(file_read(path, &text, &size, arena));
    int lines = 1;
    for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
    out->step = ARENA_ARRAY(arena, double, lines);
    out->time = ARENA_ARRAY(arena, double, lines);
    out->column = ARENA_ARRAY(arena, Column, COLUMNS_MAX);
    int number = 1;
    for (size_t at = 0; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t n = end ? (size_t)(end - (text + at)) : size - at;
        if (n > 0 && !read_line(out, text + at, n, number, path, lines, arena)) out->n_bad_lines++;
        at += n + 1;
    }
    return ST_OK;
}

static bool fits(const char *name, const char *pattern) {
    const char *star = strchr(pattern, '*');
    if (!star) return strcmp(name, pattern) == 0;
    size_t head = (size_t)(star - pattern);
    if (strncmp(name, pattern, head) != 0) return false;
    const char *rest = name + head + strcspn(name + head, "/");
    return strcmp(rest, star + 1) == 0;
}

const double *curves_get(const Curves *c, const char *name) {
    const char *other = metric_alias_of(name);
    for (int i = 0; i < c->n_columns; i++)
        if (fits(c->column[i].name, name) || (other && strcmp(c->column[i].name, other) == 0))
            return c->column[i].y;
    return NULL;
}

double curves_first(const Curves *c, const char *name, double fallback) {
    const double *y = curves_get(c, name);
    for (int i = 0; y && i < c->n_rows; i++)
        if (isfinite(y[i])) return y[i];
    return fallback;
}

double curves_last(const Curves *c, const char *name, double fallback) {
    const double *y = curves_get(c, name);
    for (int i = c->n_rows - 1; y && i >= 0; i--)
        if (isfinite(y[i])) return y[i];
    return fallback;
}
