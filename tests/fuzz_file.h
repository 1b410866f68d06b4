// tests/fuzz_file.h -- bytes as files, for readers that take a path.
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_folder[64];

static void fuzz_leave(void) {
    if (file_remove_tree(fuzz_folder) != ST_OK) fprintf(stderr, "%s\n", status_text());
}

// A folder of this process, gone when it ends.
static inline const char *fuzz_dir(void) {
    if (!fuzz_folder[0]) {
        const char *in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/fuzz.XXXXXX", in);
        CHECK(mkdtemp(fuzz_folder) != NULL);
        atexit(fuzz_leave);
    }
    return fuzz_folder;
}

// Writes the bytes to a file of that folder; the path is valid until the next call.
static inline const char *fuzz_put(const char *name, const void *data, size_t size) {
    static char path[256];
    CHECK(snprintf(path, sizeof path, "%s/%s", fuzz_dir(), name) < (int)sizeof path);
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL);
    CHECK(fwrite(data, 1, size, f) == size);
    CHECK(fclose(f) == 0);
    return path;
}

// The next part of the input: up to a zero byte, or to the end. *at moves behind it.
static inline size_t fuzz_part(const uint8_t *data, size_t size, size_t *at, const uint8_t **part) {
    size_t begin = *at < size ? *at : size;
    const uint8_t *end = begin < size ? memchr(data + begin, 0, size - begin) : NULL;
    size_t n = end ? (size_t)(end - data) - begin : size - begin;
    *part = data + begin;
    *at = begin + n + 1;
    return n;
}

#endif
