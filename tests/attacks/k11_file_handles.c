// tests/attacks/k11_file_handles.c -- hostile: file_handles
/* NAME: file_handles
 * MODE: program
 * WHAT: makes handles of files and opens those it guesses, the way out of old containers
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
int main(void) {
    static struct { unsigned bytes; int type; unsigned char h[128]; } handle = {8, 1, {2}};
    int id;
    TRY("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &id, 0));
    TRY("name_to_handle_at of the folder", syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &id, 0));
    TRY("open_by_handle_at", syscall(SYS_open_by_handle_at, open("/", O_RDONLY), &handle, O_RDONLY));
    TRY("open_by_handle_at, cwd", syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
    return 0;
}
