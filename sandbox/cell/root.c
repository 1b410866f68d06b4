// sandbox/cell/root.c -- the slot's root: nothing but what the language needs, read-only.
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"

// Every folder above `path`, in the new root.
static int make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = mkdir(path, 0755);
        *slash = '/';
        if (rc < 0 && errno != EEXIST) return -1;
    }
    return 0;
}

// A mount in a user namespace keeps the flags it came with: they are locked.
static int remount(const char *place, unsigned long flags) {
    struct statvfs info;
    if (statvfs(place, &info) < 0) return -1;
    const struct {
        unsigned long have, keep;
    } keep[] = {{ST_RDONLY, MS_RDONLY},    {ST_NOSUID, MS_NOSUID},   {ST_NODEV, MS_NODEV},
                {ST_NOEXEC, MS_NOEXEC},    {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME},
                {ST_RELATIME, MS_RELATIME}};
    for (size_t i = 0; i < sizeof keep / sizeof keep[0]; i++)
        if (info.f_flag & keep[i].have) flags |= keep[i].keep;
    return mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
}

static int place_one(Cell *c, const char *what, const char *source, char *place) {
    struct stat info;
    if (DO(c, "folders of the root", make_parents(place)) < 0) return -1;
    if (strcmp(what, "dir") == 0) return (int)DO(c, "folder of the root", mkdir(place, 0755));
    if (strcmp(what, "link") == 0) return (int)DO(c, "link of the root", symlink(source, place));
    if (stat(source, &info) < 0) return -1;
    if (S_ISDIR(info.st_mode)) {
        if (mkdir(place, 0755) < 0 && errno != EEXIST) return -1;
    } else {
        int fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) return -1;
        close(fd);
    }
    if (DO(c, "bind into the root", mount(source, place, NULL, MS_BIND | MS_REC, NULL)) < 0)
        return -1;
    unsigned long flags = MS_RDONLY | MS_NOSUID;
    flags |= strcmp(what, "dev") == 0 ? MS_NOEXEC : MS_NODEV;
    return (int)DO(c, "make it read-only", remount(place, flags));
}

// A tmpfs copy: a memory file is on no mount that could be bound.
int root_header(Cell *c, const char *at, int header) {
    char place[600];
    struct stat info;
    snprintf(place, sizeof place, "%s/pch/bits/stdc++.h.gch", at);
    if (DO(c, "folders of the root", make_parents(place)) < 0) return -1;
    int fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    if (fd < 0 || fstat(header, &info) < 0) return -1;
    off_t from = 0;
    while (from < info.st_size)
        if (sendfile(fd, header, &from, (size_t)(info.st_size - from)) <= 0) return -1;
    close(fd);
    return close(header);
}

int root_build(Cell *c, const char *root, int header) {
    // Any folder serves as the place of the new root; it is seen by nobody else.
    static const char *const places[] = {"/mnt", "/srv", "/media", "/opt", "/tmp"};
    const char *at = NULL;
    struct stat info;
    for (size_t i = 0; !at && i < sizeof places / sizeof places[0]; i++)
        if (stat(places[i], &info) == 0 && S_ISDIR(info.st_mode)) at = places[i];
    if (!at) return -1;
    if (DO(c, "private mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) < 0) return -1;
    if (DO(c, "new root", mount("tmpfs", at, "tmpfs", MS_NOSUID, "size=512m,mode=0755")) < 0)
        return -1;
    char place[600];
    for (const char *p = root, *end = root + c->slot.root_bytes; p < end;) {
        const char *what = p, *source = what + strlen(what) + 1,
                   *where = source + strlen(source) + 1;
        p = where + strlen(where) + 1;
        if (snprintf(place, sizeof place, "%s%s", at, where) >= (int)sizeof place) return -1;
        if (place_one(c, what, source, place) < 0) return -1;
    }
    if (header >= 0 && root_header(c, at, header) < 0) return -1;
    if (DO(c, "enter the new root", chdir(at)) < 0) return -1;
    if (DO(c, "pivot_root", syscall(SYS_pivot_root, ".", ".")) < 0) return -1;
    if (DO(c, "leave the old root", umount2(".", MNT_DETACH)) < 0) return -1;
    return (int)DO(c, "enter the root", chdir("/"));
}

// Landlock rights by ABI; names of the newer ones are missing from older headers.
static uint64_t all_rights(unsigned abi) {
    uint64_t fs = (1ull << 13) - 1; // ABI 1: execute .. make_sym
    if (abi >= 2) fs |= 1ull << 13; // refer
    if (abi >= 3) fs |= 1ull << 14; // truncate
    if (abi >= 5) fs |= 1ull << 15; // ioctl_dev
    return fs;
}

static int allow_path(Cell *c, int rules, const char *path, uint64_t rights) {
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : -1; // this root has no such thing
    if (fstat(fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rights &= 1ull << 0 | 1ull << 1 | 1ull << 2 | 1ull << 14 | 1ull << 15;
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = fd};
    long rc = DO(c, "landlock rule",
                 syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0));
    close(fd);
    return (int)rc;
}

static int make_rules(Cell *c, const char *root) {
    unsigned abi = c->slot.landlock;
    struct {
        uint64_t fs, net, scoped;
    } attr = {all_rights(abi), abi >= 4 ? 3 : 0, abi >= 6 ? 3 : 0};
    if (c->slot.bare && !(c->slot.layers & CAGE_SCOPE)) attr.scoped = 0;
    size_t size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    int rules = (int)DO(c, "landlock rules", syscall(SYS_landlock_create_ruleset, &attr, size, 0));
    if (rules < 0) return -1;
    if (DO(c, "keep the rules", dup3(rules, CELL_RULES, O_CLOEXEC)) < 0) return -1;
    close(rules);
    const uint64_t look = 1ull << 2 | 1ull << 3, run = 1ull << 0, write = 1ull << 1;
    char own[200], pch[200];
    cell_path(c, "/w", own, sizeof own);
    cell_path(c, "/pch", pch, sizeof pch);
    // No devices, no sockets in the folder; it is a mount under /w, and rules reach down from
    // there.
    uint64_t folder = all_rights(abi) & ~(1ull << 6 | 1ull << 9 | 1ull << 11 | 1ull << 15);
    if (c->slot.kind != CELL_TOOLS) folder &= ~run;
    if (allow_path(c, CELL_RULES, own, folder) < 0) return -1;
    if (allow_path(c, CELL_RULES, pch, look) < 0) return -1;
    const uint64_t tree = look | run; // a library is mapped with `run`
    for (const char *p = root, *end = root + c->slot.root_bytes; p < end;) {
        const char *what = p, *source = what + strlen(what) + 1,
                   *where = source + strlen(source) + 1;
        p = where + strlen(where) + 1;
        uint64_t rights = strcmp(what, "dev") == 0 ? 1ull << 2 | write : tree;
        if (*what != 'l' && strcmp(what, "dir") != 0 &&
            allow_path(c, CELL_RULES, c->slot.bare ? source : where, rights) < 0)
            return -1;
    }
    return 0;
}

int root_seal(Cell *c, const char *root) {
    if (c->slot.layers & CAGE_LANDLOCK && make_rules(c, root) < 0) return -1;
    if (c->slot.bare) return (int)DO(c, "enter the root", chdir("/"));
    if (!(c->slot.layers & CAGE_MNTNS)) return chmod("/w/tmp", 0777); // a test of the test
    return (int)DO(
        c, "seal the root",
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
}
