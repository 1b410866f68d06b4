// tests/attacks/k13_every_socket_family.c -- hostile: every_socket_family
/* NAME: every_socket_family
 * MODE: program
 * WHAT: every socket family and type there is, with and without high bits
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/socket.h>
int main(void) {
    int out = 0;
    for (long family = 0; family < 48; family++)
        for (long type = 1; type <= 6; type++) {
            long high = 1l << 32;
            out += syscall(SYS_socket, family, type, 0) >= 0;
            out += syscall(SYS_socket, family | high, type | high, 0) >= 0;
            out += syscall(SYS_socket, family, type, 16) >= 0;
        }
    printf(out ? "ESCAPED %d\n" : "CONTAINED %d\n", out);
    return 0;
}
