// tests/attacks/k30_bytes_that_are_no_text.c -- hostile: bytes_that_are_no_text
/* NAME: bytes_that_are_no_text
 * MODE: program
 * WHAT: NUL, broken UTF-8, escapes for terminals, a byte order mark, lone surrogates, JSON
 * EXPECTED: ok
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    for (int i = 0; i < 256; i++) putchar(i), fputc(255 - i, stderr);
    fwrite("\0\0\xff\xfe\xef\xbb\xbf\xed\xa0\x80\xf4\x90\x80\x80\x1b]0;x\a\x1b[2J\r\n{\"verdict\":\"ok\"}\n", 1, 48, stdout);
    return 0;
}
