// datasets/delimited.c -- one record at a time.
#include "datasets/delimited.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { FIELDS_MAX = 4096 };

typedef struct RecordReader {
    const char *data;
    size_t size, at;
    char separator;
    int line;     // of data[at]
    bool unended; // a quote of the last record has no end
    Str text;     // the fields of the record, one after the other
    size_t *end;  // [n] where each ends in `text`
    bool *quoted; // [n]
    int n, cap;
} RecordReader;

static void end_field(RecordReader *r, bool quoted) {
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 16;
        r->end = realloc(r->end, (size_t)r->cap * sizeof *r->end);
        r->quoted = realloc(r->quoted, (size_t)r->cap * sizeof *r->quoted);
        CHECK(r->end != NULL && r->quoted != NULL);
    }
    r->quoted[r->n] = quoted;
    r->end[r->n++] = r->text.size;
}

// Reads what is in quotes; data[at] is the first byte behind the opening one.
static void read_quoted(RecordReader *r) {
    while (r->at < r->size) {
        char c = r->data[r->at++];
        r->line += c == '\n';
        if (c != '"') {
            str_putc(&r->text, c);
        } else if (r->at < r->size && r->data[r->at] == '"') {
            str_putc(&r->text, '"');
            r->at++;
        } else {
            return;
        }
    }
    r->unended = true;
}

// One record; false at the end of the file.
static bool read_record(RecordReader *r) {
    if (r->at >= r->size) return false;
    str_clear(&r->text);
    r->n = 0;
    r->unended = false;
    bool quoted = false, fresh = true; // fresh: the field has no byte yet
    while (r->at < r->size) {
        char c = r->data[r->at++];
        if (c == '"' && fresh) {
            read_quoted(r);
            quoted = true;
        } else if (c == r->separator) {
            end_field(r, quoted);
            quoted = false, fresh = true;
            continue;
        } else if (c == '\n' || (c == '\r' && r->at < r->size && r->data[r->at] == '\n')) {
            r->at += c == '\r';
            r->line++;
            break;
        } else if (c != '\r' || r->at < r->size) {
            str_putc(&r->text, c);
        }
        fresh = false;
    }
    end_field(r, quoted);
    return true;
}

// The separator of a JSON list or object may be inside: only what parses whole is one.
static bool is_nested(const char *text, size_t size) {
    if (size < 2 || (text[0] != '[' && text[0] != '{')) return false;
    JsonDoc *doc;
    if (json_parse(text, size, "field", 1, false, &doc) != ST_OK) return false;
    json_free(doc);
    return true;
}

static void put_nested(const char *text, size_t size, Str *out) {
    for (size_t i = 0; i < size; i++) // newlines between its parts would end the row
        str_putc(out, text[i] == '\n' || text[i] == '\r' ? ' ' : text[i]);
}

static const char *field(const RecordReader *r, int i, size_t *size) {
    size_t begin = i ? r->end[i - 1] : 0;
    *size = r->end[i] - begin;
    return str_text(&r->text) + begin;
}

static void put_row(const RecordReader *head, const RecordReader *r, Str *out) {
    str_clear(out);
    str_putc(out, '{');
    for (int i = 0; i < r->n; i++) {
        size_t n_name, n;
        const char *name = field(head, i, &n_name), *text = field(r, i, &n);
        if (n == 0) continue;
        if (out->size > 1) str_putc(out, ',');
        str_json(out, name, n_name);
        str_putc(out, ':');
        if (is_nested(text, n))
            put_nested(text, n, out);
        else
            str_json(out, text, n);
    }
    str_putc(out, '}');
}

static void close_reader(RecordReader *r) {
    str_free(&r->text);
    free(r->end);
    free(r->quoted);
}

void delimited_read(const char *data, size_t size, char separator, RowSink *sink) {
    RecordReader head = {.data = data, .size = size, .separator = separator, .line = 1};
    Str row = {0};
    bool has_head = read_record(&head);
    RecordReader r = {
        .data = data, .size = size, .separator = separator, .at = head.at, .line = head.line};
    if (has_head && (head.unended || head.n > FIELDS_MAX))
        rowsink_refuse(sink,
                       head.unended ? "the quote of a column's name does not end"
                                    : "more than 4096 columns",
                       1);
    while (has_head && !head.unended && head.n <= FIELDS_MAX) {
        int line = r.line;
        if (!read_record(&r)) break;
        if (r.n == 1 && r.text.size == 0 && !r.quoted[0]) continue; // a blank line
        if (r.unended || r.n != head.n) {
            str_clear(&row);
            if (r.unended)
                str_puts(&row, "a quote does not end");
            else
                str_printf(&row, "%d fields, but the first record names %d columns", r.n, head.n);
            rowsink_refuse(sink, str_text(&row), line);
            continue;
        }
        put_row(&head, &r, &row);
        rowsink_add(sink, row.data, row.size);
        rowsink_end(sink, line);
    }
    str_free(&row);
    close_reader(&head);
    close_reader(&r);
}
