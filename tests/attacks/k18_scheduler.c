// tests/attacks/k18_scheduler.c -- hostile: scheduler
/* NAME: scheduler
 * MODE: program
 * WHAT: takes the processor: realtime classes, deadline class, priorities, affinity, of itself and of pid 1
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sched.h>
#include <sys/resource.h>
int main(void) {
    struct sched_param one = {1}, zero = {0};
    static const uint32_t deadline[14] = {56, 6, 0, 0, 0, 0, 5000000, 0, 10000000, 0, 10000000, 0};
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    for (pid_t pid = 0; pid < 3; pid++) {
        TRY("fifo", sched_setscheduler(pid, SCHED_FIFO, &one));
        TRY("round robin", sched_setscheduler(pid, SCHED_RR, &one));
        TRY("param", sched_setparam(pid, &one));
        TRY("batch", sched_setscheduler(pid, SCHED_BATCH, &zero));
        TRY("deadline", syscall(SYS_sched_setattr, pid, deadline, 0));
        TRY("affinity", sched_setaffinity(pid, sizeof set, &set));
        TRY("nice", setpriority(PRIO_PROCESS, (id_t)pid, -20));
        TRY("nice of a user", setpriority(PRIO_USER, (id_t)pid, 5));
        TRY("io priority", syscall(SYS_ioprio_set, 1, pid, 1 << 13));
        TRY("core scheduling", syscall(SYS_prctl, 62, 1, pid, 0, 0));
    }
    TRY("timer slack", syscall(SYS_prctl, 29, 1, 0, 0, 0));
    return 0;
}
