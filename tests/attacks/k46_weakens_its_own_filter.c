// tests/attacks/k46_weakens_its_own_filter.c -- hostile: weakens_its_own_filter
/* NAME: weakens_its_own_filter
 * MODE: program
 * WHAT: adds filters, listeners and rules of its own, opens its old ones
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
int main(void) {
    struct sock_filter allow = {6, 0, 0, 0x7fff0000};
    struct sock_fprog prog = {1, &allow};
    for (unsigned flags = 0; flags < 64; flags++) TRY("seccomp", syscall(SYS_seccomp, 1, flags, &prog));
    TRY("strict mode", syscall(SYS_seccomp, 0, 0, 0));
    TRY("prctl seccomp", prctl(PR_SET_SECCOMP, 2, &prog, 0, 0));
    TRY("sizes", syscall(SYS_seccomp, 3, 0, &prog));
    TRY("speculation", prctl(PR_SET_SPECULATION_CTRL, 0, 2, 0, 0));
    TRY("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
    TRY("ptracer", prctl(0x59616d61, -1, 0, 0, 0));
    TRY("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    TRY("death signal", prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    TRY("memory map", prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0));
    TRY("syscall dispatch", prctl(59, 1, 0, 0, 0));
    TRY("landlock", syscall(444, NULL, 0, 1));
    TRY("landlock restrict", syscall(446, 0, 0));
    return 0;
}
