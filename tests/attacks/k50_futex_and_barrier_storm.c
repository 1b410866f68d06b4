// tests/attacks/k50_futex_and_barrier_storm.c -- hostile: futex_and_barrier_storm
/* NAME: futex_and_barrier_storm
 * MODE: program
 * WHAT: barriers to all processors, requeued futexes, broken lists of robust locks
 * EXPECTED: ok, time_limit, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <linux/futex.h>
int main(void) {
    static uint32_t word[2];
    static void *list[3] = {(void *)8, (void *)16, (void *)24};
    fork(), fork();
    syscall(SYS_set_robust_list, list, 24);
    syscall(SYS_rseq, (void *)1, 32, 0, 0);
    for (int i = 0; i < 200; i++) {
        syscall(SYS_membarrier, 1 << (i % 8), 0, 0);
        syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PI, 1, 1, word + 1, 0);
        syscall(SYS_futex, word, FUTEX_LOCK_PI, 0, &(struct timespec){0, 1}, NULL, 0);
    }
    return 0;
}
