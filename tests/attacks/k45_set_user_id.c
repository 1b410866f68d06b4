// tests/attacks/k45_set_user_id.c -- hostile: set_user_id
/* NAME: set_user_id
 * MODE: program
 * WHAT: plants set-user-id files, changes its identity, takes capabilities
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
int main(void) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}};
    if (getuid() != 0) TRY("setuid", setuid(0));
    TRY("setresuid", setresuid(0, 0, 1000));
    TRY("setgid of another", setgid(4));
    TRY("setgroups", syscall(SYS_setgroups, 1, &(gid_t){0}));
    TRY("setfsuid", syscall(SYS_setfsuid, 1000) < 0 ? -1 : syscall(SYS_setfsuid, -1) == 1000 ? 0 : -1);
    TRY("capset", syscall(SYS_capset, &head, all));
    TRY("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0));
    TRY("keepcaps", prctl(PR_SET_KEEPCAPS, 1));
    TRY("securebits", prctl(PR_SET_SECUREBITS, 0));
    TRY("no_new_privs off", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    int fd = open("suid", O_CREAT | O_RDWR, 0755);
    fchmod(fd, 06755);
    TRY("chown", fchown(fd, 0, 0) == 0 && getuid() != 0 ? 0 : -1);
    TRY("file capabilities", syscall(SYS_fsetxattr, fd, "security.capability", "\1\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0));
    return 0;
}
