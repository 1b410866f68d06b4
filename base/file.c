// base/file.c -- the operating system's files, with every return code looked at.
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SINK_BUFFER = 1 << 16 };

Status file_map(const char *path, FileMap *out) {
    Status st = ST_OK;
    struct stat info;
    void *mem = NULL;

    *out = (FileMap){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe is refused, not waited for
    if (fd < 0) return FAIL(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &info) < 0) {
        st = FAIL(ST_IO, "%s: cannot stat: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        st = FAIL(ST_IO, "%s: cannot map: %s", path,
                  strerror(S_ISDIR(info.st_mode) ? EISDIR : ENODEV));
        goto out;
    }
    if (info.st_size == 0) goto out;
    mem = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mem == MAP_FAILED) {
        st = FAIL(ST_IO, "%s: cannot map %lld bytes: %s", path, (long long)info.st_size,
                  strerror(errno));
        goto out;
    }
    *out = (FileMap){mem, (size_t)info.st_size};

out: // the mapping outlives the descriptor, so success comes this way too
    close(fd);
    return st;
}

void file_unmap(FileMap *map) {
    if (map->data) munmap((void *)map->data, map->size);
    *map = (FileMap){0};
}

Status file_read(const char *path, char **data, size_t *size, Arena *arena) {
    // Read, not mapped: pipes and /dev/stdin have no size to map.
    FILE *in = fopen(path, "rbe");
    if (!in) return FAIL(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    size_t n = 0, cap = 1 << 16;
    struct stat info;
    if (fstat(fileno(in), &info) == 0 && S_ISREG(info.st_mode)) cap = (size_t)info.st_size + 2;
    char *buf = malloc(cap);
    CHECK(buf != NULL);
    size_t got;
    while ((got = fread(buf + n, 1, cap - n, in)) > 0) {
        n += got;
        if (n < cap) continue;
        cap *= 2;
        buf = realloc(buf, cap);
        CHECK(buf != NULL);
    }
    Status st = ST_OK;
    if (ferror(in)) {
        st = FAIL(ST_IO, "%s: cannot read: %s", path, strerror(errno));
    } else {
        char *copy = ARENA_ARRAY(arena, char, n + 1);
        memcpy(copy, buf, n);
        *data = copy;
        if (size) *size = n;
    }
    free(buf);
    fclose(in);
    return st;
}

// Makes a rename or removal in the folder of `path` outlive a power cut.
static Status sync_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? strdup(".")
                   : slash == path ? strdup("/")
                                   : strndup(path, (size_t)(slash - path));
    CHECK(folder != NULL);
    Status st = ST_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // Some file systems cannot fsync a folder and say EINVAL: nothing better can be done there.
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        st = FAIL(ST_IO, "%s: cannot sync the folder: %s", folder, strerror(errno));
    if (fd >= 0) close(fd);
    free(folder);
    return st;
}

struct FileSink {
    int fd;
    char *path, *temporary;
    char *buffer;
    size_t used;
    uint32_t crc;
    int error; // errno of the first failure
};

