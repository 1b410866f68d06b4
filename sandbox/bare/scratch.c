// sandbox/bare/scratch.c -- folders and uids given out, locks held, leavings of the dead removed.
#include "sandbox/bare/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/bare/wipe.h"

enum { BLOCKS = 64, ROOMY = 512 }; // MiB that a folder's file system should have free

static const char *const places[] = {"/dev/shm", "/tmp", "/var/tmp"};
enum { PLACES = sizeof places / sizeof places[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char base[64];
static int base_fd = -1, uids_fd = -1;
static unsigned n_folders, first_uid, n_uids;
static bool uid_used[1024];

// Of ours, and no broker holds it.
static void remove_left(const char *place) {
    DIR *d = opendir(place);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300];
        struct stat info;
        if (strncmp(e->d_name, "grpo-cage.", 10) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", place, e->d_name);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &info) == 0 && info.st_uid == geteuid() &&
            flock(fd, LOCK_EX | LOCK_NB) == 0)
            (void)wipe_remove(path);
        if (fd >= 0) close(fd);
    }
    if (d) closedir(d);
}

// Scripts run what they write, so not one without exec; the roomy first.
static const char *choose_place(void) {
    for (int roomy = 1; roomy >= 0; roomy--)
        for (int i = 0; i < PLACES; i++) {
            struct statvfs info;
            if (statvfs(places[i], &info) < 0 || access(places[i], W_OK | X_OK) < 0) continue;
            if (info.f_flag & (ST_RDONLY | ST_NOEXEC)) continue;
            if (!roomy || info.f_bavail * (uint64_t)info.f_frsize >> 20 >= ROOMY) return places[i];
        }
    return NULL;
}

Status scratch_lock_file(const char *name, int *fd) {
    static const char *const runs[] = {"/run", "/dev/shm", "/tmp", "/var/tmp"};
    char path[128];
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", runs[i], name);
        *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (*fd < 0) continue;
        if (fstat(*fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid())
            return ST_OK;
        close(*fd);
    }
    *fd = -1;
    return FAIL(ST_IO, "no place for the lock %s: /run, /dev/shm, /tmp and /var/tmp refuse it",
                name);
}

// A block of uids that no other broker of this machine uses.
static Status take_uids(bool low) {
    const unsigned blocks = low ? 16 : BLOCKS;
    if (uids_fd < 0) TRY(scratch_lock_file("grpo-cage.uids", &uids_fd));
    for (unsigned i = 0; i < blocks; i++) {
        struct flock byte = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i + (low ? BLOCKS : 0), .l_len = 1};
        if (fcntl(uids_fd, F_OFD_SETLK, &byte) < 0) continue;
        n_uids = low ? 128 : 1024;
        first_uid = (low ? 62976 : 300000) + i * n_uids;
        return ST_OK;
    }
    return FAIL(ST_UNSUPPORTED, "all %u blocks of uids are in use by other sandboxes", blocks);
}

Status scratch_open(bool uids, bool low) {
    if (uids) TRY(take_uids(low));
    if (base[0]) return ST_OK;
    for (int i = 0; i < PLACES; i++) remove_left(places[i]);
    const char *place = choose_place();
    if (!place)
        return FAIL(ST_UNSUPPORTED, "no folder for programs: /dev/shm, /tmp and /var/tmp are "
                                    "read-only, noexec or not ours");
    snprintf(base, sizeof base, "%s/grpo-cage.XXXXXX", place);
    if (!mkdtemp(base) || chmod(base, geteuid() == 0 ? 0711 : 0700) < 0) {
        base[0] = 0;
        return FAIL(ST_IO, "%s: no folder for programs: %s", place, strerror(errno));
    }
    base_fd = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (base_fd >= 0) (void)flock(base_fd, LOCK_EX | LOCK_NB);
    return ST_OK;
}

void scratch_close(void) {
    if (!base[0]) return;
    (void)wipe_remove(base);
    if (base_fd >= 0) close(base_fd);
    base[0] = 0;
}

Status scratch_take(unsigned *uid, char *folder) {
    Status st = ST_OK;
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (uid && i < n_uids && uid_used[i]) i++;
    if (uid && i == n_uids) {
        st = FAIL(ST_UNSUPPORTED, "sandbox: more than %u slots at once", n_uids);
    } else {
        if (uid) uid_used[i] = true, *uid = first_uid + i;
        snprintf(folder, 128, "%s/%u", base, n_folders++);
    }
    pthread_mutex_unlock(&lock);
    return st;
}

// As that user, so that kill(-1) means his processes: they are ours by the block.
static void kill_all_of(unsigned uid) {
    pid_t pid = fork();
    if (pid == 0) {
        // Not the library's calls: they would ask threads that are not here.
        if (syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, uid, uid, uid) == 0 &&
            syscall(SYS_setresuid, uid, uid, uid) == 0 && getuid() == uid && geteuid() == uid)
            kill(-1, SIGKILL);
        _exit(0);
    }
}

void scratch_give(unsigned uid, const char *folder) {
    struct stat info;
    // The slot removes its folder last of all: where it is still there, the slot was killed.
    if (stat(folder, &info) == 0) {
        if (uid) {
            kill_all_of(uid);
            usleep(20000);
        }
        (void)wipe_remove(folder);
    }
    if (!uid) return;
    pthread_mutex_lock(&lock);
    uid_used[uid - first_uid] = false;
    pthread_mutex_unlock(&lock);
}
