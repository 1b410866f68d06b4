// tests/attacks/k07_proc_and_devices.c -- hostile: proc_and_devices
/* NAME: proc_and_devices
 * MODE: program
 * WHAT: opens the doors of /proc, /sys and /dev: memory, roots of others, core_pattern, sysrq, disks
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static const char *const path[] = {
        "/proc/self/mem", "/proc/self/maps", "/proc/self/exe", "/proc/self/fd/0", "/proc/1/root/etc/passwd",
        "/proc/1/environ", "/proc/1/mem", "/proc/1/ns/mnt", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
        "/proc/kcore", "/proc/keys", "/proc/kallsyms", "/proc/mounts", "/proc/self/mountinfo", "/proc/net/tcp",
        "/sys/kernel/security", "/sys/fs/cgroup", "/sys/class/net", "/sys/kernel/uevent_helper", "/dev/mem",
        "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/loop-control", "/dev/net/tun", "/dev/tty",
        "/dev/ptmx", "/dev/console", "/dev/vsock", "/dev/nvidia0", "/dev/nvidiactl", "/dev/shm", "/dev/mqueue",
        "/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/run", "/usr/bin", "/.dockerenv", "/w/../etc"};
    for (size_t i = 0; i < sizeof path / sizeof path[0]; i++) {
#ifdef BARE // without a mount namespace names exist: its own executable's and pipe's, and folders to enter unread
        if (strcmp(path[i], "/proc/self/exe") == 0 || strcmp(path[i], "/proc/self/fd/0") == 0) continue;
#else
        TRY(path[i], open(path[i], O_PATH) >= 0 ? chdir(path[i]) : -1);
#endif
        TRY(path[i], open(path[i], O_RDONLY));
        TRY(path[i], open(path[i], O_WRONLY));
    }
    return 0;
}
