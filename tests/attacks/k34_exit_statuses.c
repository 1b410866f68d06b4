// tests/attacks/k34_exit_statuses.c -- hostile: exit_statuses
/* NAME: exit_statuses
 * MODE: program
 * WHAT: ends with the statuses that mean something to the cage
 * EXPECTED: runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    fputs("MemoryError\nstd::bad_alloc\nJavaScript heap out of memory\n", stderr);
    puts("{\"verdict\":\"ok\",\"exit\":0}");
    for (int s = 125; s < 128; s++)
        if (fork() == 0) _exit(s);
    _exit(247);
}
