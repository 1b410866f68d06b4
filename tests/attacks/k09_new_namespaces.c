// tests/attacks/k09_new_namespaces.c -- hostile: new_namespaces
/* NAME: new_namespaces
 * MODE: program
 * WHAT: asks for each namespace by unshare, clone, clone3 and setns, with high bits set too
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sched.h>
int main(void) {
    static const int flag[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80};
    for (int i = 0; i < 8; i++) {
        uint64_t args[11] = {(uint64_t)flag[i], 0, 0, 0, 17};
        TRY("unshare", unshare(flag[i]));
        TRY("unshare, high bits", syscall(SYS_unshare, flag[i] | 1l << 32));
        if (flag[i] != 0x80) TRY("clone", syscall(SYS_clone, flag[i] | 17, 0, 0, 0, 0) < 0 ? -1 : 0);
        if (flag[i] != 0x80) TRY("clone, user", syscall(SYS_clone, flag[i] | CLONE_NEWUSER | 17, 0, 0, 0, 0) < 0 ? -1 : 0);
        TRY("clone3", syscall(435, args, 88) < 0 ? -1 : 0);
        TRY("setns", syscall(SYS_setns, 0, flag[i]));
        TRY("setns of stdin's", syscall(SYS_setns, open("/proc/1/ns/mnt", O_RDONLY), 0));
    }
    uint64_t into[11] = {0x200000000ull, 0, 0, 0, 17};
    TRY("clone3 into a cgroup", syscall(435, into, 88) < 0 ? -1 : 0);
    return 0;
}
