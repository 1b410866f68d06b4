// sandbox/bare/run_lock.c -- a lock of this process, and a file that is locked with it.
#include "sandbox/bare/run_lock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/bare/scratch.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static pthread_t owner;
static int depth; // 0: nobody's
static int file = -1;
static pid_t opened_by; // a lock is of what was opened, and a fork has the same

static Status lock_file(void) {
    char name[40];
    const double until = clock_now() + 600;
    snprintf(name, sizeof name, "grpo-cage-%u.turn", (unsigned)geteuid());
    if (file >= 0 && opened_by != getpid()) close(file), file = -1;
    if (file < 0) TRY(scratch_lock_file(name, &file));
    opened_by = getpid();
    while (flock(file, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return FAIL(ST_IO, "sandbox: %s: cannot lock: %s", name, strerror(errno));
        if (clock_now() > until)
            return FAIL(ST_IO, "sandbox: another process of this user has kept %s for ten minutes",
                        name);
        usleep(1000);
    }
    return ST_OK;
}

Status run_lock_take(void) {
    pthread_mutex_lock(&lock);
    while (depth > 0 && !pthread_equal(owner, pthread_self())) pthread_cond_wait(&given, &lock);
    owner = pthread_self();
    depth++;
    pthread_mutex_unlock(&lock);
    if (depth > 1) return ST_OK; // ours, so nobody changes it
    Status st = lock_file();
    if (st != ST_OK) run_lock_give();
    return st;
}

void run_lock_give(void) {
    pthread_mutex_lock(&lock);
    CHECK(depth > 0);
    if (--depth == 0) {
        if (file >= 0) flock(file, LOCK_UN);
        pthread_cond_signal(&given);
    }
    pthread_mutex_unlock(&lock);
}
