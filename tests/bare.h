// tests/bare.h -- the same test in a cage without namespaces: CAGE_BARE=1 (tests/test_bare.sh).
#pragma once
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cage.h"

// As on a machine that has no namespaces, where that is allowed by name.
static inline bool is_bare(void) {
    return getenv("CAGE_BARE") != NULL;
}

static inline CageOpts bare_opts(void) {
    return (CageOpts){.without = CAGE_NAMESPACES, .allow_missing = CAGE_NAMESPACES};
}

static inline CageOpts cage_opts(void) {
    return is_bare() ? bare_opts() : (CageOpts){0};
}

// The rest of the test in a pid namespace of its own where root can make one, so that a hostile
// program that does get out of such a cage meets nobody. Where none can be made it goes on here.
static inline void among_ourselves(void) {
    if (geteuid() != 0 || unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return;
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        // pid 1 collects what loses its parent, and the test is its child.
        pid_t test = fork();
        if (test == 0) {
            (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
            (void)mount("proc", "/proc", "proc", 0, NULL);
            (void)mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777");
            return;
        }
        for (pid_t got; (got = wait(&status)) != test || got < 0;) {
        }
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
