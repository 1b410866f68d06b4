// datasets/rowfile.c -- unpacks, recodes and rewrites, one step after the other.
#include "datasets/rowfile.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "datasets/delimited.h"
#include "datasets/rowsink.h"
#include "datasets/unpack.h"

static void drop_bytes(RowFile *f) {
    file_unmap(&f->map);
    free(f->memory);
    f->memory = NULL;
    f->data = NULL;
    f->size = 0;
}

// The sink's bytes become the file's.
static Status take(RowSink *s, const char *name, RowFile *f) {
    Status st = ST_OK;
    FileMap map = {0};
    if (!s->failed && s->file) s->failed = fflush(s->file) != 0;
    if (s->failed)
        st = FAIL(ST_IO,
                  "%s: a temporary file for its rows cannot be written (TMPDIR names "
                  "another folder): %s",
                  name, strerror(errno));
    if (st == ST_OK && s->file) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(s->file));
        st = file_map(path, &map);
    }
    if (st == ST_OK) {
        drop_bytes(f);
        f->map = map;
        f->memory = s->file ? NULL : s->memory.data;
        f->data = s->file ? map.data : s->memory.data;
        f->size = s->file ? map.size : s->memory.size;
        if (!s->file) s->memory = (Str){0};
        if (s->n_lines) {
            f->line = s->line;
            f->n_lines = s->n_lines;
            s->line = NULL;
        }
    }
    rowsink_free(s);
    return st;
}

// ---- formats

typedef struct Magic {
    const char *bytes;
    size_t size;
    const char *what, *remedy;
} Magic;

static const Magic refused[] = {
    {"PAR1", 4, "Parquet", "grpo data import %s -o rows.jsonl"},
    {"ARROW1", 6, "Arrow", "grpo data import %s -o rows.jsonl"},
    {"\xFF\xFE\0\0", 4, "UTF-32", "iconv -f UTF-32 -t UTF-8 %s > rows.jsonl"},
    {"PK\x03\x04", 4, "a ZIP archive", "unzip %s"},
    {"BZh", 3, "bzip2", "bunzip2 -k %s"},
    {"\xFD"
     "7zXZ",
     5, "xz", "unxz -k %s"},
    {"\x89HDF", 4, "HDF5", "h5py in Python reads %s"},
    {"SQLite format 3", 15, "SQLite", "sqlite3 -json %s 'select * from ...' > rows.json"},
};

static Status refuse_others(const char *data, size_t size, const char *name) {
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const Magic *m = &refused[i];
        if (size < m->size || memcmp(data, m->bytes, m->size) != 0) continue;
        const char *gap = strstr(m->remedy, "%s");
        return FAIL(ST_FORMAT, "%s: is %s, not rows as text: %.*s%s%s", name, m->what,
                    (int)(gap - m->remedy), m->remedy, name, gap + 2);
    }
    return ST_OK;
}

// A text of JSON behind its opening quote, up to and with the closing one.
static size_t copy_text(const char *data, size_t size, size_t i, int *line, RowSink *sink) {
    for (; i < size; i++) {
        char c = data[i];
        *line += c == '\n';
        rowsink_add(sink, c == '\n' ? "\x02" : &c, 1); // a raw newline in a text is no JSON
        if (c == '"') return i;
        if (c == '\\' && i + 1 < size && data[i + 1] != '\n') rowsink_add(sink, &data[++i], 1);
    }
    return i;
}

// The elements of an array, each on a line of its own. data[0] is '['.
static void split_array(const char *data, size_t size, RowSink *sink) {
    int line = 1, began = 1, depth = 1;
    bool any = false; // the element has a byte
    size_t i = 1;
    for (; i < size && depth > 0; i++) {
        char c = data[i];
        line += c == '\n';
        if (c == '\n' || c == '\r' || (!any && (c == ' ' || c == '\t'))) continue;
        if (c == ']' || c == '}') depth--;
        if (depth == 0 || (c == ',' && depth == 1)) {
            if (any) rowsink_end(sink, began);
            any = false;
            continue;
        }
        if (!any) began = line;
        any = true;
        if (c == '[' || c == '{') depth++;
        rowsink_add(sink, &c, 1);
        if (c == '"') i = copy_text(data, size, i + 1, &line, sink);
    }
    if (any) rowsink_end(sink, began);
    if (depth > 0) rowsink_refuse(sink, "the array does not end", line);
    for (; i < size; i++) {
        if (strchr(" \t\r\n", data[i])) continue;
        rowsink_refuse(sink, "text behind the array", line);
        return;
    }
}

static bool ends_with(const char *name, size_t size, const char *with) {
    size_t n = strlen(with);
    return size >= n && strncasecmp(name + size - n, with, n) == 0;
}

// The name without .gz or .zst.
static size_t bare_size(const char *name) {
    size_t n = strlen(name);
    if (ends_with(name, n, ".gz")) return n - 3;
    if (ends_with(name, n, ".zst")) return n - 4;
    return n;
}

