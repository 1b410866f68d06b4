// tests/attacks/k49_dirty_pages.c -- hostile: dirty_pages
/* NAME: dirty_pages
 * MODE: program
 * WHAT: writes to read-only files by splice, by maps, by copying and by racing madvise
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
#include <sys/uio.h>
int main(void) {
    static const char *const file[] = {"/", "/main", "/dev/null", "/w"};
    int p[2];
    if (pipe(p)) return 1;
    struct iovec v = {"x", 1};
    TRY("vmsplice", vmsplice(p[1], &v, 1, 8));
    TRY("tee", tee(p[0], p[1], 1, 2));
    for (int i = 0; i < 4; i++) {
        int fd = open(file[i], O_RDONLY);
        off_t at = 0;
        TRY("splice", splice(fd, &at, p[1], NULL, 1, 2));
        if (i != 2) TRY("open to write", open(file[i], O_WRONLY | O_TRUNC));
        TRY("map to write", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
        TRY("chmod", chmod(file[i], 0777));
        TRY("truncate", truncate(file[i], 0));
        TRY("rename", rename(file[i], "mine"));
        TRY("unlink", unlink(file[i]));
    }
    TRY("create beside", open("/gx", O_CREAT | O_WRONLY, 0666));
    TRY("create above", open("../gx", O_CREAT | O_WRONLY, 0666));
    TRY("folder in the root", mkdirat(open("/", O_RDONLY), "gx", 0777));
    return 0;
}
