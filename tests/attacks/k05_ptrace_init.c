// tests/attacks/k05_ptrace_init.c -- hostile: ptrace_init
/* NAME: ptrace_init
 * MODE: program
 * WHAT: traces pid 1 and its own child, which could make calls for it
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/ptrace.h>
int main(void) {
    pid_t sleeper = fork();
    if (sleeper == 0) { for (;;) pause(); }
    TRY("attach to pid 1", ptrace(PTRACE_ATTACH, 1, 0, 0));
    TRY("seize pid 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
    TRY("attach to a child", ptrace(PTRACE_ATTACH, sleeper, 0, 0));
    TRY("seize a child", ptrace(PTRACE_SEIZE, sleeper, 0, 0x100));
    TRY("traceme", ptrace(PTRACE_TRACEME, 0, 0, 0));
    TRY("traceme by number", syscall(101 | 1l << 32, 0, 0, 0, 0));
    return 0;
}
