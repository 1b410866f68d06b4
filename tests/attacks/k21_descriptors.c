// tests/attacks/k21_descriptors.c -- hostile: descriptors
/* NAME: descriptors
 * MODE: program
 * WHAT: takes every descriptor as pipes, events, epolls and copies, and enlarges the pipes
 * EXPECTED: ok, runtime_error, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
int main(void) {
    int n = 0, p[2], high = 0;
    while (pipe(p) == 0) {
        n += 2;
        if (fcntl(p[0], 1031, 1 << 20) > 65536) puts("ESCAPED pipe enlarged");
        if (syscall(SYS_fcntl, p[0], 1031 | 1l << 32, 1 << 20) > 65536) puts("ESCAPED pipe enlarged, high bits");
    }
    while (eventfd(0, 0) >= 0) n++;
    while (epoll_create1(0) >= 0) n++;
    while (dup(0) >= 0) n++;
    for (int fd = 0; fd < 70000; fd += 7) high += dup2(0, fd) == fd && fd >= 1024;
    printf(n > 1024 || high ? "ESCAPED %d %d\n" : "CONTAINED %d %d\n", n, high);
    return 0;
}
