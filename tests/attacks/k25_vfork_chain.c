// tests/attacks/k25_vfork_chain.c -- hostile: vfork_chain
/* NAME: vfork_chain
 * MODE: program
 * WHAT: a chain of vforks, each in the other's memory
 * EXPECTED: ok, runtime_error, time_limit, memory_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
static volatile int n;
static void chain(void) {
    pid_t pid = vfork();
    if (pid == 0) {
        n++;
        chain();
        _exit(0);
    }
}
int main(void) {
    chain();
    printf(n > 64 ? "ESCAPED %d\n" : "CONTAINED %d\n", n);
    return 0;
}
