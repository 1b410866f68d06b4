// tests/attacks/k24_daemons.c -- hostile: daemons
/* NAME: daemons
 * MODE: program
 * WHAT: leaves daemons of daemons in new sessions that write when it has ended
 * EXPECTED: ok, runtime_error
 * OBSERVE: no process is left */
#include "attack.h"
#include <signal.h>
int main(void) {
    puts("begin");
    fflush(stdout);
    for (int i = 0; i < 6; i++) {
        if (fork() != 0) continue;
        setsid();
        if (fork() != 0) _exit(0);
        setsid();
        for (int s = 1; s < 32; s++) signal(s, SIG_IGN);
        usleep(400000);
        puts("ESCAPED a daemon outlived the program");
        fflush(stdout);
        for (;;) pause();
    }
    return 0;
}
