// tests/attacks/k28_flood_of_both.c -- hostile: flood_of_both
/* NAME: flood_of_both
 * MODE: program
 * WHAT: floods stdout and stderr from several processes at once
 * EXPECTED: output_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static char block[65536];
    memset(block, 'x', sizeof block);
    fork(), fork();
    for (;;) {
        if (write(1, block, sizeof block) < 0 && write(2, block, sizeof block) < 0) return 1;
        if (write(2, block, sizeof block) < 0) return 1;
    }
}
