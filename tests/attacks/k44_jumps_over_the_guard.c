// tests/attacks/k44_jumps_over_the_guard.c -- hostile: jumps_over_the_guard
/* NAME: jumps_over_the_guard
 * MODE: program
 * WHAT: steps over the page that guards the stack
 * EXPECTED: runtime_error, memory_limit
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <alloca.h>
static int deeper(int n, volatile char *above) {
    volatile char *p = alloca((size_t)n * (48 << 20));
    p[0] = 1;
    return n > 60 ? (int)(above - p) : deeper(n + 1, p) + p[0];
}
int main(void) { char c = 0; return deeper(1, &c) & 1; }
