// sandbox/filter.c -- the lists, and libseccomp turning them into a program for the kernel.
#include "sandbox/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox/cell/cell.h"

#define MASK32 0xffffffffull
#define ALL_NEW                                                                                    \
    ((uint64_t)(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |         \
                CLONE_NEWUTS | CLONE_NEWCGROUP))

static const char common[] =
    "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat creat "
    "close close_range stat fstat lstat newfstatat statx statfs fstatfs munmap mremap "
    "madvise mincore msync brk rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend "
    "rt_sigpending rt_sigtimedwait sigaltstack access faccessat faccessat2 pipe pipe2 select "
    "pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
    "eventfd2 dup dup2 dup3 getpid getppid gettid getuid geteuid getgid getegid getresuid "
    "getresgid getgroups getpgrp setsid getcwd chdir fchdir getdents "
    "getdents64 readlink readlinkat unlink unlinkat mkdir mkdirat rmdir rename renameat renameat2 "
    "link linkat symlink symlinkat truncate "
    "ftruncate fallocate fadvise64 fsync fdatasync copy_file_range sendfile umask "
    "nanosleep gettimeofday time times getitimer setitimer alarm "
    "pause futex set_robust_list set_tid_address rseq membarrier restart_syscall "
    "sched_yield sched_get_priority_max "
    "sched_get_priority_min getcpu getrandom getrlimit setrlimit getrusage "
    "exit exit_group arch_prctl wait4 waitid vfork fork";

// Of which a program without namespaces gets less.
static const char about_processes[] =
    "getpgid getsid setpgid sched_getaffinity sched_getparam sched_getscheduler kill tgkill";
static const char of_namespaces[] =
    "tkill get_robust_list getpriority clock_gettime clock_getres clock_nanosleep";
static const char modes[] = "chmod fchmod fchmodat";
static const char file_times[] = "utime utimes utimensat futimesat";

// No honest program makes these: the attempt itself is the verdict.
static const char deadly[] =
    "ptrace process_vm_readv process_vm_writev process_madvise process_mrelease mount umount2 "
    "pivot_root chroot unshare setns bpf io_uring_setup io_uring_enter io_uring_register "
    "perf_event_open userfaultfd keyctl add_key request_key init_module finit_module "
    "delete_module kexec_load kexec_file_load open_by_handle_at name_to_handle_at pidfd_getfd "
    "open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr reboot swapon swapoff "
    "sethostname setdomainname settimeofday clock_settime clock_adjtime adjtimex iopl ioperm acct "
    "quotactl quotactl_fd vhangup nfsservctl syslog lookup_dcookie modify_ldt fanotify_init "
    "fanotify_mark seccomp move_pages migrate_pages mbind set_mempolicy uselib _sysctl "
    "landlock_create_ruleset landlock_add_rule landlock_restrict_self vmsplice";

// Asked by honest tools, which go on without: not here.
static const char unsupported[] =
    "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr "
    "removexattr lremovexattr fremovexattr flock";

typedef struct Build {
    scmp_filter_ctx ctx;
    int rc; // first failure
} Build;

static void put(Build *b, uint32_t action, int nr, unsigned n, const struct scmp_arg_cmp *arg) {
    if (nr == __NR_SCMP_ERROR) return; // not known here, so not allowed here
    int rc = seccomp_rule_add_array(b->ctx, action, nr, n, arg);
    if (rc < 0 && rc != -EEXIST && b->rc == 0) b->rc = rc;
}

static void put_list(Build *b, uint32_t action, const char *names) {
    char word[64];
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, " ");
        memcpy(word, p, n);
        word[n] = 0;
        put(b, action, seccomp_syscall_resolve_name(word), 0, NULL);
        p += n;
        p += *p == ' ';
    }
}

// One argument under a mask of 32 bits equals any of the values.
static void put_values(Build *b, const char *name, unsigned arg, const uint64_t *value, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct scmp_arg_cmp cmp = {arg, SCMP_CMP_MASKED_EQ, MASK32, value[i] & MASK32};
        put(b, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(name), 1, &cmp);
    }
}
#define PUT_VALUES(b, name, arg, list)                                                             \
    put_values((b), (name), (arg), (list), sizeof(list) / sizeof((list)[0]))

// What namespaces would keep a program from seeing and reaching.
static void put_bare(Build *b, FilterKind kind, unsigned rules) {
    static const uint64_t own[] = {CELL_OWN_PID}, own_or_0[] = {0, CELL_OWN_PID};
    static const char *const ask[] = {"getpgid",           "getsid",         "setpgid",
                                      "sched_getaffinity", "sched_getparam", "sched_getscheduler"};
    static const char *const clocks[] = {"clock_gettime", "clock_getres", "clock_nanosleep"};
    if (rules & FILTER_OWN_PID) {
        for (size_t i = 0; i < sizeof ask / sizeof ask[0]; i++) PUT_VALUES(b, ask[i], 0, own_or_0);
        PUT_VALUES(b, "kill", 0, own);
        PUT_VALUES(b, "tgkill", 0, own);
    } else {
        put_list(b, SCMP_ACT_ALLOW, about_processes);
    }
    if (rules & FILTER_BARE) {
        // A clock with the highest bit is that of a process or thread by number.
        struct scmp_arg_cmp no_number = {0, SCMP_CMP_MASKED_EQ, 1u << 31, 0};
        for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++)
            put(b, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(clocks[i]), 1, &no_number);
        PUT_VALUES(b, "getpriority", 1, own_or_0);
    } else {
        put_list(b, SCMP_ACT_ALLOW, of_namespaces);
    }
    // The host's name is in it; but node ends where it is not told the kernel's.
    if (!(rules & FILTER_BARE) || kind == FILTER_NODE) put_list(b, SCMP_ACT_ALLOW, "uname");
    if (!(rules & FILTER_MODES)) put_list(b, SCMP_ACT_ALLOW, modes);
    // `touch` and `cp -p` go on; the time is that of the last change.
    put_list(b, rules & FILTER_MODES ? SCMP_ACT_ERRNO(0) : SCMP_ACT_ALLOW, file_times);
}

