// pipelines/interrupt.c -- signal handlers that only set flags.
#include "pipelines/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile int asked; // the signal's number
static volatile sig_atomic_t checkpoint_asked;

static void on_stop(int sig) {
    if (asked) _exit(128 + sig);
    asked = sig;
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
    for (int i = 0; i < 4; i++) {
        sigaction(signals[i], NULL, &old);
        if (signals[i] == SIGHUP && old.sa_handler == SIG_IGN) continue; // nohup
        sigaction(signals[i], &stop, NULL);
    }
    sigaction(SIGUSR2, &save, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
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
    default: return "";
    }
}

bool interrupt_wants_checkpoint(void) {
    if (!checkpoint_asked) return false;
    checkpoint_asked = 0;
    return true;
}
