// tests/attacks/k31_deaf_sleeper.c -- hostile: deaf_sleeper
/* NAME: deaf_sleeper
 * MODE: program
 * WHAT: blocks and ignores every signal and sleeps beyond the deadline in its children too
 * EXPECTED: time_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <signal.h>
int main(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    fork(), fork();
    setsid();
    for (;;) sleep(1000);
}
