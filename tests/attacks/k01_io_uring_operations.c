// tests/attacks/k01_io_uring_operations.c -- hostile: io_uring_operations
/* NAME: io_uring_operations
 * MODE: program
 * WHAT: makes and drives io_uring with every entry call, also with numbers that carry high bits
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static char params[256], sqe[64];
    long big = 1l << 32;
    TRY("io_uring_setup", syscall(425, 4, params));
    TRY("io_uring_setup, flags", syscall(425 | big, 4, params));
    TRY("io_uring_enter", syscall(426, 0, 1, 0, 0, sqe, 0) == 0 ? 0 : -1);
    TRY("io_uring_register", syscall(427, 0, 0, sqe, 1));
    TRY("io_uring_register blind", syscall(427, -1, 17, sqe, 1));
    return 0;
}
