// tests/attacks/k27_zombies.c -- hostile: zombies
/* NAME: zombies
 * MODE: program
 * WHAT: children that end and are not waited for, and orphans for pid 1 to collect
 * EXPECTED: ok, runtime_error, time_limit
 * OBSERVE: no zombie is left */
#include "attack.h"
int main(void) {
    int most = 0;
    for (int i = 0; i < 3000; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() >= 0) _exit(0);
            _exit(0);
        }
        if (pid > most) most = pid;
    }
    printf("%d\n", most);
    return 0;
}
