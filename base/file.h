// base/file.h -- reading files whole, and writing them so that a crash leaves the old or the new.
//
// Layer 1. Fails with ST_IO only (functions that use file_look: also ST_FORMAT); the message names
// the path and ends with strerror.
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// A read-only mapping; data is NULL for an empty file.
typedef struct FileMap {
    const void *data;
    size_t size;
} FileMap;

MUST_USE Status file_map(const char *path, FileMap *out);
void file_unmap(FileMap *map);

// The whole file, zero-terminated, in the arena; *size without the terminator (may be NULL).
MUST_USE Status file_read(const char *path, char **data, size_t *size, Arena *arena);

// Writes PATH.tmp.PID, fsyncs, renames over PATH, fsyncs the folder. On failure PATH is as it was
// and the temporary file is gone.
MUST_USE Status file_write_atomic(const char *path, const void *data, size_t size);

// The same in pieces. file_sink_add keeps the CRC-32 (zlib's) of all bytes. After a failed add
// every later call fails too; file_sink_commit publishes, file_sink_abort (or a failed commit)
// leaves nothing behind.
typedef struct FileSink FileSink;
MUST_USE Status file_sink_open(const char *path, FileSink **out);
MUST_USE Status file_sink_add(FileSink *sink, const void *data, size_t size);
uint32_t file_sink_crc(const FileSink *sink);
MUST_USE Status file_sink_commit(FileSink *sink); // frees the sink in any case
void file_sink_abort(FileSink *sink);             // NULL is fine

bool file_exists(const char *path);
// Is a file there? ST_FORMAT if it cannot be known, or something else is: a folder; a pipe, which
// would make its reader wait; a device, which may never end.
MUST_USE Status file_look(const char *path, bool *there);
MUST_USE Status file_want(const char *path); // ST_FORMAT if there is none, or file_look fails
// file_read where a file is there; *data is NULL where none is.
MUST_USE Status file_read_if_there(const char *path, char **data, size_t *size, Arena *arena);
// PATH/NAME (in the arena) if PATH is a folder, else PATH itself.
const char *file_in(const char *path, const char *name, Arena *arena);
MUST_USE Status file_mkdirs(const char *path);      // like mkdir -p
MUST_USE Status file_remove_tree(const char *path); // like rm -rf; a missing path is fine
MUST_USE Status file_rename(const char *from, const char *to); // and fsyncs the folder
// The folder TMP takes the place of FOLDER, in one step where there is one already; the older one
// is then removed. Where the file system cannot exchange two names, the older one is kept aside as
// FOLDER.old for a moment.
MUST_USE Status file_replace_folder(const char *tmp, const char *folder);
// Moves PATH to PATH.1 (or .2 ...), for "an older run is moved aside". *moved (in arena) or NULL if
// no PATH.
MUST_USE Status file_move_aside(const char *path, char **moved, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
