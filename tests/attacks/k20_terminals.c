// tests/attacks/k20_terminals.c -- hostile: terminals
/* NAME: terminals
 * MODE: program
 * WHAT: types into terminals: opens them, makes one its own, and pushes characters on every descriptor
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/ioctl.h>
#include <termios.h>
int main(void) {
    static const unsigned long code[] = {TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSCTTY, TIOCNOTTY, TIOCSETD, 0x5437, 0x4b45, 0x541c};
    static const char *const name[] = {"/dev/tty", "/dev/tty0", "/dev/console", "/dev/ptmx", "/dev/pts/0", "/dev/pts/ptmx"};
    for (int i = 0; i < 6; i++) TRY(name[i], open(name[i], O_RDWR));
    for (int fd = 0; fd < 6; fd++)
        for (int i = 0; i < 9; i++) {
            TRY("ioctl", ioctl(fd, code[i], "x"));
            TRY("ioctl, high bits", syscall(SYS_ioctl, fd, code[i] | 1l << 32, "x"));
            TRY("ioctl, other high bits", syscall(SYS_ioctl, fd, code[i] | 1l << 63, "x"));
        }
    return 0;
}
