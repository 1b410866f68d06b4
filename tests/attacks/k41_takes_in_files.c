// tests/attacks/k41_takes_in_files.c -- hostile: takes_in_files
/* NAME: takes_in_files
 * MODE: compile
 * WHAT: has the assembler and the preprocessor take in files of the host
 * EXPECTED: runtime_error
 * OBSERVE: no ESCAPED line */
#ifdef ATTACK
__asm__(".section .rodata\nstolen: .incbin \"/etc/passwd\"\n.incbin \"/proc/self/environ\"\n.previous\n.print \"ESCAPED\"");
#include "/etc/shadow"
#include "/root/.ssh/id_rsa"
#include "../../../../etc/hostname"
#endif
int main(void) { return 0; }
