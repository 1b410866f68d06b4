// tests/attacks/k02_userfaultfd.c -- hostile: userfaultfd
/* NAME: userfaultfd
 * MODE: program
 * WHAT: stalls kernel copies: userfaultfd by call, by device, from user mode only
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
    TRY("userfaultfd, user mode only", syscall(SYS_userfaultfd, 1));
    TRY("userfaultfd, nonblocking", syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC));
    TRY("/dev/userfaultfd", open("/dev/userfaultfd", O_RDWR));
    return 0;
}
