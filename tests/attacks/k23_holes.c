// tests/attacks/k23_holes.c -- hostile: holes
/* NAME: holes
 * MODE: program
 * WHAT: sparse files, allocation beyond the folder, and shared maps of both
 * EXPECTED: ok, runtime_error, memory_limit, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <signal.h>
int main(void) {
    signal(SIGXFSZ, SIG_IGN);
    int fd = open("hole", O_CREAT | O_RDWR, 0600), n = 0;
    for (int bit = 20; bit < 63; bit++) n += ftruncate(fd, 1ll << bit) == 0 && bit > 24;
    n += fallocate(fd, 0, 0, 1ll << 30) == 0;
    n += fallocate(fd, 1, 1ll << 40, 1 << 20) == 0;
    n += pwrite(fd, "x", 1, 1ll << 60) == 1;
    printf(n ? "ESCAPED %d\n" : "CONTAINED\n", n);
    fflush(stdout);
    char *m = mmap(NULL, 1 << 30, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (m == MAP_FAILED) return 0;
    for (size_t i = 0; i < 1u << 30; i += 4096) m[i] = 1; // SIGBUS
    puts("ESCAPED a GiB of tmpfs");
    return 0;
}
