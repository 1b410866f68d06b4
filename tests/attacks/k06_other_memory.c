// tests/attacks/k06_other_memory.c -- hostile: other_memory
/* NAME: other_memory
 * MODE: program
 * WHAT: reads and writes memory and takes descriptors of pid 1
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/uio.h>
int main(void) {
    static char block[64];
    struct iovec here = {block, sizeof block}, there = {(void *)0x400000, sizeof block};
    TRY("read pid 1", process_vm_readv(1, &here, 1, &there, 1, 0));
    TRY("write pid 1", process_vm_writev(1, &here, 1, &there, 1, 0));
    there.iov_base = block;
    TRY("read a parent", process_vm_readv(getppid(), &here, 1, &there, 1, 0));
    for (int fd = 0; fd < 40; fd++) TRY("pidfd_getfd", syscall(438, fd, 0, 0));
    TRY("pidfd of pid 1", syscall(434, 1, 0));
    TRY("process_madvise", syscall(440, 0, &there, 1, 4, 0));
    TRY("process_mrelease", syscall(448, 0, 0));
    TRY("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    return 0;
}
