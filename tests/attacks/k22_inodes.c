// tests/attacks/k22_inodes.c -- hostile: inodes
/* NAME: inodes
 * MODE: program
 * WHAT: files, folders, links, fifos and long names until the file system says no
 * EXPECTED: ok, runtime_error
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/stat.h>
int main(void) {
    char name[256], other[256];
    int n = 0;
    memset(name, 'x', 255), name[255] = 0;
    memset(other, 'y', 255), other[255] = 0;
    for (int i = 0; i < 5000; i++) {
        snprintf(name + 200, 56, "%055d", i), snprintf(other + 200, 56, "%055d", i);
        n += close(open(name, O_CREAT | O_WRONLY, 0600)) == 0;
        n += mkdir(other, 0700) == 0;
        other[0] = 'z', n += symlink(name, other) == 0;
        other[0] = 'w', n += link(name, other) == 0;
        other[0] = 'v', n += mkfifo(other, 0600) == 0;
        other[0] = 'y';
    }
    printf(n > 10000 ? "ESCAPED %d\n" : "CONTAINED %d\n", n);
    return 0;
}
