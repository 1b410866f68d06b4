// tests/attacks/k32_closes_everything.c -- hostile: closes_everything
/* NAME: closes_everything
 * MODE: program
 * WHAT: closes every descriptor and goes on, so that the end of its pipes is not its end
 * EXPECTED: time_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    for (int fd = 0; fd < 1024; fd++) close(fd);
    syscall(SYS_close_range, 0, ~0u, 0);
    for (volatile unsigned long i = 0;; i++) {
    }
}
