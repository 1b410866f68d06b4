// sandbox/cell/confine.c -- pid 2 gives up everything, one call after the other, seccomp last.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

// Hard and soft at once: what is taken cannot be taken back.
static int limit(int which, uint64_t value) {
    struct rlimit l = {value, value};
    if (setrlimit(which, &l) == 0) return 0;
    // Without privilege a hard limit that is already lower stays.
    if (errno != EPERM || getrlimit(which, &l) < 0 || l.rlim_max > value) return -1;
    l.rlim_cur = l.rlim_max;
    return setrlimit(which, &l);
}

static int take_limits(Cell *c) {
    const CellRun *r = &c->run;
    uint64_t memory = r->memory_bytes;
    // Every thread takes as much address space as the stack may grow to.
    uint64_t stack = c->slot.kind == CELL_NODE ? 8u << 20 : 64u << 20;
    if (stack > memory) stack = memory;
    // The interpreter's own image is not the program's.
    uint64_t image = c->slot.kind == CELL_PYTHON ? 128u << 20 : 4u << 20;
    // Where the user namespace is shared with the zygote, it and pid 1 are counted too; where the
    // user is, all that is his, with some space for what he starts meanwhile.
    uint64_t others = c->slot.layers & CAGE_RUNNS ? 0 : 2;
    if (c->slot.bare) others = c->tasks > 0 ? (uint64_t)c->tasks + CELL_SPARE : 0;
    const struct {
        const char *name;
        int which;
        uint64_t value;
    } take[] = {
        {"limit cpu", RLIMIT_CPU, (r->cpu_ms + 999) / 1000 + 1},
        {"limit address space", RLIMIT_AS, memory + image},
        {"limit data", RLIMIT_DATA, memory + image},
        {"limit stack", RLIMIT_STACK, stack},
        {"limit file size", RLIMIT_FSIZE, r->file_bytes},
        {"limit descriptors", RLIMIT_NOFILE, CELL_NOFILE},
        {"limit processes", RLIMIT_NPROC, r->processes + others},
        {"limit core", RLIMIT_CORE, 1}, // 1, not 0: stops the pipe form of core_pattern as well
        {"limit locked memory", RLIMIT_MEMLOCK, 0},
        {"limit message queues", RLIMIT_MSGQUEUE, 0},
        {"limit pending signals", RLIMIT_SIGPENDING, 64},
        {"limit nice", RLIMIT_NICE, 0},
        {"limit realtime", RLIMIT_RTPRIO, 0},
    };
    for (size_t i = 0; i < sizeof take / sizeof take[0]; i++) {
        // V8 reserves far more addresses than it uses; the cgroup and its own heap limit hold it.
        if (c->slot.kind == CELL_NODE && take[i].which == RLIMIT_AS) continue;
        if (DO(c, take[i].name, limit(take[i].which, take[i].value)) < 0) return -1;
    }
    return 0;
}

// The bounding set is the slot's (serve.c empties it); a user namespace of the program's own brings
// it back in full, over a namespace that owns nothing, where without root, file capabilities and
// new privileges nothing can be taken from it.
static int drop_caps(Cell *c) {
    if (DO(c, "clear ambient set", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) < 0)
        return -1;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    // A plain user without a namespace has none, may lock nothing, and can gain none.
    if (c->slot.bare && !(c->slot.layers & CAGE_UID)) {
        if (DO(c, "read capabilities", syscall(SYS_capget, &head, none)) < 0) return -1;
        if (!none[0].permitted && !none[1].permitted) return 0;
    }
    unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                         SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                         SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (DO(c, "lock securebits", prctl(PR_SET_SECUREBITS, bits, 0, 0, 0)) < 0) return -1;
    memset(none, 0, sizeof none);
    return (int)DO(c, "drop capabilities", syscall(SYS_capset, &head, none));
}

static int take_ids(Cell *c) {
    if (!(c->slot.layers & CAGE_UID)) return 0;
    uid_t id = c->slot.layers & CAGE_USERNS ? 1 : c->slot.uid_base + 1;
    // setresuid takes the capabilities away, and drop_caps still needs one of them.
    if (DO(c, "keep capabilities", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) < 0) return -1;
    if (DO(c, "setgroups", setgroups(0, NULL)) < 0) return -1;
    if (DO(c, "setresgid", setresgid(id, id, id)) < 0) return -1;
    if (DO(c, "setresuid", setresuid(id, id, id)) < 0) return -1;
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (DO(c, "read capabilities", syscall(SYS_capget, &head, data)) < 0) return -1;
    for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted;
    return (int)DO(c, "raise capabilities", syscall(SYS_capset, &head, data));
}

// A filter made for any program, with this one's number in the place that waits for it.
static void own_filter(const Cell *c, struct sock_filter *own) {
    memcpy(own, c->filter, c->slot.filter_len * sizeof *own);
    for (unsigned i = 0; i < c->slot.filter_len; i++)
        if (own[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && own[i].k == CELL_OWN_PID)
            own[i].k = (uint32_t)getpid();
}

static int take_filter(Cell *c) {
    struct sock_filter own[CELL_FILTER];
    struct sock_fprog prog = {(unsigned short)c->slot.filter_len, own};
    own_filter(c, own);
    long rc =
        DO(c, "seccomp",
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &prog));
    if (rc < 0 && errno == EINVAL) // before 4.17 there is no such flag
        rc = DO(c, "seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
    return (int)rc;
}

int confine(Cell *c) {
    const CellSlot *s = &c->slot;
    if (DO(c, "parent death signal", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0) return -1;
    if (DO(c, "setsid", setsid()) < 0) return -1;
    int last = (int)c->run.n_fds - (c->run.has_exec ? 1 : 0);
    for (int i = 0; i < last; i++)
        if (DO(c, "pipes of the program", dup2(c->fd[i], i)) < 0) return -1;
    if (c->run.has_exec && DO(c, "its executable", dup3(c->fd[last], CELL_EXEC, O_CLOEXEC)) < 0)
        return -1;
    int first_closed = c->run.has_exec ? CELL_EXEC - 1 : CELL_STATUS - 1;
    if (DO(c, "close descriptors", syscall(SYS_close_range, last, first_closed, 0)) < 0) return -1;
    if (DO(c, "close the rest", syscall(SYS_close_range, CELL_RULES + 1, ~0u, 0)) < 0) return -1;

    if (take_ids(c) < 0) return -1;
    if (s->layers & CAGE_RUNNS &&
        DO(c, "user namespace of the program", unshare(CLONE_NEWUSER)) < 0)
        return -1;
    if (s->layers & CAGE_RLIMITS && take_limits(c) < 0) return -1;
    if (s->layers & CAGE_CAPS && drop_caps(c) < 0) return -1;
    umask(022);
    if (s->layers & CAGE_NNP && DO(c, "no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
        return -1;
    if (DO(c, "not dumpable", prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) < 0) return -1;
    // The change of identity took the signal away.
    if (DO(c, "parent death signal", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0) return -1;
    if (s->layers & CAGE_LANDLOCK &&
        DO(c, "landlock", syscall(SYS_landlock_restrict_self, CELL_RULES, 0)) < 0)
        return -1;
    close(CELL_RULES);
    if (s->layers & CAGE_SECCOMP && take_filter(c) < 0) return -1;
    return 0;
}
