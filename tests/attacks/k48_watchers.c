// tests/attacks/k48_watchers.c -- hostile: watchers
/* NAME: watchers
 * MODE: program
 * WHAT: watches files of all: fanotify, inotify, dnotify, leases, locks between programs
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/file.h>
int main(void) {
    struct flock lock = {.l_type = F_WRLCK};
    int fd = open("mine", O_CREAT | O_RDWR, 0600), root = open("/", O_RDONLY);
    TRY("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    TRY("fanotify_init, plain user", syscall(SYS_fanotify_init, 0x200, 0));
    TRY("inotify_init", syscall(SYS_inotify_init1, 0));
    TRY("dnotify", fcntl(root, 1026, 1));
    TRY("lease", fcntl(fd, 1024, F_WRLCK));
    TRY("lock", fcntl(fd, F_SETLK, &lock));
    TRY("lock, high bits", syscall(SYS_fcntl, fd, F_SETLK | 1l << 32, &lock));
    TRY("lock of the open file", fcntl(fd, 37, &lock));
    TRY("flock", flock(root, LOCK_EX | LOCK_NB));
    TRY("owner of signals", fcntl(fd, F_SETOWN, 1));
    TRY("signal number", fcntl(fd, 10, 9));
    TRY("seals", fcntl(fd, 1033, 1));
    return 0;
}