Status file_sink_open(const char *path, FileSink **out) {
    *out = NULL;
    FileSink *sink = calloc(1, sizeof *sink);
    CHECK(sink != NULL);
    sink->path = strdup(path);
    sink->buffer = malloc(SINK_BUFFER);
    CHECK(sink->path != NULL && sink->buffer != NULL);
    CHECK(asprintf(&sink->temporary, "%s.tmp.%ld", path, (long)getpid()) > 0);
    sink->fd = open(sink->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (sink->fd < 0) {
        int error = errno;
        file_sink_abort(sink);
        return FAIL(ST_IO, "%s: cannot create: %s", path, strerror(error));
    }
    *out = sink;
    return ST_OK;
}

static Status sink_fail(FileSink *sink, int error) {
    sink->error = error;
    return FAIL(ST_IO, "%s: cannot write: %s", sink->path, strerror(error));
}

static Status write_all(FileSink *sink, const char *p, size_t size) {
    while (size > 0) {
        ssize_t n = write(sink->fd, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return sink_fail(sink, errno);
        p += n;
        size -= (size_t)n;
    }
    return ST_OK;
}

static Status flush_sink(FileSink *sink) {
    size_t used = sink->used;
    sink->used = 0;
    return write_all(sink, sink->buffer, used);
}

Status file_sink_add(FileSink *sink, const void *data, size_t size) {
    if (sink->error) return sink_fail(sink, sink->error);
    if (size == 0) return ST_OK;
    sink->crc = (uint32_t)crc32_z(sink->crc, data, size);
    if (size > SINK_BUFFER - sink->used) TRY(flush_sink(sink));
    if (size >= SINK_BUFFER) return write_all(sink, data, size);
    memcpy(sink->buffer + sink->used, data, size);
    sink->used += size;
    return ST_OK;
}

uint32_t file_sink_crc(const FileSink *sink) {
    return sink->crc;
}

Status file_sink_commit(FileSink *sink) {
    Status st = ST_OK;
    if (sink->error) TRY_OUT(sink_fail(sink, sink->error));
    TRY_OUT(flush_sink(sink));
    if (fsync(sink->fd) < 0) TRY_OUT(sink_fail(sink, errno));
    int fd = sink->fd;
    sink->fd = -1;
    if (close(fd) < 0) TRY_OUT(sink_fail(sink, errno));
    TRY_OUT(file_rename(sink->temporary, sink->path));
out:
    file_sink_abort(sink); // after the rename there is no temporary file to remove
    return st;
}

void file_sink_abort(FileSink *sink) {
    if (!sink) return;
    if (sink->fd >= 0) close(sink->fd);
    unlink(sink->temporary);
    free(sink->temporary);
    free(sink->path);
    free(sink->buffer);
    free(sink);
}

Status file_write_atomic(const char *path, const void *data, size_t size) {
    FileSink *sink;
    TRY(file_sink_open(path, &sink));
    Status st = file_sink_add(sink, data, size);
    if (st == ST_OK) return file_sink_commit(sink);
    file_sink_abort(sink);
    return st;
}

Status file_look(const char *path, bool *there) {
    struct stat info;
    *there = stat(path, &info) == 0;
    if (!*there && errno != ENOENT && errno != ENOTDIR) // a loop of links, a folder that is locked
        return FAIL(ST_FORMAT, "%s: cannot open: %s", path, strerror(errno));
    if (!*there || S_ISREG(info.st_mode)) return ST_OK;
    return FAIL(ST_FORMAT, "%s: is a %s, not a file", path,
                S_ISDIR(info.st_mode) ? "folder" : "pipe or a device");
}

Status file_want(const char *path) {
    bool there;
    TRY(file_look(path, &there));
    return there ? ST_OK : FAIL(ST_FORMAT, "%s: there is no such file", path);
}

Status file_read_if_there(const char *path, char **data, size_t *size, Arena *arena) {
    bool there;
    *data = NULL;
    TRY(file_look(path, &there));
    return there ? file_read(path, data, size, arena) : ST_OK;
}

const char *file_in(const char *path, const char *name, Arena *arena) {
    struct stat info;
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    return folder ? arena_printf(arena, "%s/%s", path, name) : path;
}

bool file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

Status file_mkdirs(const char *path) {
    char *part = strdup(path);
    CHECK(part != NULL);
    Status st = ST_OK;
    for (char *p = part + (*part == '/'); *part;) {
        p += strcspn(p, "/");
        char rest = *p;
        *p = 0;
        struct stat info;
        if (mkdir(part, 0777) < 0) {
            int error = errno;
            if (stat(part, &info) < 0 || !S_ISDIR(info.st_mode)) {
                st = FAIL(ST_IO, "%s: cannot make the folder %s: %s", path, part,
                          strerror(error == EEXIST ? ENOTDIR : error));
                break;
            }
        }
        if (!rest) break;
        *p++ = rest;
    }
    free(part);
    return st;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
    (void)info, (void)kind, (void)at;
    return remove(path);
}

Status file_remove_tree(const char *path) {
    struct stat info;
    if (lstat(path, &info) < 0 && errno == ENOENT) return ST_OK;
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        return FAIL(ST_IO, "%s: cannot remove: %s", path, strerror(errno));
    return ST_OK;
}

Status file_rename(const char *from, const char *to) {
    if (rename(from, to) < 0)
        return FAIL(ST_IO, "%s: cannot rename %s to it: %s", to, from, strerror(errno));
    return sync_folder(to);
}

static Status stand_aside(const char *tmp, const char *folder) {
    Arena *arena = arena_new(1 << 10);
    const char *old = arena_printf(arena, "%s.old", folder);
    Status st = file_remove_tree(old);
    if (st == ST_OK) st = file_rename(folder, old);
    if (st == ST_OK) st = file_rename(tmp, folder);
    if (st == ST_OK) st = file_remove_tree(old);
    arena_free(arena);
    return st;
}

Status file_replace_folder(const char *tmp, const char *folder) {
    if (!file_exists(folder)) return file_rename(tmp, folder);
    if (renameat2(AT_FDCWD, tmp, AT_FDCWD, folder, RENAME_EXCHANGE) == 0) {
        TRY(sync_folder(folder));
        return file_remove_tree(tmp);
    }
    if (errno == EINVAL || errno == ENOSYS) return stand_aside(tmp, folder);
    return FAIL(ST_IO, "%s: cannot take the place of %s: %s", tmp, folder, strerror(errno));
}

Status file_move_aside(const char *path, char **moved, Arena *arena) {
    *moved = NULL;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    char *from = arena_printf(arena, "%.*s", (int)n, path);
    struct stat info;
    if (lstat(from, &info) < 0) {
        if (errno == ENOENT) return ST_OK;
        return FAIL(ST_IO, "%s: cannot stat: %s", from, strerror(errno));
    }
    for (int k = 1;; k++) {
        char *to = arena_printf(arena, "%s.%d", from, k);
        if (lstat(to, &info) == 0) continue;
        TRY(file_rename(from, to));
        *moved = to;
        return ST_OK;
    }
}