static void put_arguments(Build *b, FilterKind kind) {
    static const uint64_t ioctls[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
    static const uint64_t fcntls[] = {
        F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, 1032 /* F_GETPIPE_SZ */,
        1034 /* F_GET_SEALS */};
    static const uint64_t prctls[] = {PR_SET_NAME,     PR_GET_NAME,         PR_GET_DUMPABLE,
                                      PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP,
                                      0x53564d41};
    static const uint64_t unix_only[] = {AF_UNIX};
    static const uint64_t itself[] = {0}; // pid 1 has a plain user's uid: its limits are not theirs
    // Standard input has a size and may be mapped, but is read once, as from a pipe.
    struct scmp_arg_cmp of_input = {0, SCMP_CMP_EQ, 0, 0}, of_other = {0, SCMP_CMP_NE, 0, 0};
    put(b, SCMP_ACT_ERRNO(ESPIPE), SCMP_SYS(lseek), 1, &of_input);
    put(b, SCMP_ACT_ALLOW, SCMP_SYS(lseek), 1, &of_other);
    PUT_VALUES(b, "ioctl", 1, ioctls);
    PUT_VALUES(b, "fcntl", 1, fcntls);
    PUT_VALUES(b, "prctl", 0, prctls);
    PUT_VALUES(b, "prlimit64", 0, itself);
    struct scmp_arg_cmp ours = {0, SCMP_CMP_MASKED_EQ, ALL_NEW, 0};
    put(b, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &ours);
    // A structure in memory cannot be looked at; the C library falls back to clone.
    put(b, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
    if (kind == FILTER_PYTHON || kind == FILTER_NODE) PUT_VALUES(b, "socketpair", 0, unix_only);

    struct scmp_arg_cmp query = {0, SCMP_CMP_MASKED_EQ, MASK32, MASK32};
    put(b, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, &query);

    struct scmp_arg_cmp no_exec = {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
    struct scmp_arg_cmp of_file = {3, SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0};
    if (kind == FILTER_NODE) {
        put(b, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 0, NULL);
        put(b, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 0, NULL);
        put_list(b, SCMP_ACT_ALLOW, "pkey_alloc pkey_free pkey_mprotect");
    } else {
        put(b, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_exec);
        put(b, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &no_exec);
        if (kind != FILTER_NATIVE) put(b, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &of_file);
    }
    if (kind ==
        FILTER_NATIVE) { // the one exec that starts it; nobody can make this descriptor again
        struct scmp_arg_cmp once[] = {{0, SCMP_CMP_MASKED_EQ, MASK32, CELL_EXEC},
                                      {4, SCMP_CMP_MASKED_EQ, MASK32, AT_EMPTY_PATH}};
        put(b, SCMP_ACT_ALLOW, SCMP_SYS(execveat), 2, once);
    }
    if (kind == FILTER_TOOLS || kind == FILTER_NODE) put_list(b, SCMP_ACT_ALLOW, "execve");
}

Status filter_compile(FilterKind kind, unsigned rules, Filter *out) {
    Status st = ST_OK;
    int fd = -1;
    *out = (Filter){0};
    Build b = {.ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM))};
    if (!b.ctx) return FAIL(ST_UNSUPPORTED, "libseccomp gives no filter here");
    b.rc = seccomp_attr_set(b.ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // A tree, not a list: loads three times faster. Without it the filter is the same.
    (void)seccomp_attr_set(b.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    put_list(&b, SCMP_ACT_ALLOW, common);
    put_list(&b, SCMP_ACT_KILL_PROCESS, deadly);
    put_list(&b, SCMP_ACT_ERRNO(ENOTSUP), unsupported);
    // It says the host's memory, load and time since its start. What asks for memory is answered
    // with the program's limit: zygote.py, start.c.
    put_list(&b, SCMP_ACT_ERRNO(ENOSYS), "sysinfo");
    put_bare(&b, kind, rules);
    put_arguments(&b, kind);
    // What is newer than this list: as on a kernel that has not got it, so that libraries fall
    // back.
    for (int nr = 443; nr < 472; nr++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
        if (!name) put(&b, SCMP_ACT_ERRNO(ENOSYS), nr, 0, NULL);
        free(name);
    }
    if (b.rc < 0) {
        st = FAIL(ST_UNSUPPORTED, "libseccomp refuses a rule: %s", strerror(-b.rc));
        goto out;
    }
    fd = memfd_create("filter", MFD_CLOEXEC);
    int rc = fd < 0 ? -errno : seccomp_export_bpf(b.ctx, fd);
    off_t size = rc < 0 ? 0 : lseek(fd, 0, SEEK_CUR);
    if (rc < 0 || size <= 0 || size > (off_t)sizeof out->insn ||
        pread(fd, out->insn, (size_t)size, 0) != size) {
        st = FAIL(ST_UNSUPPORTED, "libseccomp gives no program: %s", strerror(rc < 0 ? -rc : EIO));
        goto out;
    }
    out->n = (int)(size / 8);
out:
    if (fd >= 0) close(fd);
    seccomp_release(b.ctx);
    return st;
}

Status filter_make(FilterKind kind, unsigned rules, Filter *out) {
    TRY(filter_compile(kind, rules, out));
    filter_pack(out);
    return ST_OK;
}
