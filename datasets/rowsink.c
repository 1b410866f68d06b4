// datasets/rowsink.c -- a Str, or an unlinked file.
#include "datasets/rowsink.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IN_MEMORY = 16 << 20 };

static FILE *open_nameless(void) {
    const char *folder = getenv("TMPDIR");
    Str path = {0};
    str_printf(&path, "%s/grpo-rows.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(path.data);
    if (fd >= 0) unlink(path.data);
    str_free(&path);
    return fd >= 0 ? fdopen(fd, "w+") : NULL;
}

void rowsink_add(RowSink *s, const void *data, size_t size) {
    if (!s->file && s->memory.size + size > IN_MEMORY && !s->failed) {
        s->file = open_nameless();
        s->failed =
            !s->file || fwrite(str_text(&s->memory), 1, s->memory.size, s->file) != s->memory.size;
        str_free(&s->memory);
    }
    if (s->failed) return;
    if (s->file)
        s->failed = fwrite(data, 1, size, s->file) != size;
    else
        str_add(&s->memory, data, size);
}

void rowsink_end(RowSink *s, int line) {
    rowsink_add(s, "\n", 1);
    if (s->n_lines == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 256;
        s->line = realloc(s->line, (size_t)s->cap * sizeof *s->line);
        CHECK(s->line != NULL);
    }
    s->line[s->n_lines++] = line;
}

void rowsink_refuse(RowSink *s, const char *why, int line) {
    static const char mark = ROWSINK_REFUSED;
    rowsink_add(s, &mark, 1);
    rowsink_add(s, why, strlen(why));
    rowsink_end(s, line);
}

void rowsink_free(RowSink *s) {
    if (s->file) fclose(s->file);
    str_free(&s->memory);
    free(s->line);
    *s = (RowSink){0};
}
