// tests/attacks/k17_limits_of_others.c -- hostile: limits_of_others
/* NAME: limits_of_others
 * MODE: program
 * WHAT: raises its own limits and changes those of pid 1
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/resource.h>
int main(void) {
    for (int what = 0; what < 16; what++) {
        struct rlimit now, more = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0};
        getrlimit(what, &now);
        if (now.rlim_max != RLIM_INFINITY && what != RLIMIT_LOCKS) {
            TRY("raise", setrlimit(what, &more));
            more.rlim_cur = more.rlim_max = now.rlim_max + 1;
            TRY("raise by one", syscall(SYS_prlimit64, 0, what, &more, NULL));
        }
        TRY("limits of pid 1", syscall(SYS_prlimit64, 1, what, &none, NULL));
        TRY("limits of pid 1, high bits", syscall(SYS_prlimit64, 1 | 1l << 32, what, &none, NULL));
        TRY("limits of the parent, read", syscall(SYS_prlimit64, 1, what, NULL, &now));
    }
    return 0;
}
