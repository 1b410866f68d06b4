// tests/attacks/k47_machine_calls.c -- hostile: machine_calls
/* NAME: machine_calls
 * MODE: program
 * WHAT: port access, segment tables, personality, clocks, modules, reboot
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/io.h>
#include <sys/personality.h>
#include <sys/timex.h>
#include <time.h>
int main(void) {
    struct timespec t = {1, 0};
    struct timex x = {.modes = ADJ_TICK, .tick = 10000};
    static char entry[16];
    TRY("iopl", iopl(3));
    TRY("ioperm", ioperm(0x80, 1, 1));
    TRY("modify_ldt", syscall(SYS_modify_ldt, 1, entry, 16));
    TRY("personality", personality(0x0040000));
    TRY("personality, executable", personality(0x0400000));
    TRY("personality, high bits", syscall(SYS_personality, 0xffffffffl | 1l << 32) == -1 ? -1 : personality(0xffffffff) & 0x0440000 ? 0 : -1);
    TRY("clock_settime", clock_settime(CLOCK_REALTIME, &t));
    TRY("adjtimex", adjtimex(&x));
    TRY("settimeofday", syscall(SYS_settimeofday, &t, NULL));
    TRY("reboot", syscall(SYS_reboot, 0xfee1dead, 0x28121969, 0, 0));
    TRY("init_module", syscall(SYS_init_module, entry, 16, ""));
    TRY("finit_module", syscall(SYS_finit_module, 0, "", 0));
    TRY("delete_module", syscall(SYS_delete_module, "x", 0));
    TRY("kexec_load", syscall(SYS_kexec_load, 0, 0, 0, 0));
    TRY("sethostname", sethostname("gx", 2));
    TRY("syslog", syscall(SYS_syslog, 3, entry, 16));
    TRY("acct", syscall(SYS_acct, "a"));
    TRY("quotactl", syscall(SYS_quotactl, 0x80000100, "", 0, entry));
    TRY("vhangup", syscall(SYS_vhangup));
    TRY("lookup_dcookie", syscall(SYS_lookup_dcookie, 0, entry, 16));
    TRY("nfsservctl", syscall(SYS_nfsservctl, 0, 0, 0));
    return 0;
}
