// tests/attacks/k19_core_dumps.c -- hostile: core_dumps
/* NAME: core_dumps
 * MODE: program
 * WHAT: children and it crash in every way that dumps a core
 * EXPECTED: runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
int main(void) {
    static const int sig[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT, SIGTRAP, SIGXFSZ};
    struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &most);
    prctl(PR_SET_DUMPABLE, 1);
    prctl(0x59616d61, -1);
    memset(malloc(8 << 20), 1, 8 << 20);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();
        if (pid == 0) raise(sig[i]), _exit(0);
        int status = 0;
        waitpid(pid, &status, 0);
        if (WCOREDUMP(status)) puts("ESCAPED a core was dumped");
    }
    abort();
}
