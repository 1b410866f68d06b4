// tests/attacks/k35_int_0x80.c -- hostile: int_0x80
/* NAME: int_0x80
 * MODE: program
 * WHAT: makes 32-bit system calls, whose numbers mean others
 * EXPECTED: security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(20) : "memory", "r8", "r9", "r10", "r11"); // getpid there
    printf(r > 0 ? "ESCAPED %ld\n" : "CONTAINED %ld\n", r);
    return 0;
}
