// tests/attacks/k16_signal_everyone.c -- hostile: signal_everyone
/* NAME: signal_everyone
 * MODE: program
 * WHAT: signals pid 1, its parent, groups and everyone, and stops itself
 * EXPECTED: ok, runtime_error, time_limit
 * OBSERVE: the record comes all the same, and the next program is ok */
#include "attack.h"
#include <signal.h>
int main(void) {
    signal(SIGTERM, SIG_IGN);
    for (int s = 1; s < 65; s++) {
        if (kill(1, s) == 0 && s == SIGKILL) puts("kill of pid 1 is said to work");
        syscall(SYS_tkill, 1, s);
        syscall(SYS_tgkill, 1, 1, s);
        syscall(SYS_rt_sigqueueinfo, 1, s, NULL);
        syscall(SYS_pidfd_send_signal, 1, s, NULL, 0);
        if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_IGN);
    }
    for (int s = 1; s < 65; s++)
        if (s != SIGKILL && s != SIGSTOP) kill(-1, s), kill(0, s);
    for (pid_t pid = 1; pid < 400; pid++)
        if (pid != getpid()) kill(pid, SIGSTOP), kill(pid, SIGKILL);
    puts("still here");
    fflush(stdout);
    kill(0, SIGSTOP);
    return 0;
}
