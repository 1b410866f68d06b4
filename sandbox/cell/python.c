// sandbox/cell/python.c -- what the Python zygote calls through ctypes.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cell/cell.h"

static Cell cell;

int cell_serve(void) {
    Cell *c = &cell;
    struct stat info;
    if (fstat(CELL_NOTES, &info) < 0) return 0;
    char *notes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, CELL_NOTES, 0);
    if (notes == MAP_FAILED) return 0;
    c->slot = *(const CellSlot *)(const void *)notes;
    c->filter = (const uint64_t *)(const void *)(notes + sizeof c->slot);
    const char *root = notes + sizeof c->slot + c->slot.filter_len * 8ul;
    c->n_steps = *(const unsigned *)(const void *)(root + c->slot.root_bytes);
    c->fail_at = c->slot.fail_slot;
    close(CELL_NOTES);
    // exec made the descriptors that were kept inheritable again: close on exec from here on.
    fcntl(CELL_CONTROL, F_SETFD, FD_CLOEXEC);
    char so[200];
    cell_path(c, "/cell.so", so, sizeof so);
    if (DO(c, "hide the helper", unlink(so)) < 0 || root_seal(c, root) < 0) {
        cell_ready(c, errno, NULL);
        return 0;
    }
    if (cell_ready(c, 0, "") < 0) return 0;
    return serve_loop(c);
}

const char *cell_source(uint32_t *size) {
    const char *name;
    return payload_file(&cell, 0, &name, size);
}

uint64_t cell_seed(void) {
    return cell.run.seed;
}
