// tests/attacks/k26_threads.c -- hostile: threads
/* NAME: threads
 * MODE: program
 * WHAT: starts threads until none is given, which spin
 * EXPECTED: ok, runtime_error, time_limit, memory_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <pthread.h>
#include <sched.h>
static int spin(void *x) {
    for (;;) sched_yield();
    return x != NULL;
}
int main(void) {
    int n = 0;
    for (int i = 0; i < 2000; i++) {
        char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack == MAP_FAILED) break;
        n += clone(spin, stack + 16384, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL) > 0;
    }
    printf(n > 64 ? "ESCAPED %d\n" : "CONTAINED %d\n", n);
    return 0;
}
