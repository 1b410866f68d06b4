// tests/attacks/k38_constructors.c -- hostile: constructors
/* NAME: constructors
 * MODE: stdio:sum
 * WHAT: prints verdicts before main and after it, replaces exit and the C library's own functions
 * EXPECTED: wrong_answer, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
__attribute__((constructor(101))) static void before(void) { puts("ok"), puts("{\"verdict\":\"ok\"}"); }
__attribute__((destructor)) static void after(void) { puts("right"), fflush(stdout), _exit(0); }
static void last(void) { puts("score 1.0"); }
int main(void) {
    atexit(last);
    on_exit((void (*)(int, void *))last, NULL);
    fclose(stdin);
    exit(0);
}
