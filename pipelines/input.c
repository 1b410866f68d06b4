// pipelines/input.c -- a look before anything is opened.
#include "pipelines/input.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

Status input_file(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0)
        return FAIL(ST_FORMAT, "%s: there is no such file: %s", path, strerror(errno));
    if (S_ISDIR(info.st_mode)) return FAIL(ST_FORMAT, "%s: is a folder, not a file", path);
    return ST_OK; // a pipe will do
}

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

// Where `latest` or `best` points: one word, the name of a folder beside it.
static const char *pointed(const char *path, Arena *arena) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if ((strcmp(name, "latest") != 0 && strcmp(name, "best") != 0) || !is_file(path)) return NULL;
    char *text;
    size_t size;
    if (file_read(path, &text, &size, arena) != ST_OK) return NULL;
    text[strcspn(text, "\n")] = 0;
    if (strncmp(text, "step-", 5) != 0 || strchr(text, '/')) return NULL;
    return arena_printf(arena, "%.*s%s/model", (int)(name - path), path, text);
}

Status input_model(const char *path, const char **out, Arena *arena) {
    char *trimmed = arena_printf(arena, "%s", path);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--) trimmed[n - 1] = 0;
    size_t n = strlen(trimmed);
    const char *above = n > 6 && strcmp(trimmed + n - 6, "/model") == 0
                            ? arena_printf(arena, "%.*s", (int)(n - 6), trimmed)
                            : NULL;
    const char *tried[] = {
        trimmed,
        pointed(trimmed, arena),
        above ? pointed(above, arena) : NULL,
        arena_printf(arena, "%s/model", trimmed),
        pointed(arena_printf(arena, "%s/checkpoints/latest", trimmed), arena),
    };
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++) {
        *out = tried[i];
        bool there = false;
        if (tried[i]) TRY(file_look(arena_printf(arena, "%s/config.json", tried[i]), &there));
        if (there) return ST_OK;
    }
    *out = path;
    if (is_file(trimmed)) return ST_OK;
    if (file_exists(arena_printf(arena, "%s/run.json", trimmed)))
        return FAIL(ST_FORMAT, "%s: this run has no checkpoint yet", path);
    if (!file_exists(trimmed)) return FAIL(ST_FORMAT, "%s: there is no such folder", path);
    return FAIL(ST_FORMAT, "%s: no model is there (it has no config.json)", path);
}
