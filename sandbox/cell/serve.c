// sandbox/cell/serve.c -- the zygote: one program after another, each in new namespaces.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"

int cell_step(Cell *c, const char *name) {
    c->step = name;
    c->n_steps++;
    if (c->n_steps != c->fail_at) return 0;
    errno = EPERM;
    return 1;
}

int cell_read(int fd, void *data, size_t size) {
    for (char *p = data; size > 0;) {
        ssize_t got = read(fd, p, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        p += got, size -= (size_t)got;
    }
    return 0;
}

int cell_write(int fd, const void *data, size_t size) {
    for (const char *p = data; size > 0;) {
        ssize_t put = write(fd, p, size);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return -1;
        p += put, size -= (size_t)put;
    }
    return 0;
}

int cell_ready(const Cell *c, int err, const char *version) {
    CellReady ready = {.magic = CELL_MAGIC, .err = err};
    if (err && c->step) strncpy(ready.step, c->step, sizeof ready.step - 1);
    if (version) strncpy(ready.version, version, sizeof ready.version - 1);
    return cell_write(CELL_CONTROL, &ready, sizeof ready);
}

// Walks the texts; the broker is of our build, but a bound costs nothing.
static const char *walk(const Cell *c, unsigned arg, unsigned file, const char **name,
                        uint32_t *size) {
    const char *p = c->payload, *end = p + c->run.payload_bytes;
    for (unsigned i = 0; i < c->run.n_args; i++) {
        uint32_t n;
        if (end - p < 5) return NULL;
        memcpy(&n, p, 4);
        if ((size_t)(end - p) < (size_t)n + 5) return NULL;
        if (i == arg) return p + 4;
        p += (size_t)n + 5;
    }
    for (unsigned i = 0; i < c->run.n_files; i++) {
        uint32_t n, bytes;
        if (end - p < 10) return NULL;
        memcpy(&n, p, 4);
        memcpy(&bytes, p + 4, 4);
        if ((size_t)(end - p) < (size_t)n + bytes + 10) return NULL;
        if (i == file) {
            *name = p + 8;
            *size = bytes;
            return p + 8 + n + 1;
        }
        p += (size_t)n + bytes + 10;
    }
    return NULL;
}

const char *payload_arg(const Cell *c, unsigned i) {
    return walk(c, i, ~0u, NULL, NULL);
}

const char *payload_file(const Cell *c, unsigned i, const char **name, uint32_t *size) {
    return walk(c, ~0u, i, name, size);
}

// The byte that opens a message, with what descriptors it carries. -1 at the end.
static int receive(Cell *c, char *what) {
    union {
        char buf[CMSG_SPACE(CELL_FDS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {what, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof control.buf};
    ssize_t got;
    do got = recvmsg(CELL_CONTROL, &msg, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return -1;
    unsigned n = 0;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
            n = (unsigned)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
            if (n > CELL_FDS) return -1;
            memcpy(c->fd, CMSG_DATA(h), n * sizeof(int));
        }
    return (int)n;
}

static int receive_run(Cell *c) {
    char what = 0;
    int n;
    do { // a 'K' that came after its program had ended
        n = receive(c, &what);
        if (n < 0) return -1;
        if (what == 'Q') _exit(CELL_BYE);
    } while (what != 'R');
    if (cell_read(CELL_CONTROL, &c->run, sizeof c->run) < 0) return -1;
    if (c->run.magic != CELL_MAGIC || c->run.n_fds != (unsigned)n || n < 3 ||
        c->run.payload_bytes > CELL_PAYLOAD)
        return -1;
    if (c->run.payload_bytes > c->payload_cap) {
        if (c->payload) munmap(c->payload, c->payload_cap);
        c->payload_cap = ((size_t)c->run.payload_bytes + 0xffff) & ~(size_t)0xffff;
        c->payload =
            mmap(NULL, c->payload_cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (c->payload == MAP_FAILED) return -1;
    }
    return c->run.payload_bytes ? cell_read(CELL_CONTROL, c->payload, c->run.payload_bytes) : 0;
}

// The next Python program is a copy of this memory: what the last one was given is none of its
// business (its files may have held what another was expected to answer).
static void forget(Cell *c) {
    if (c->run.payload_bytes > 1u << 16)
        madvise(c->payload, c->payload_cap, MADV_DONTNEED); // zeroes, as fresh
    else if (c->run.payload_bytes)
        memset(c->payload, 0, c->run.payload_bytes);
}

static jmp_buf program; // where the process of a Python program goes on

// Pid 1 borrows the zygote's memory, as vfork does, on a stack of its own: nothing is copied, and
// the zygote waits until it ends. A Python program is a copy of it all, and leaves by the jump.
static int pid_one(void *cell) {
    if (init_run(cell) == 1) longjmp(program, 1);
    _exit(1);
}

int serve_loop(Cell *c) {
    enum { STACK = 256 << 10 };
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) return 0;
    if (setjmp(program) != 0) return 1;
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && !(c->slot.bare && errno == EPERM)) return 0;
    int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    if (c->slot.layers & CAGE_PIDNS) flags |= CLONE_NEWPID;
    if (c->slot.layers & CAGE_MNTNS) flags |= CLONE_NEWNS;
    if (c->slot.layers & CAGE_IPCNS) flags |= CLONE_NEWIPC;
    if (c->slot.layers & CAGE_UTSNS) flags |= CLONE_NEWUTS;

    while (receive_run(c) == 0) {
        c->n_steps = 0;
        c->fail_at = c->run.fail_run;
        pid_t pid =
            (pid_t)DO(c, "namespaces of the program", clone(pid_one, stack + STACK, flags, c));
        int err = errno;
        for (unsigned i = 0; i < c->run.n_fds; i++) close(c->fd[i]);
        int status = 0;
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
        forget(c);
        if (pid > 0 && status == 0) continue; // pid 1 has told the broker
        CellTail tail = {.magic = CELL_MAGIC, .setup_err = pid < 0 ? err : ECHILD};
        strncpy(tail.step, pid < 0 ? c->step : "pid 1 of the program", sizeof tail.step - 1);
        if (cell_write(CELL_CONTROL, &tail, sizeof tail) < 0) break;
    }
    return 0;
}
