// sandbox/cell/domain.c -- a slot without namespaces: who may be signalled and is killed, and where
// its files lie.
//
// A process in a Landlock domain with the scope of signals may signal those in it and in domains
// inside it, nobody else; so its kill(-1) ends just them, in one step that no fork slips through.
// The slot's outer process is in one, pid 1 of a program in one inside that, the program in one
// inside that again: each can end what it started, none what is above it.
#include <errno.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/bare/wipe.h"
#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"

enum { SCOPE_ABSTRACT_SOCKET = 1, SCOPE_SIGNAL = 2 }; // newer than some headers

// Everything that kill(-1) means here hangs on it, so it is seen, not believed.
static int signals_stay(void) {
    errno = 0;
    if (kill(getppid(), 0) < 0 && errno == EPERM) return 0;
    errno = ENOSYS;
    return -1;
}

int domain_enter(Cell *c) {
    const struct { uint64_t fs, net, scoped; } attr = {0, 0, SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL};
    c->scoped = false;
    if (c->slot.layers & CAGE_REAP &&
        DO(c, "gather orphans", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) < 0)
        return -1;
    if (!(c->slot.layers & CAGE_SCOPE)) return 0;
    if (DO(c, "no_new_privs of the domain", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0) return -1;
    int rules =
        (int)DO(c, "landlock domain", syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0));
    if (rules < 0) return -1;
    long rc = DO(c, "enter the domain", syscall(SYS_landlock_restrict_self, rules, 0));
    close(rules);
    if (rc < 0 || DO(c, "signals stay in the domain", signals_stay()) < 0) return -1;
    c->scoped = true;
    return 0;
}

unsigned domain_end(const Cell *c, pid_t pid, int *status) {
    unsigned n = 0;
    int left;
    pid_t got;
    const bool all = c->scoped && c->slot.layers & CAGE_REAP; // not scoped: it would be everybody
    if (!all && pid <= 0) return 0;
    if (all)
        kill(-1, SIGKILL);
    else
        kill(-pid, SIGKILL), kill(pid, SIGKILL);
    while ((got = wait4(all ? -1 : pid, &left, 0, NULL)) > 0 || (got < 0 && errno == EINTR)) {
        if (got == pid) *status = left;
        n += got > 0 && got != pid;
    }
    return n;
}

// Would the kernel let this user have one more, were `most` his limit?
static bool fits(long most, rlim_t hard) {
    struct rlimit l = {(rlim_t)most, hard};
    if (setrlimit(RLIMIT_NPROC, &l) < 0) return true; // so the search ends
    // NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
    pid_t pid = vfork();
    if (pid == 0) _exit(0);
    // NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    return pid > 0;
}

long domain_tasks(void) {
    static long known = 64;
    static int64_t when;
    struct timespec now;
    struct rlimit own;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t ms = now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    if (when && ms - when < 200) return known;
    if (getrlimit(RLIMIT_NPROC, &own) < 0) return -1;
    long low = known, high = known, most = own.rlim_max < 1 << 22 ? (long)own.rlim_max : 1 << 22;
    for (long step = 1; high < most && !fits(high, own.rlim_max); step *= 2)
        low = high, high += step;
    for (long step = 1; low == high && low > 0; step *= 2) {
        low = low > step ? low - step : 0;
        if (fits(low, own.rlim_max)) high = low;
    }
    while (high - low > 1) { // it does not fit in low, it does in high
        long mid = low + (high - low) / 2;
        *(fits(mid, own.rlim_max) ? &high : &low) = mid;
    }
    setrlimit(RLIMIT_NPROC, &own);
    known = high, when = ms;
    return high;
}

void cell_path(const Cell *c, const char *path, char *out, size_t size) {
    snprintf(out, size, "%s%s", c->slot.bare ? c->slot.folder : "", path);
}

int bare_make(Cell *c) {
    static const char *const parts[] = {"", "/w", "/pch", "/pch/bits"};
    char path[200];
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        cell_path(c, parts[i], path, sizeof path);
        // A plain user's program is the same user; Landlock keeps it from the names above its own.
        if (DO(c, "folder of the slot", mkdir(path, 0711)) < 0) return -1;
        if (chmod(path, i < 2 ? 0711 : 0755) < 0) return -1;
    }
    return 0;
}

void bare_leave(Cell *c, bool told) {
    char above[sizeof c->slot.folder];
    int unused = 0;
    domain_end(c, -1, &unused);
    if (c->slot.layers & CAGE_WIPE) (void)wipe_remove(c->slot.folder);
    // The last slot of a broker that is gone takes the broker's folder along. A killed one closes
    // its sockets a moment before its children get another parent.
    for (int ms = 0; !told && ms < 100 && getppid() == c->broker; ms++) usleep(1000);
    if (getppid() == c->broker) return;
    strcpy(above, c->slot.folder);
    char *slash = strrchr(above, '/');
    if (slash) *slash = 0;
    (void)rmdir(above);
}
