// pipelines/command/evalfile.c -- append only; read back line by line.
#include "pipelines/command/evalfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"

static int whole(const Json *row, const char *key) {
    int64_t v = json_int(json_get(row, key), -1);
    return v >= 0 && v <= INT32_MAX ? (int)v : -1;
}

static Status read_record(const char *path, int line, const char *text, size_t size,
                          EvalRecord *r) {
    JsonDoc *doc;
    TRY(json_parse(text, size, path, line, false, &doc));
    const Json *row = json_root(doc), *length = json_get(row, "length");
    const char *id = json_text(json_get(row, "id"), "");
    const Json *count = json_get(row, "count");
    char *end = NULL;
    *r = (EvalRecord){.id = strtoull(id, &end, 16),
                      .samples = whole(row, "samples"),
                      .n_right = whole(row, "right"),
                      .n_known = whole(row, "known"),
                      .n_formed = whole(row, "formed"),
                      .truncated = whole(row, "truncated"),
                      .error = whole(row, "error"),
                      .blocks = whole(row, "blocks"),
                      .flat_blocks = whole(row, "flat_blocks"),
                      .format = json_num(json_get(row, "format"), -1),
                      .cons = json_num(json_get(row, "cons"), -1)};
    bool fine = id[0] && *end == 0 && r->samples > 0 && r->n_known >= 0 && r->n_right >= 0 &&
                r->n_known <= r->samples && r->n_right <= r->n_known && r->n_formed >= 0 &&
                r->n_formed <= r->samples && r->truncated >= 0 && r->error >= 0 && r->blocks >= 0 &&
                r->flat_blocks >= 0 && r->format >= 0 && r->cons >= 0 && json_count(length) == 3 &&
                json_count(count) == 3;
    const Json *l = fine ? json_first(length) : NULL;
    const Json *c = fine ? json_first(count) : NULL;
    for (int i = 0; i < 3 && fine; i++, l = json_next(l), c = json_next(c)) {
        r->length[i] = json_num(l, -1);
        r->count[i] = (int)json_int(c, -1);
        fine = r->length[i] >= 0 && r->count[i] >= 0;
    }
    json_free(doc);
    return fine ? ST_OK : FAIL(ST_FORMAT, "%s:%d: not a record of an evaluation", path, line);
}

// Reads all whole lines; *good: the bytes they have. header NULL: of whatever evaluation.
static Status read_all(const char *path, const char *header, EvalFile *out, size_t *good,
                       Arena *arena) {
    char *text;
    size_t size, n = 0;
    TRY(file_read(path, &text, &size, arena));
    for (size_t i = 0; i < size; i++) n += text[i] == '\n';
    out->record = ARENA_ARRAY(arena, EvalRecord, n + 1);
    *good = 0;
    int line = 1;
    for (const char *end; (end = memchr(text + *good, '\n', size - *good)) != NULL; line++) {
        size_t begin = *good, length = (size_t)(end - text) - begin;
        if (line > 1)
            TRY(read_record(path, line, text + begin, length, &out->record[out->n++]));
        else if (header && (length != strlen(header) || memcmp(text + begin, header, length) != 0))
            return FAIL(
                ST_CONFIG,
                "%s: is of another evaluation; name another file, or remove it\n  it has %.*s"
                "\n  asked is %s",
                path, (int)length, text + begin, header);
        *good += length + 1;
    }
    return ST_OK;
}

Status evalfile_read(const char *path, EvalFile *out, Arena *arena) {
    size_t good;
    *out = (EvalFile){.path = path};
    TRY(read_all(path, NULL, out, &good, arena));
    if (out->n == 0) return FAIL(ST_FORMAT, "%s: holds no record of an evaluation", path);
    return ST_OK;
}

