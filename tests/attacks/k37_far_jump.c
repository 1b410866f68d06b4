// tests/attacks/k37_far_jump.c -- hostile: far_jump
/* NAME: far_jump
 * MODE: program
 * WHAT: changes to 32-bit code by a far return, and calls the vsyscall page
 * EXPECTED: security_violation, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    time_t (*old)(time_t *) = (time_t (*)(time_t *))(uintptr_t)0xffffffffff600400ul;
    pid_t pid = fork();
    if (pid == 0) _exit(old(NULL) < 0);
    waitpid(pid, NULL, 0);
    static unsigned char stack[4096] __attribute__((aligned(16)));
    (void)stack;
    __asm__ volatile("pushq $0x23\n\tleaq 1f(%%rip), %%rax\n\tpushq %%rax\n\tlretq\n\t1:\n\t.code32\n\tmovl $20, %%eax\n\tint $0x80\n\thlt\n\t.code64" ::: "rax", "memory");
    puts("ESCAPED");
    return 0;
}
