// datasets/jsonl.c -- finds the good rows of files.
#include "datasets/jsonl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "datasets/rowfile.h"
#include "datasets/rowsink.h"

enum { REASONS = 16, NAMED = 5 }; // skipped lines that are named

typedef struct JsonlRow {
    size_t begin;
    uint32_t size;
    int line;
} JsonlRow;

// One file of rows.
typedef struct JsonlPart {
    char *name;
    RowFile file;
    int64_t first; // its first row
} JsonlPart;

struct Jsonl {
    JsonlPart *part;
    int n_parts;
    JsonlRow *row;
    int64_t n_rows, cap, n_skipped;
    Str report;
    char reason[REASONS][120]; // of skipped lines, and how often
    int64_t n_reason[REASONS];
    int n_reasons;
    uint64_t hash;
};

const char jsonl_pass_over[] = "passed over";

// Reasons differ by what follows a colon, too: those are one.
static void count_reason(Jsonl *j, const char *reason) {
    char kind[120];
    snprintf(kind, sizeof kind, "%.*s", (int)strcspn(reason, ":;"), reason);
    int i = 0;
    while (i < j->n_reasons && strcmp(j->reason[i], kind) != 0) i++;
    if (i == REASONS) return;
    if (i == j->n_reasons) memcpy(j->reason[j->n_reasons++], kind, sizeof kind);
    j->n_reason[i]++;
}

static void skip_line(Jsonl *j, const char *name, int line, const char *reason) {
    char head[64];
    int n = snprintf(head, sizeof head, ":%d: ", line);
    const char *own = strstr(reason, head); // a parser's sentence names file and line itself
    count_reason(j, own ? own + n : reason);
    if (j->n_skipped++ >= NAMED) return;
    str_printf(&j->report, "%s%s%s\n", name, head, own ? own + n : reason);
}

static void keep_row(Jsonl *j, size_t begin, size_t size, int line) {
    if (j->n_rows == j->cap) {
        j->cap = j->cap ? 2 * j->cap : 256;
        j->row = realloc(j->row, (size_t)j->cap * sizeof *j->row);
        CHECK(j->row != NULL);
    }
    j->row[j->n_rows++] = (JsonlRow){.begin = begin, .size = (uint32_t)size, .line = line};
}

// Is the line of these bytes a row? If not, it is counted; blank lines are not.
static void read_line(Jsonl *j, const JsonlPart *part, size_t begin, size_t end, int line,
                      JsonlAccept *accept, void *ctx) {
    const char *data = part->file.data;
    if (begin < end && data[begin] == ROWSINK_REFUSED) {
        char why[200];
        snprintf(why, sizeof why, "%.*s", (int)(end - begin - 1), data + begin + 1);
        skip_line(j, part->name, line, why);
        return;
    }
    while (begin < end && isspace((unsigned char)data[begin])) begin++;
    while (begin < end && isspace((unsigned char)data[end - 1])) end--;
    if (begin == end) return;
    if (end - begin > INT32_MAX) {
        skip_line(j, part->name, line, "line longer than 2 GiB");
        return;
    }
    JsonDoc *doc;
    if (json_parse(data + begin, end - begin, part->name, line, false, &doc) != ST_OK) {
        skip_line(j, part->name, line, status_text());
        return;
    }
    const char *why = NULL;
    if (json_kind(json_root(doc)) != JSON_OBJECT)
        why = "not a JSON object";
    else if (accept)
        why = accept(ctx, json_root(doc));
    if (why && why != jsonl_pass_over)
        skip_line(j, part->name, line, why);
    else if (!why)
        keep_row(j, begin, end - begin, line);
    json_free(doc);
}

