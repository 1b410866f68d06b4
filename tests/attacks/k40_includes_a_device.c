// tests/attacks/k40_includes_a_device.c -- hostile: includes_a_device
/* NAME: includes_a_device
 * MODE: compile
 * WHAT: has the compiler read what never ends
 * EXPECTED: runtime_error, memory_limit, time_limit, output_limit
 * OBSERVE: no ESCAPED line */
#include "/dev/zero"
int main(void) { return 0; }
