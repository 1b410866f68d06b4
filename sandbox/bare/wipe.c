// sandbox/bare/wipe.c -- removes a tree of any depth with two descriptors: branches move up.
#include "sandbox/bare/wipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEEPEST = 24, BLOCK = 2048 };

typedef struct Entries {
    int fd;
    long n, at;
    union {
        char byte[BLOCK];
        uint64_t align;
    } block;
} Entries;

typedef struct DirEntry { // as getdents64 gives it
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
} DirEntry;

static const char *next_name(Entries *e) {
    for (;;) {
        if (e->at >= e->n) {
            e->n = syscall(SYS_getdents64, e->fd, e->block.byte, (unsigned)BLOCK);
            e->at = 0;
            if (e->n <= 0) return NULL;
        }
        const DirEntry *entry = (const DirEntry *)(const void *)(e->block.byte + e->at);
        e->at += entry->size;
        if (strcmp(entry->name, ".") != 0 && strcmp(entry->name, "..") != 0) return entry->name;
    }
}

static int open_folder(int at, const char *name) {
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void add(const struct stat *info, WipeSum *sum) {
    sum->bytes += (uint64_t)info->st_blocks * 512;
    sum->inodes++;
}

// NOLINTNEXTLINE(misc-no-recursion): DEEPEST bounds it
static bool within(int folder, const WipeSum *most, WipeSum *sum, int depth) {
    Entries e = {.fd = folder};
    const char *name;
    while ((name = next_name(&e))) {
        struct stat info;
        if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0) continue; // just gone
        add(&info, sum);
        if (sum->bytes > most->bytes || sum->inodes > most->inodes) return false;
        if (!S_ISDIR(info.st_mode)) continue;
        int fd = open_folder(folder, name);
        if (fd < 0) continue;
        bool ok = depth < DEEPEST && within(fd, most, sum, depth + 1);
        close(fd);
        if (!ok) return false;
    }
    return true;
}

bool wipe_within(int folder, const WipeSum *most, WipeSum *sum) {
    *sum = (WipeSum){0};
    return lseek(folder, 0, SEEK_SET) == 0 && within(folder, most, sum, 0);
}

// Who made it may have shut it to himself. Root needs no leave, and changes no mode by a name.
static void open_up(int at, const char *name) {
    if (geteuid() != 0) (void)!fchmodat(at, name, 0700, 0);
}

// Takes the files out of one folder and moves its folders up beside it.
static int empty_one(int top, const char *name, unsigned *n_moved, WipeSum *sum) {
    char up[32];
    int rc = 0, found = 1;
    open_up(top, name);
    int fd = open_folder(top, name);
    if (fd < 0) return -1;
    while (found && rc == 0) { // what is removed while it is listed may hide others
        Entries e = {.fd = fd};
        found = 0;
        if (lseek(fd, 0, SEEK_SET) < 0) rc = -1;
        for (const char *in; rc == 0 && (in = next_name(&e));) {
            struct stat info;
            found = 1;
            if (fstatat(fd, in, &info, AT_SYMLINK_NOFOLLOW) < 0) {
                rc = -1;
            } else if (!S_ISDIR(info.st_mode)) {
                add(&info, sum);
                rc = unlinkat(fd, in, 0);
            } else {
                open_up(fd, in);
                do {
                    snprintf(up, sizeof up, ".up-%u", (*n_moved)++);
                    rc = renameat(fd, in, top, up);
                } while (rc < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
            }
        }
    }
    close(fd);
    return rc == 0 ? unlinkat(top, name, AT_REMOVEDIR) : -1;
}

int wipe_all(int folder, WipeSum *sum) {
    unsigned n_moved = 0;
    int found = 1;
    while (found) {
        Entries e = {.fd = folder};
        found = 0;
        if (lseek(folder, 0, SEEK_SET) < 0) return -1;
        for (const char *name; (name = next_name(&e));) {
            struct stat info;
            found = 1;
            if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno == ENOENT) continue;
                return -1;
            }
            add(&info, sum);
            if ((S_ISDIR(info.st_mode) ? empty_one(folder, name, &n_moved, sum)
                                       : unlinkat(folder, name, 0)) < 0)
                return -1;
        }
    }
    return 0;
}

int wipe_remove(const char *path) {
    WipeSum sum = {0};
    int fd = open_folder(AT_FDCWD, path);
    if (fd < 0) return errno == ENOENT ? 0 : -1;
    int rc = wipe_all(fd, &sum);
    close(fd);
    return rc == 0 ? rmdir(path) : -1;
}
