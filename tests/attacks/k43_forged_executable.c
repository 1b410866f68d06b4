// tests/attacks/k43_forged_executable.c -- hostile: forged_executable
/* NAME: forged_executable
 * MODE: compile
 * WHAT: has the compiler say what looks like an executable, and fail
 * EXPECTED: runtime_error, output_limit
 * OBSERVE: no ESCAPED line */
#ifdef ATTACK
#pragma message "\177ELF\2\1\1"
#pragma GCC plugin "x.so"
#pragma GCC poison int
__asm__(".print \"\\177ELF\"\n.err");
#endif
int main(void) { return 0; }
