// pipelines/interrupt.c -- signal handlers that only set flags.
#include "pipelines/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile int asked; // the signal's number
static volatile sig_atomic_t checkpoint_asked;

static volatile sig_atomic_t interrupted; // by INT
static volatile int64_t asked_at;         // ns

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); // allowed in a handler
    return t.tv_sec * (int64_t)1000000000 + t.tv_nsec;
}

static void on_stop(int sig) {
    int kept = errno;
    if (sig == SIGINT && interrupted) _exit(128 + sig);
    if (sig == SIGTERM && asked && now_ns() - asked_at > 1000000000) _exit(128 + sig);
    if (sig == SIGINT) interrupted = 1;
    if (!asked) {
        asked_at = now_ns();
        asked = sig;
    }
    errno = kept;
}

static void on_checkpoint(int sig) {
    (void)sig;
    checkpoint_asked = 1;
}

void interrupt_install(void) {
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction save = {.sa_handler = on_checkpoint, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction old;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    sigemptyset(&stop.sa_mask);
    for (int i = 0; i < 4; i++) sigaddset(&stop.sa_mask, signals[i]);
    for (int i = 0; i < 4; i++) {
        sigaction(signals[i], NULL, &old);
        if (signals[i] == SIGHUP && old.sa_handler == SIG_IGN) continue; // nohup
        sigaction(signals[i], &stop, NULL);
    }
    sigaction(SIGUSR2, &save, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); // a file beyond `ulimit -f` is a failed write
}

void interrupt_take_alarm(void) {
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigemptyset(&stop.sa_mask);
    sigaction(SIGALRM, &stop, NULL);
}

const volatile int *interrupt_flag(void) {
    return &asked;
}

int interrupt_signal(void) {
    return asked;
}

const char *interrupt_name(void) {
    switch (asked) {
    case SIGINT: return "SIGINT";
    case SIGTERM: return "SIGTERM";
    case SIGHUP: return "SIGHUP";
    case SIGUSR1: return "SIGUSR1";
    case SIGALRM: return "run.max_time";
    default: return "";
    }
}

bool interrupt_wants_checkpoint(void) {
    if (!checkpoint_asked) return false;
    checkpoint_asked = 0;
    return true;
}
