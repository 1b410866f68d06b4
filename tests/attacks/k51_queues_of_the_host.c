// tests/attacks/k51_queues_of_the_host.c -- hostile: queues_of_the_host
/* NAME: queues_of_the_host
 * MODE: program
 * WHAT: number by number, every call that is newer than the cage
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static char block[512];
    for (long nr = 424; nr < 600; nr++)
        if (nr != 434 && nr != 435 && nr != 436 && nr != 437 && nr != 439 && nr != 441 && nr != 449 && nr != 454 && nr != 455 && nr != 456)
            TRY("a new call", syscall(nr, -1l, block, -1l, block, -1l, -1l));
    for (long nr = 335; nr < 424; nr++) TRY("no call", syscall(nr, -1l, block, -1l, block, -1l, -1l));
    return 0;
}
