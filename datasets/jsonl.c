// datasets/jsonl.c -- finds the good rows of a file.
#include "datasets/jsonl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"

enum { NAMED = 5 }; // skipped lines that are named

typedef struct JsonlRow {
    size_t begin;
    uint32_t size;
    int line;
} JsonlRow;

struct Jsonl {
    char *name;
    FileMap map; // data is NULL where the bytes are somebody else's
    const char *data;
    JsonlRow *row;
    int64_t n_rows, cap, n_skipped;
    Str report;
    uint64_t hash;
};

static void skip_line(Jsonl *j, int line, const char *reason) {
    if (j->n_skipped++ >= NAMED) return;
    char head[64];
    int n = snprintf(head, sizeof head, ":%d: ", line);
    const char *own = strstr(reason, head); // a parser's sentence names file and line itself
    str_printf(&j->report, "%s%s%s\n", j->name, head, own ? own + n : reason);
}

static void keep_row(Jsonl *j, size_t begin, size_t size, int line) {
    if (j->n_rows == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 256;
        j->row = realloc(j->row, (size_t)j->cap * sizeof *j->row);
        CHECK(j->row != NULL);
    }
    j->row[j->n_rows++] = (JsonlRow){.begin = begin, .size = (uint32_t)size, .line = line};
}

// Is the line of these bytes a row? If not, it is counted.
static void read_line(Jsonl *j, size_t begin, size_t end, int line, JsonlAccept *accept,
                      void *ctx) {
    while (begin < end && isspace((unsigned char)j->data[begin])) begin++;
    while (begin < end && isspace((unsigned char)j->data[end - 1])) end--;
    if (begin == end) {
        skip_line(j, line, "empty line");
        return;
    }
    if (end - begin > INT32_MAX) {
        skip_line(j, line, "line longer than 2 GiB");
        return;
    }
    JsonDoc *doc;
    if (json_parse(j->data + begin, end - begin, j->name, line, false, &doc) != ST_OK) {
        skip_line(j, line, status_text());
        return;
    }
    const char *why = NULL;
    if (json_kind(json_root(doc)) != JSON_OBJECT)
        why = "not a JSON object";
    else if (accept)
        why = accept(ctx, json_root(doc));
    if (why)
        skip_line(j, line, why);
    else
        keep_row(j, begin, end - begin, line);
    json_free(doc);
}

static Status index_rows(Jsonl *j, size_t size, JsonlAccept *accept, void *ctx) {
    size_t at = size >= 3 && memcmp(j->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (int line = 1; at < size; line++) {
        const char *newline = memchr(j->data + at, '\n', size - at);
        size_t end = newline ? (size_t)(newline - j->data) : size;
        read_line(j, at, end, line, accept, ctx);
        at = end + 1;
    }
    if (j->n_skipped > NAMED)
        str_printf(&j->report, "%s: and %lld more\n", j->name, (long long)j->n_skipped - NAMED);
    if (j->n_rows == 0)
        return FAIL(ST_FORMAT, "%s: no row can be used%s%s", j->name,
                    j->n_skipped ? "; first: " : ": the file is empty",
                    j->n_skipped ? str_text(&j->report) : "");
    j->hash = rng_hash(j->data, size);
    return ST_OK;
}

static Status open_rows(FileMap map, const char *data, size_t size, const char *name,
                        JsonlAccept *accept, void *ctx, Jsonl **out) {
    Jsonl *j = calloc(1, sizeof *j);
    CHECK(j != NULL);
    j->map = map;
    j->data = data;
    j->name = strdup(name);
    CHECK(j->name != NULL);
    Status st = index_rows(j, size, accept, ctx);
    if (st != ST_OK) jsonl_close(j);
    *out = st == ST_OK ? j : NULL;
    return st;
}

Status jsonl_open(const char *path, JsonlAccept *accept, void *ctx, Jsonl **out) {
    FileMap map;
    *out = NULL;
    TRY(file_map(path, &map));
    TRY(open_rows(map, map.data, map.size, path, accept, ctx, out));
    if ((*out)->n_skipped)
        log_warn("%s: %lld of %lld lines skipped\n%s", path, (long long)(*out)->n_skipped,
                 (long long)((*out)->n_skipped + (*out)->n_rows), jsonl_report(*out));
    return ST_OK;
}

Status jsonl_open_bytes(const char *data, size_t size, const char *name, JsonlAccept *accept,
                        void *ctx, Jsonl **out) {
    return open_rows((FileMap){0}, data, size, name, accept, ctx, out);
}

void jsonl_close(Jsonl *j) {
    if (!j) return;
    file_unmap(&j->map);
    str_free(&j->report);
    free(j->row);
    free(j->name);
    free(j);
}

int64_t jsonl_size(const Jsonl *j) {
    return j->n_rows;
}

int64_t jsonl_skipped(const Jsonl *j) {
    return j->n_skipped;
}

const char *jsonl_report(const Jsonl *j) {
    return str_text(&j->report);
}

uint64_t jsonl_hash(const Jsonl *j) {
    return j->hash;
}

Status jsonl_row(const Jsonl *j, int64_t row, JsonDoc **out) {
    CHECK(row >= 0 && row < j->n_rows);
    const JsonlRow *r = &j->row[row];
    return json_parse(j->data + r->begin, r->size, j->name, r->line, false, out);
}

const char *jsonl_text(const Json *row, const char *const *names, Arena *arena) {
    for (; *names; names++) {
        const Json *value = json_get(row, *names);
        if (!value) continue;
        if (json_kind(value) == JSON_STRING) {
            const char *text = json_text(value, "");
            if (strlen(text) != json_text_size(value)) return NULL; // a zero byte inside
            return arena_printf(arena, "%s", text);
        }
        if (json_kind(value) == JSON_NUMBER) return arena_printf(arena, "%s", json_raw(value));
    }
    return NULL;
}
