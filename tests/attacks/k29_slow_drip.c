// tests/attacks/k29_slow_drip.c -- hostile: slow_drip
/* NAME: slow_drip
 * MODE: program
 * WHAT: a byte at a time on both streams, for ever, deaf to signals
 * EXPECTED: time_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <signal.h>
int main(void) {
    for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
    for (int i = 0;; i++) {
        if (write(1 + i % 2, "x", 1) < 0) pause();
        usleep(20000);
    }
}