static const char *format_name(const char *packed, const char *inner) {
    static const char *const all[] = {
        "JSON lines",      "a JSON array",      "CSV",      "TSV",
        "gzip JSON lines", "gzip a JSON array", "gzip CSV", "gzip TSV",
        "zstd JSON lines", "zstd a JSON array", "zstd CSV", "zstd TSV",
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t n = strlen(packed);
        if (strncmp(all[i], packed, n) == 0 && strcmp(all[i] + n, inner) == 0) return all[i];
    }
    return "JSON lines";
}

static Status convert(const char *name, RowFile *f) {
    Unpack kind = unpack_kind(f->data, f->size);
    RowSink sink = {0};
    if (kind != UNPACK_NONE) {
        Status st = unpack(kind, f->data, f->size, name, &sink);
        if (st != ST_OK) rowsink_free(&sink);
        TRY(st);
        TRY(take(&sink, name, f));
    }
    TRY(refuse_others(f->data ? f->data : "", f->size, name));
    if (f->size >= 2 &&
        (memcmp(f->data, "\xFF\xFE", 2) == 0 || memcmp(f->data, "\xFE\xFF", 2) == 0)) {
        unpack_utf16(f->data, f->size, &sink);
        TRY(take(&sink, name, f));
    }
    if (f->size == 0) f->data = ""; // nothing may be left of what was unpacked
    size_t bom = f->size >= 3 && memcmp(f->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, at = bom;
    while (at < f->size && strchr(" \t\r\n", f->data[at])) at++;
    const char *packed = kind == UNPACK_GZIP ? "gzip " : kind == UNPACK_ZSTD ? "zstd " : "";
    size_t n = bare_size(name);
    const char *inner = "JSON lines";
    if (ends_with(name, n, ".csv") || ends_with(name, n, ".tsv")) {
        bool tabs = ends_with(name, n, ".tsv");
        inner = tabs ? "TSV" : "CSV";
        delimited_read(f->data + bom, f->size - bom, tabs ? '\t' : ',', &sink);
        TRY(take(&sink, name, f));
    } else if (at < f->size && f->data[at] == '[') {
        inner = "a JSON array";
        int first = 1;
        for (size_t i = 0; i < at; i++) first += f->data[i] == '\n';
        split_array(f->data + at, f->size - at, &sink);
        for (int64_t i = 0; i < sink.n_lines; i++) sink.line[i] += first - 1;
        TRY(take(&sink, name, f));
    }
    f->format = format_name(packed, inner);
    return ST_OK;
}

Status rowfile_open_bytes(const char *data, size_t size, const char *name, RowFile *out) {
    *out = (RowFile){.data = data, .size = size, .hash = rng_hash(data, size)};
    Status st = convert(name, out);
    if (st != ST_OK) rowfile_close(out);
    return st;
}

Status rowfile_open(const char *path, RowFile *out) {
    *out = (RowFile){0};
    TRY(file_map(path, &out->map));
    out->data = out->map.data;
    out->size = out->map.size;
    out->hash = rng_hash(out->data, out->size);
    Status st = convert(path, out);
    if (st != ST_OK) rowfile_close(out);
    return st;
}

void rowfile_close(RowFile *f) {
    file_unmap(&f->map);
    free(f->memory);
    free((void *)f->line);
    *f = (RowFile){0};
}

// ---- folders and patterns

bool rowfile_is_pattern(const char *path) {
    return strpbrk(path, "*?[") != NULL && !file_exists(path);
}

static bool is_rows(const char *name) {
    static const char *const suffix[] = {".jsonl", ".ndjson", ".json", ".csv", ".tsv"};
    size_t n = bare_size(name);
    for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++)
        if (ends_with(name, n, suffix[i])) return true;
    return false;
}

Status rowfile_list(const char *path, const char *const **files, int *n, Arena *arena) {
    struct stat info;
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    *n = 0;
    if (!folder && !rowfile_is_pattern(path)) {
        const char **one = ARENA_ARRAY(arena, const char *, 1);
        one[0] = arena_printf(arena, "%s", path);
        *files = one;
        *n = 1;
        return ST_OK;
    }
    glob_t found = {0};
    int rc = glob(folder ? arena_printf(arena, "%s/*", path) : path, 0, NULL, &found);
    const char **list = ARENA_ARRAY(arena, const char *, found.gl_pathc + 1);
    bool parquet = false;
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
        const char *name = found.gl_pathv[i];
        parquet = parquet || ends_with(name, strlen(name), ".parquet");
        if (stat(name, &info) != 0 || !S_ISREG(info.st_mode)) continue;
        if (!folder || is_rows(name)) list[(*n)++] = arena_printf(arena, "%s", name);
    }
    globfree(&found);
    *files = list;
    if (*n) return ST_OK;
    if (parquet)
        return FAIL(ST_FORMAT,
                    "%s: has Parquet files: grpo data import %s/NAME.parquet -o rows.jsonl", path,
                    path);
    return FAIL(ST_FORMAT,
                "%s: no file of rows is there (.jsonl, .json, .csv, .tsv, also .gz and .zst)",
                path);
}
