// pipelines/lines.c -- reading all lines, and the shape of answers.
#include "pipelines/lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "pipelines/input.h"

static Status read_stdin(char **data, size_t *size, Arena *arena) {
    Str all = {0};
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0) str_add(&all, block, n);
    Status st = ferror(stdin) ? FAIL(ST_IO, "stdin: cannot read: %s", strerror(errno)) : ST_OK;
    *data = ARENA_ARRAY(arena, char, all.size + 1);
    memcpy(*data, str_text(&all), all.size);
    *size = all.size;
    str_free(&all);
    return st;
}

static const char *id_of(const Json *row, int number, Arena *arena) {
    const Json *id = json_get(row, "id");
    if (!id) return arena_printf(arena, "%d", number);
    Str text = {0};
    json_echo(id, &text);
    const char *out = arena_printf(arena, "%s", str_text(&text));
    str_free(&text);
    return out;
}

static void read_one(InLine *line, const char *text, size_t size, const char *name, Arena *arena) {
    size_t blank = 0;
    while (blank < size && strchr(" \t\r", text[blank])) blank++;
    if (blank == size) {
        line->error = "the line is empty";
    } else if (json_parse(text, size, name, line->number, false, &line->doc) != ST_OK) {
        line->error = arena_printf(arena, "%s", status_text());
    } else if (json_kind(json_root(line->doc)) != JSON_OBJECT) {
        line->error = arena_printf(arena, "the line is %s, not an object",
                                   json_kind_name(json_kind(json_root(line->doc))));
    } else {
        line->row = json_root(line->doc);
    }
    line->id = id_of(line->row, line->number, arena);
}

Status lines_read(const char *path, Lines *out, Arena *arena) {
    *out = (Lines){0};
    char *text;
    size_t size;
    bool standard = strcmp(path, "-") == 0;
    if (standard) {
        TRY(read_stdin(&text, &size, arena));
    } else {
        TRY(input_file(path));
        TRY(file_read(path, &text, &size, arena));
    }
    int n = 0;
    for (size_t i = 0; i < size; i++) n += text[i] == '\n';
    n += size > 0 && text[size - 1] != '\n';
    out->line = ARENA_ARRAY(arena, InLine, n > 0 ? n : 1);
    out->n = n;
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t len = end ? (size_t)(end - (text + at)) : size - at;
        out->line[i].number = i + 1;
        read_one(&out->line[i], text + at, len, standard ? "stdin" : path, arena);
        at += len + 1;
    }
    return ST_OK;
}

void lines_close(Lines *lines) {
    for (int i = 0; i < lines->n; i++) json_free(lines->line[i].doc);
    *lines = (Lines){0};
}

void lines_begin(const InLine *line, Str *out) {
    str_printf(out, "{\"id\":%s", line->id);
}

void lines_error(const InLine *line, bool verdict, Str *out) {
    lines_begin(line, out);
    if (verdict)
        str_puts(out, ",\"verdict\":\"error\",\"score\":null,\"reason\":");
    else
        str_puts(out, ",\"error\":");
    str_json(out, line->error, strlen(line->error));
    str_puts(out, "}\n");
}

bool lines_flush(Str *out) {
    fwrite(str_text(out), 1, out->size, stdout);
    fflush(stdout);
    str_clear(out);
    return !ferror(stdout);
}
