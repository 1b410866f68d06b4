// tests/attacks/k15_timer_bomb.c -- hostile: timer_bomb
/* NAME: timer_bomb
 * MODE: program
 * WHAT: makes as many timers and queued signals as the kernel gives
 * EXPECTED: ok, security_violation, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
int main(void) {
    int n = 0;
    for (int i = 0; i < 2000; i++) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
        int timer;
        n += syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) == 0;
        n += timerfd_create(CLOCK_MONOTONIC, 0) >= 0;
    }
    printf(n ? "ESCAPED %d timers\n" : "CONTAINED\n", n);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    n = 0;
    for (int i = 0; i < 5000; i++) n += sigqueue(getpid(), SIGRTMIN + i % 30, (union sigval){i}) == 0;
    if (n > 64) printf("ESCAPED %d queued signals\n", n);
    struct itimerval often = {{0, 1}, {0, 1}};
    setitimer(ITIMER_REAL, &often, NULL);
    return 0;
}
