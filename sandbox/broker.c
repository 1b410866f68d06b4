// sandbox/broker.c -- main of the hidden subcommand: probes, then hands out lanes and reaps.
#include "sandbox/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/bare/scratch.h"
#include "sandbox/cell/start.h"

#ifndef CELL_PROGRAM // a linter, which links nothing
#define CELL_PROGRAM "/dev/null"
#endif

// The slot's program, static and without sanitizers; the Makefile says where it was built.
__asm__(".section .rodata\ncell_program:\n.incbin \"" CELL_PROGRAM
        "\"\ncell_program_end:\n.previous\n");
extern const char cell_program[], cell_program_end[];

Broker broker;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Filter filters[FILTER_KINDS];
static Root roots[ROOT_KINDS];
static SlotPlan plans[ROOT_KINDS];
static unsigned n_slots;

static const struct {
    FilterKind filter;
    CellKind cell;
} kinds[ROOT_KINDS] = {
    [ROOT_NATIVE] = {FILTER_NATIVE, CELL_NATIVE}, [ROOT_TOOLS] = {FILTER_TOOLS, CELL_TOOLS},
    [ROOT_COMPILER] = {FILTER_TOOLS, CELL_TOOLS}, [ROOT_PYTHON] = {FILTER_PYTHON, CELL_PYTHON},
    [ROOT_NODE] = {FILTER_NODE, CELL_NODE},
};

// The library that programs are linked with is that of this machine.
static bool start_known(void) {
    return CELL_START_KNOWN && strcmp(gnu_get_libc_version(), CELL_START_LIBC) == 0;
}

void broker_forget_plans(void) {
    for (int i = 0; i < FILTER_KINDS; i++) filters[i].n = 0;
    for (int i = 0; i < ROOT_KINDS; i++) plans[i].filter = NULL;
}

static unsigned filter_rules(void) {
    unsigned layers = broker.machine.layers;
    if (!broker.bare) return 0;
    return (layers & CAGE_OWNPID ? FILTER_OWN_PID : 0u) | FILTER_BARE |
           (layers & CAGE_UID ? 0u : FILTER_MODES);
}

const SlotPlan *broker_plan(RootKind kind, const char **why) {
    SlotPlan *plan = &plans[kind];
    pthread_mutex_lock(&lock);
    if (!plan->filter) {
        Root *root = &roots[kind];
        Filter *filter = &filters[kinds[kind].filter];
        if (!root->lines.size)
            root_find(kind, broker.opts.python[0] ? broker.opts.python : NULL, root);
        if (root->there &&
            (filter->n || filter_make(kinds[kind].filter, filter_rules(), filter) == ST_OK))
            *plan = (SlotPlan){.kind = kinds[kind].cell,
                               .filter = filter,
                               .root = root,
                               .cell_fd = broker.cell_fd,
                               .start = kind == ROOT_COMPILER && start_known()};
        if (why) *why = root->there ? status_text() : root->version;
    }
    plan->layers = broker.machine.layers; // constant once the probe is over
    plan->landlock_abi = broker.machine.landlock_abi;
    plan->fail_slot = (int)broker.opts.fail_slot;
    plan->bare = broker.bare;
    plan->header_fd = kind == ROOT_COMPILER ? compile_header() : -1;
    bool there = plan->filter != NULL;
    pthread_mutex_unlock(&lock);
    return there ? plan : NULL;
}

Status broker_slot(RootKind kind, uint32_t hash_seed, Slot *slot, uint32_t *made) {
    if (slot->fd >= 0 && slot->n_runs < SLOT_RECYCLE) return ST_OK;
    slot_stop(slot);
    const char *why = "";
    const SlotPlan *plan = broker_plan(kind, &why);
    if (!plan) return FAIL(ST_UNSUPPORTED, "%s", why);
    unsigned number = __atomic_fetch_add(&n_slots, 1, __ATOMIC_RELAXED);
    *made += 1;
    TRY(slot_start(plan, broker.uid_base ? broker.uid_base + 2 * (number % 20000) : 0, hash_seed,
                   slot));
    slot->number = number + 1;
    return ST_OK;
}

static int make_cell(void) {
    int fd = memfd_create("cell", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10u /* MFD_EXEC */);
    if (fd < 0 && errno == EINVAL) fd = memfd_create("cell", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t size = (uintptr_t)cell_program_end - (uintptr_t)cell_program;
    if (fd < 0 || write(fd, cell_program, size) != (ssize_t)size) return -1;
    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    return fd;
}

static void become_nobody(void) {
    const gid_t none = 65534;
    if (setgroups(0, NULL) != 0 || setresgid(none, none, none) != 0 ||
        setresuid(none, none, none) != 0)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int n_lanes;

static void *lane_thread(void *socket) {
    lane_main((int)(intptr_t)socket);
    __atomic_fetch_sub(&n_lanes, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void take_lane(int fd) {
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    __atomic_fetch_add(&n_lanes, 1, __ATOMIC_RELEASE);
    if (pthread_create(&thread, &attr, lane_thread, (void *)(intptr_t)fd) != 0) {
        __atomic_fetch_sub(&n_lanes, 1, __ATOMIC_RELEASE);
        close(fd);
    }
    pthread_attr_destroy(&attr);
}

void broker_main(void) {
    sigset_t chld;
    syscall(SYS_close_range, WIRE_FD + 1, ~0u, 0);
    setsid(); // Ctrl-C is for the caller, who tells us by closing the socket
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "grpo-broker", 0, 0, 0);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &chld, NULL);
    int children = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0 || !wire_receive(WIRE_FD, &broker.opts, sizeof broker.opts) ||
        broker.opts.magic != WIRE_MAGIC)
        _exit(1);
    if (broker.opts.drop && getuid() == 0) become_nobody();
    broker.cell_fd = make_cell();
    if (broker.cell_fd < 0) _exit(1);
    probe_machine();
    if (!wire_send(WIRE_FD, &broker.machine, sizeof broker.machine)) _exit(1);
    for (;;) {
        struct pollfd p[2] = {{WIRE_FD, POLLIN, 0}, {children, POLLIN, 0}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) break;
        if (p[1].revents) {
            struct signalfd_siginfo info;
            while (read(children, &info, sizeof info) > 0) {
            }
            while (waitpid(-1, NULL, WNOHANG) > 0) {
            }
        }
        if (p[0].revents) {
            char what = 0;
            int fd, n = 1;
            if (!wire_receive_fds(WIRE_FD, &what, &fd, &n)) break; // the caller is gone
            if (n == 1) take_lane(fd);
        }
    }
    // The lanes see their sockets close and stop their slots; what is left dies with us.
    compile_end();
    for (int i = 0; i < 400 && __atomic_load_n(&n_lanes, __ATOMIC_ACQUIRE) > 0; i++) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        usleep(5000);
    }
    cgroup_close();
    scratch_close();
    _exit(0);
}