static void index_rows(Jsonl *j, JsonlPart *part, JsonlAccept *accept, void *ctx) {
    const RowFile *f = &part->file;
    size_t at = f->size >= 3 && memcmp(f->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    part->first = j->n_rows;
    for (int line = 1; at < f->size; line++) {
        const char *newline = memchr(f->data + at, '\n', f->size - at);
        size_t end = newline ? (size_t)(newline - f->data) : f->size;
        read_line(j, part, at, end, line <= f->n_lines ? f->line[line - 1] : line, accept, ctx);
        at = end + 1;
    }
}

static Status conclude(Jsonl *j, const char *name) {
    if (j->n_skipped > NAMED) {
        str_printf(&j->report, "%s: and %lld more; all by reason:\n", name,
                   (long long)j->n_skipped - NAMED);
        for (int i = 0; i < j->n_reasons; i++)
            str_printf(&j->report, "  %lld x %s\n", (long long)j->n_reason[i], j->reason[i]);
    }
    if (j->n_rows == 0)
        return FAIL(ST_FORMAT, "%s: no row can be used%s%s", name,
                    j->n_skipped ? "; first: " : ": the file is empty",
                    j->n_skipped ? str_text(&j->report) : "");
    return ST_OK;
}

static Jsonl *jsonl_new(int n_parts) {
    Jsonl *j = calloc(1, sizeof *j);
    CHECK(j != NULL);
    j->part = calloc((size_t)n_parts, sizeof *j->part);
    CHECK(j->part != NULL);
    return j;
}

static JsonlPart *add_part(Jsonl *j, const char *name, const RowFile *file) {
    JsonlPart *part = &j->part[j->n_parts++];
    *part = (JsonlPart){.name = strdup(name), .file = *file};
    CHECK(part->name != NULL);
    j->hash = j->n_parts == 1 ? file->hash : rng_mix(j->hash ^ file->hash);
    return part;
}

Status jsonl_open(const char *path, JsonlAccept *accept, void *ctx, Jsonl **out) {
    Arena *arena = arena_new(4096);
    const char *const *files = NULL;
    Jsonl *j = NULL;
    int n = 0;
    Status st;
    *out = NULL;
    TRY_OUT(rowfile_list(path, &files, &n, arena));
    j = jsonl_new(n);
    for (int i = 0; i < n; i++) {
        RowFile file;
        TRY_OUT(rowfile_open(files[i], &file));
        index_rows(j, add_part(j, files[i], &file), accept, ctx);
    }
    TRY_OUT(conclude(j, path));
    if (j->n_skipped)
        log_warn("%s: %lld of %lld lines skipped\n%s", path, (long long)j->n_skipped,
                 (long long)(j->n_skipped + j->n_rows), jsonl_report(j));
    *out = j;
    j = NULL;
out:
    jsonl_close(j);
    arena_free(arena);
    return st;
}

Status jsonl_open_bytes(const char *data, size_t size, const char *name, JsonlAccept *accept,
                        void *ctx, Jsonl **out) {
    RowFile file;
    *out = NULL;
    TRY(rowfile_open_bytes(data, size, name, &file));
    Jsonl *j = jsonl_new(1);
    index_rows(j, add_part(j, name, &file), accept, ctx);
    Status st = conclude(j, name);
    if (st == ST_OK)
        *out = j;
    else
        jsonl_close(j);
    return st;
}

void jsonl_close(Jsonl *j) {
    if (!j) return;
    for (int i = 0; i < j->n_parts; i++) {
        rowfile_close(&j->part[i].file);
        free(j->part[i].name);
    }
    free(j->part);
    str_free(&j->report);
    free(j->row);
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

static const JsonlPart *part_of(const Jsonl *j, int64_t row) {
    int low = 0, high = j->n_parts; // part[low].first <= row < part[high].first
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (j->part[middle].first <= row)
            low = middle;
        else
            high = middle;
    }
    return &j->part[low];
}

Status jsonl_row(const Jsonl *j, int64_t row, JsonDoc **out) {
    CHECK(row >= 0 && row < j->n_rows);
    const JsonlRow *r = &j->row[row];
    const JsonlPart *part = part_of(j, row);
    return json_parse(part->file.data + r->begin, r->size, part->name, r->line, false, out);
}

int jsonl_line(const Jsonl *j, int64_t row, const char **file) {
    CHECK(row >= 0 && row < j->n_rows);
    *file = part_of(j, row)->name;
    return j->row[row].line;
}

const char *jsonl_format(const Jsonl *j) {
    return j->part[0].file.format;
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
