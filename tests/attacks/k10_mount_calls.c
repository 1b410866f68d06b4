// tests/attacks/k10_mount_calls.c -- hostile: mount_calls
/* NAME: mount_calls
 * MODE: program
 * WHAT: every call of the old and the new mount interface
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/mount.h>
int main(void) {
    TRY("mount tmpfs", mount("x", "/w", "tmpfs", 0, ""));
    TRY("mount proc", mount("proc", ".", "proc", 0, ""));
    TRY("bind", mount("/", ".", "", MS_BIND | MS_REC, ""));
    TRY("remount writable", mount("", "/", "", MS_REMOUNT | MS_BIND, ""));
    TRY("shared", mount("", "/", "", MS_SHARED | MS_REC, ""));
    TRY("overlay", mount("o", ".", "overlay", 0, "lowerdir=/,upperdir=/w/tmp,workdir=/w/tmp"));
    TRY("umount", umount2("/w/tmp", MNT_DETACH));
    TRY("umount root", umount2("/", MNT_DETACH));
    TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
    TRY("chroot", chroot("."));
    TRY("fsopen", syscall(430, "tmpfs", 0));
    TRY("fsconfig", syscall(431, 0, 6, 0, 0, 0));
    TRY("fsmount", syscall(432, 0, 0, 0));
    TRY("fspick", syscall(433, -100, "/", 0));
    TRY("open_tree", syscall(428, -100, "/", 1));
    TRY("move_mount", syscall(429, 0, "", -100, "/w", 4));
    TRY("mount_setattr", syscall(442, -100, "/", 0x8000, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32));
    TRY("listmount", syscall(458, NULL, NULL, 0, 0));
    TRY("statmount", syscall(457, NULL, NULL, 0, 0));
    TRY("open_tree_attr", syscall(467, -100, "/", 1, NULL, 0));
    TRY("swapon", syscall(SYS_swapon, "/w/tmp/x", 0));
    return 0;
}
