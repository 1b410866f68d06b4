// tests/attacks/k08_memory_file_exec.c -- hostile: memory_file_exec
/* NAME: memory_file_exec
 * MODE: program
 * WHAT: runs code that it wrote: memory files, fexecve, writable and executable pages, a file in its folder
 * EXPECTED: ok, security_violation
 * OBSERVE: no ESCAPED line */
#include "attack.h"
extern char **environ;
int main(void) {
    static char code[4096];
    char *argv[] = {"x", NULL};
    TRY("memfd_create", syscall(SYS_memfd_create, "x", 0));
    TRY("memfd_create, exec", syscall(SYS_memfd_create, "x", 0x10));
    TRY("memfd_secret", syscall(447, 0));
    TRY("anonymous executable page", mmap(NULL, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    TRY("shared executable page", mmap(NULL, 4096, 5, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
    TRY("executable page of a device", mmap(NULL, 4096, 5, MAP_PRIVATE, open("/dev/zero", O_RDWR), 0) == MAP_FAILED ? -1 : 0);
    TRY("mprotect", mprotect((void *)((uintptr_t)code & ~4095ul), 4096, PROT_READ | PROT_EXEC));
    TRY("mprotect, high bits", syscall(SYS_mprotect, (uintptr_t)code & ~4095ul, 4096, PROT_EXEC | 1l << 32));
    TRY("pkey_mprotect", syscall(SYS_pkey_mprotect, (uintptr_t)code & ~4095ul, 4096, 7, -1));
    int fd = open("prog", O_CREAT | O_RDWR, 0755);
    if (write(fd, "#!/bin/sh\necho ESCAPED\n", 23) != 23) return 1;
    TRY("fexecve", fexecve(fd, argv, environ));
    TRY("execve", execve("prog", argv, environ));
    TRY("execve of a shell", execve("/bin/sh", argv, environ));
    for (int i = 0; i < 64; i++) TRY("execveat of a descriptor", syscall(SYS_execveat, i, "", argv, environ, 0x1000));
    TRY("execveat of 600", syscall(SYS_execveat, 600, "", argv, environ, 0x1000));
    return 0;
}
