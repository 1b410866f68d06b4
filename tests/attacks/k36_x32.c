// tests/attacks/k36_x32.c -- hostile: x32
/* NAME: x32
 * MODE: program
 * WHAT: makes x32 system calls
 * EXPECTED: security_violation, ok
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    TRY("x32 ptrace", syscall(0x40000000 | 521, 0, 0, 0, 0));
    TRY("x32 getpid", syscall(0x40000000 | 39));
    TRY("x32 execve", syscall(0x40000000 | 520, "/bin/sh", NULL, NULL));
    TRY("x32 memfd", syscall(0x40000000 | 319, "x", 0));
    return 0;
}
