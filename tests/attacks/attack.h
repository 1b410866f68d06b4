// tests/attacks/attack.h -- beside every hostile C program: each attempt in a child of its own.
//
// A filter that kills must not hide the attempts behind it. Outside a fresh pid namespace it does
// nothing.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((constructor(1001))) static void only_in_a_cage(void) {
    if (getpid() > 200) exit(99);
}

// `call` is -1 where it was refused. A child that cannot be made is an attempt that was not.
#define TRY(what, call)                                                                            \
    do {                                                                                           \
        int status_ = -1;                                                                          \
        fflush(stdout);                                                                            \
        pid_t pid_ = fork();                                                                       \
        if (pid_ == 0) _exit((long)(call) < 0 ? 1 : 0);                                            \
        if (pid_ > 0) waitpid(pid_, &status_, 0);                                                  \
        if (status_ == -1 || status_ == 0) printf("ESCAPED %s\n", (what));                         \
    } while (0)