Status evalfile_open(const char *path, const char *header, EvalFile *out, Arena *arena) {
    size_t good = 0;
    *out = (EvalFile){.path = path};
    bool there = file_exists(path);
    if (there) TRY(read_all(path, header, out, &good, arena));
    FILE *stream = fopen(path, there ? "r+" : "w");
    if (!stream) return FAIL(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    out->stream = stream;
    if (ftruncate(fileno(stream), (off_t)good) != 0 || fseek(stream, 0, SEEK_END) != 0)
        return FAIL(ST_IO, "%s: cannot cut a torn line: %s", path, strerror(errno));
    if (good == 0 && (fprintf(stream, "%s\n", header) < 0 || fflush(stream) != 0))
        return FAIL(ST_IO, "%s: cannot write: %s", path, strerror(errno));
    return ST_OK;
}

Status evalfile_add(EvalFile *f, const EvalRecord *r, const Str *samples) {
    Str line = {0};
    str_printf(&line,
               "{\"id\":\"%016llx\",\"samples\":%d,\"right\":%d,\"known\":%d,\"formed\":%d,"
               "\"truncated\":%d,\"error\":%d,\"blocks\":%d,\"flat_blocks\":%d,\"format\":",
               (unsigned long long)r->id, r->samples, r->n_right, r->n_known, r->n_formed,
               r->truncated, r->error, r->blocks, r->flat_blocks);
    str_number(&line, r->format);
    str_puts(&line, ",\"cons\":");
    str_number(&line, r->cons);
    for (int i = 0; i < 3; i++) {
        str_puts(&line, i ? "," : ",\"length\":[");
        str_number(&line, r->length[i]);
    }
    str_printf(&line, "],\"count\":[%d,%d,%d],\"drawn\":[", r->count[0], r->count[1], r->count[2]);
    const char *first = str_text(samples), *end = first + samples->size;
    for (const char *at = first, *next; at < end; at = next + 1) {
        next = memchr(at, '\n', (size_t)(end - at));
        CHECK(next); // whole lines
        if (at > first) str_putc(&line, ',');
        str_add(&line, at, (size_t)(next - at));
    }
    str_puts(&line, "]}\n");
    bool fine = fwrite(line.data, 1, line.size, f->stream) == line.size && fflush(f->stream) == 0;
    str_free(&line);
    return fine ? ST_OK : FAIL(ST_IO, "%s: cannot write: %s", f->path, strerror(errno));
}

Status evalfile_each(const char *path, EvalEachFn *fn, void *ctx) {
    Arena *arena = arena_new(1 << 16);
    char *text;
    size_t size;
    Status st;
    TRY_OUT(file_read(path, &text, &size, arena));
    const char *at = text, *end = text + size;
    int number = 1;
    for (const char *next; (next = memchr(at, '\n', (size_t)(end - at))); at = next + 1, number++) {
        if (number == 1) continue; // what is evaluated how
        JsonDoc *doc;
        TRY_OUT(json_parse(at, (size_t)(next - at), path, number, false, &doc));
        if (json_count(json_get(json_root(doc), "drawn")) > 0)
            st = fn(ctx, json_root(doc));
        else
            st = FAIL(ST_FORMAT, "%s:%d: holds no samples", path, number);
        json_free(doc);
        if (st != ST_OK) goto out;
    }
out:
    arena_free(arena);
    return st;
}

// The samples of one record, each on a line of its own.
static Status print_samples(void *stream, const Json *record) {
    Str lines = {0};
    for (const Json *s = json_first(json_get(record, "drawn")); s; s = json_next(s)) {
        json_echo(s, &lines);
        str_putc(&lines, '\n');
    }
    fwrite(str_text(&lines), 1, lines.size, stream);
    str_free(&lines);
    return ST_OK;
}

Status evalfile_samples(const char *path, const char *out) {
    FILE *stream = fopen(out, "w");
    if (!stream) return FAIL(ST_IO, "%s: cannot open: %s", out, strerror(errno));
    Status st = evalfile_each(path, print_samples, stream);
    if (st == ST_OK && (fflush(stream) != 0 || ferror(stream)))
        st = FAIL(ST_IO, "%s: cannot write: %s", out, strerror(errno));
    fclose(stream);
    return st;
}

void evalfile_close(EvalFile *file) {
    if (file->stream) fclose(file->stream);
    file->stream = NULL;
}
