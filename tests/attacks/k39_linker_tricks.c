// tests/attacks/k39_linker_tricks.c -- hostile: linker_tricks
/* NAME: linker_tricks
 * MODE: stdio:sum
 * WHAT: brings its own start, section and symbols of the C library
 * EXPECTED: wrong_answer, runtime_error
 * OBSERVE: no ESCAPED line */
#include <unistd.h>
#include <sys/syscall.h>
__attribute__((section(".preinit_array"), used)) static void (*first)(void) = 0;
int puts(const char *text) { return (int)syscall(SYS_write, 1, text, 2); }
int __libc_start_main(int (*m)(int, char **, char **), int n, char **v, void (*a)(void), void (*b)(void), void (*c)(void), void *d) {
    (void)m, (void)n, (void)v, (void)a, (void)b, (void)c, (void)d, (void)first;
    puts("ok");
    syscall(SYS_exit_group, 0);
    return 0;
}
int main(void) { return 1; }
