// sandbox/cell/init.c -- pid 1 of a program: its folder, its clock, its end.
//
// Runs in the memory of the zygote, Python's included: it calls the kernel and nothing that
// allocates.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/bare/wipe.h"
#include "sandbox/cage.h"
#include "sandbox/cell/cell.h"

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

// CPU time of the program's first process, all its threads; -1 when it is gone.
static int64_t cpu_us(pid_t pid) {
    struct timespec t;
    clockid_t clock = (clockid_t)((~(unsigned)pid << 3) | 2); // CPUCLOCK_SCHED of a process
    if (clock_gettime(clock, &t) < 0) return -1;
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

// Without a mount of its own: a new folder in one that pid 1 empties. Its files count there too.
static int bare_folder(Cell *c, unsigned id) {
    char path[200];
    cell_path(c, "/w", path, sizeof path);
    c->folder = (int)DO(c, "folder of folders",
                        open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (c->folder < 0) return -1;
    // Of one user all: then its mode alone keeps the program from it, who can change none.
    if (!id && DO(c, "open the folder of folders", fchmod(c->folder, 0700)) < 0) return -1;
    if (DO(c, "folder of the program", mkdirat(c->folder, "tmp", 0700)) < 0 &&
        (errno != EEXIST || c->slot.layers & CAGE_WIPE))
        return -1;
    int fd = openat(c->folder, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return -1;
    long rc = id ? DO(c, "give folder away", fchown(fd, id, id))
                 : DO(c, "shut the folder of folders", fchmod(c->folder, 0500));
    if (rc == 0) rc = DO(c, "enter its folder", fchdir(fd));
    close(fd);
    return (int)rc;
}

// What it holds at most; a hundred bytes beside each file are its entry.
static WipeSum most_of(const Cell *c) {
    return (WipeSum){c->run.scratch_bytes + c->run.payload_bytes + (1u << 20), 2048};
}

static bool folder_full(const Cell *c) {
    WipeSum sum, most = most_of(c);
    return c->slot.bare && c->slot.layers & CAGE_WIPE && !wipe_within(c->folder, &most, &sum);
}

// All of it goes, and is counted on the way.
static void empty_folder(Cell *c, CellTail *tail) {
    WipeSum sum = {0}, most = most_of(c);
    if (!c->slot.bare) return;
    (void)!fchmod(c->folder, 0711);
    if (c->slot.layers & CAGE_WIPE && DO(c, "empty the folder", wipe_all(c->folder, &sum)) < 0) {
        tail->setup_err = errno;
        strncpy(tail->step, c->step, sizeof tail->step - 1);
    } else if ((sum.bytes > most.bytes || sum.inodes > most.inodes) &&
               tail->ended_by == CELL_BY_NOBODY) {
        tail->ended_by = CELL_BY_FOLDER;
    }
    close(c->folder);
}

static int make_folder(Cell *c) {
    char opts[160];
    // A program that dropped to id 1 owns its folder; in one without a range id 0 is the user.
    unsigned id = !(c->slot.layers & CAGE_UID)   ? 0
                  : c->slot.layers & CAGE_USERNS ? 1
                                                 : c->slot.uid_base + 1;
    if (c->slot.layers & CAGE_MNTNS) {
        snprintf(opts, sizeof opts, "size=%llu,nr_inodes=2048,mode=0700,uid=%u,gid=%u",
                 (unsigned long long)c->run.scratch_bytes, id, id);
        unsigned long flags = MS_NOSUID | MS_NODEV;
        if (c->slot.kind != CELL_TOOLS) flags |= MS_NOEXEC; // scripts may run what they wrote
        if (DO(c, "folder of the program", mount("tmpfs", "/w/tmp", "tmpfs", flags, opts)) < 0)
            return -1;
    }
    if (c->slot.bare ? bare_folder(c, id) < 0 : DO(c, "enter its folder", chdir("/w/tmp")) < 0)
        return -1;
    // Python's source stays in memory; a compiled program has none.
    for (unsigned i = c->slot.kind == CELL_PYTHON ? 1 : 0; i < c->run.n_files; i++) {
        const char *name;
        uint32_t size;
        const char *data = payload_file(c, i, &name, &size);
        int fd = (int)DO(c, "file of the program",
                         open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
        if (fd < 0) return -1;
        long rc = DO(c, "write file of the program", cell_write(fd, data, size));
        // The folder is the program's, so its files are too.
        if (rc == 0 && id) rc = DO(c, "give file away", fchown(fd, id, id));
        close(fd);
        if (rc < 0) return -1;
    }
    return 0;
}

// In pid 2: layers, then the program. Returns only for Python (1).
static int start_program(Cell *c) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (confine(c) < 0) {
        struct {
            int32_t err;
            char step[60];
        } bad = {errno, ""};
        strncpy(bad.step, c->step, sizeof bad.step - 1);
        (void)!write(CELL_STATUS, "E", 1);
        (void)!write(CELL_STATUS, &bad, sizeof bad);
        _exit(125);
    }
    (void)!write(CELL_STATUS, "R", 1);
    if (c->slot.kind == CELL_PYTHON) {
        close(CELL_STATUS);
        return 1;
    }
    const char *argv[66];
    unsigned n = c->run.n_args < 64 ? c->run.n_args : 64;
    for (unsigned i = 0; i < n; i++) argv[i] = payload_arg(c, i);
    argv[n] = NULL;
    char tmp[200], home[220], folder[220];
    cell_path(c, c->slot.bare ? "/w/tmp" : "/tmp", tmp, sizeof tmp);
    snprintf(home, sizeof home, "HOME=%s", tmp);
    snprintf(folder, sizeof folder, "TMPDIR=%s", tmp);
    const char *const env[] = {"PATH=/usr/bin:/bin", home, folder, "LC_ALL=C.UTF-8", "LANG=C.UTF-8",
                               // The host's are there and may not be read, which these take ill.
                               !c->slot.bare                ? NULL
                               : c->slot.kind == CELL_NODE  ? "OPENSSL_CONF=/dev/null"
                               : c->slot.kind == CELL_TOOLS ? "SHLVL=1" // bash.bashrc
                                                            : NULL,
                               NULL};
    if (c->run.has_exec)
        syscall(SYS_execveat, CELL_EXEC, "", argv, env, 0x1000 /* AT_EMPTY_PATH */);
    else
        execve(argv[0], (char *const *)argv, (char *const *)env);
    char bad = (char)errno;
    (void)!write(CELL_STATUS, &bad, 1);
    _exit(126);
}

// What pid 2 said: 'R' and then nothing, or why not. Blocks until it runs or is gone.
static void hear_status(int fd, CellTail *tail) {
    char said[80];
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, said + n, sizeof said - n);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        n += (size_t)got;
        if (n == sizeof said) break;
    }
    if (n == 1 && said[0] == 'R') return;
    tail->setup_err = ECHILD;
    strcpy(tail->step, "set-up of the program");
    if (n == 2 && said[0] == 'R') {
        tail->setup_err = said[1] ? said[1] : ENOEXEC;
        strcpy(tail->step, "exec");
    } else if (n == 65 && said[0] == 'E') {
        memcpy(&tail->setup_err, said + 1, 4);
        memcpy(tail->step, said + 5, 60);
        if (tail->setup_err == 0) tail->setup_err = ECHILD;
    }
}

// A program that was started ahead waits for its files; its time begins with the broker's word.
static bool hear_go(int signals, CellTail *tail) {
    for (;;) {
        struct pollfd p[2] = {{CELL_CONTROL, POLLIN, 0}, {signals, POLLIN, 0}};
        if (poll(p, 2, -1) <= 0) continue;
        if (p[0].revents) {
            char word = 0;
            if (read(CELL_CONTROL, &word, 1) == 1 && word == 'G') return true;
            tail->ended_by = CELL_BY_BROKER;
            return false;
        }
        tail->setup_err = ECHILD; // no untrusted program has run
        strcpy(tail->step, "a program that waited");
        return false;
    }
}

// Waits for pid 2 with one absolute deadline; adopted orphans are reaped on the way.
static void watch(const Cell *c, pid_t pid, int signals, int64_t begin, CellTail *tail) {
    const bool clock = c->slot.layers & CAGE_CLOCK;
    const int64_t wall_end = clock ? begin + c->run.wall_ms * 1000LL : INT64_MAX;
    int64_t look = c->slot.bare ? begin + 20000 : INT64_MAX; // at its folder
    const int64_t cpu_end = clock ? c->run.cpu_ms * 1000LL : INT64_MAX;
    for (;;) {
        int status;
        pid_t got;
        while ((got = wait4(-1, &status, WNOHANG, NULL)) > 0) {
            tail->n_children += got != pid;
            if (got == pid) {
                tail->status = status;
                return;
            }
        }
        int64_t now = now_us(), used = cpu_us(pid), left = wall_end - now;
        if (left <= 0) {
            tail->ended_by = CELL_BY_WALL;
            return;
        }
        if (used >= cpu_end) {
            tail->ended_by = CELL_BY_CPU;
            return;
        }
        if (now >= look) {
            if (folder_full(c)) {
                tail->ended_by = CELL_BY_FOLDER;
                return;
            }
            look = now_us() + 50000;
        }
        // On one core the limit is that far away; on more it is looked at more often.
        int64_t until_cpu = used < 0 ? left : (cpu_end - used) / 4 + 2000;
        int64_t until = left < until_cpu ? left : until_cpu;
        if (look - now < until) until = look > now ? look - now : 0;
        int64_t wait = until / 1000 + 1;
        if (wait > 1000) wait = 1000;
        struct pollfd p[2] = {{signals, POLLIN, 0}, {CELL_CONTROL, POLLIN, 0}};
        if (poll(p, 2, (int)wait) <= 0) continue;
        if (p[0].revents) {
            struct signalfd_siginfo info;
            (void)!read(signals, &info, sizeof info);
        }
        if (p[1].revents) { // 'K', or the broker is gone
            char k;
            (void)!read(CELL_CONTROL, &k, 1);
            tail->ended_by = CELL_BY_BROKER;
            return;
        }
    }
}

// Straight to the broker, when nothing of the program is alive any more: the namespaces go while
// the record is already on its way. Exit 0 tells the zygote that it was said.
static void say(const CellTail *tail) {
    _exit(cell_write(CELL_CONTROL, tail, sizeof *tail) == 0 ? 0 : 1);
}

static void give_up(Cell *c) {
    CellTail tail = {.magic = CELL_MAGIC, .setup_err = errno ? errno : EIO}, unused = tail;
    strncpy(tail.step, c->step, sizeof tail.step - 1);
    if (c->folder >= 0) empty_folder(c, &unused);
    say(&tail);
    _exit(1);
}

static void end_all(const Cell *c, pid_t pid, CellTail *tail) {
    int left;
    pid_t got;
    if (c->slot.bare) {
        tail->n_children += domain_end(c, pid, &tail->status);
        return;
    }
    kill(-1, SIGKILL);
    while ((got = wait4(-1, &left, 0, NULL)) > 0 || (got < 0 && errno == EINTR)) {
        if (got == pid) tail->status = left;
        tail->n_children += got > 0 && got != pid;
    }
}

int init_run(Cell *c) {
    CellTail tail = {.magic = CELL_MAGIC};
    volatile int64_t begin = now_us(); // pid 2 comes from a vfork in the midst of it
    int status[2];
    sigset_t chld, all;
    c->folder = -1, c->tasks = 0;
    // With namespaces its end is the program's. Without it must live to end the program, and does
    // when the broker's socket closes.
    if (c->slot.bare ? domain_enter(c) < 0
                     : DO(c, "parent death signal", prctl(PR_SET_PDEATHSIG, SIGKILL)) < 0)
        give_up(c);
    if (c->slot.bare && !(c->slot.layers & CAGE_UID)) {
        c->tasks = DO(c, "count the user's processes", domain_tasks());
        if (c->tasks < 0) give_up(c);
    }
    if (make_folder(c) < 0) give_up(c);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    // Python's zygote has handlers, and a handler is a way in: nothing that the program sends is
    // heard here.
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    int signals = (int)DO(c, "signalfd", signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK));
    if (signals < 0) give_up(c);
    if (DO(c, "status pipe", pipe2(status, O_CLOEXEC)) < 0) give_up(c);
    // What starts by exec borrows our memory until then; Python goes on in a copy.
    pid_t pid = cell_step(c, "fork the program") ? -1
                : c->slot.kind == CELL_PYTHON    ? fork()
                                                 : vfork();
    if (pid < 0) give_up(c);
    if (pid == 0) { // never returns but as a Python program
        if (dup3(status[1], CELL_STATUS, O_CLOEXEC) < 0) _exit(125);
        return start_program(c);
    }
    close(status[1]);
    for (unsigned i = 0; i < c->run.n_fds; i++) close(c->fd[i]); // so that the broker sees the end
    hear_status(status[0], &tail);
    bool goes = tail.setup_err == 0 && (!c->run.waits || hear_go(signals, &tail));
    if (c->run.waits) begin = now_us();
    if (goes && c->slot.bare && DO(c, "may end the program", kill(pid, 0)) < 0) {
        tail.setup_err = errno;
        strncpy(tail.step, c->step, sizeof tail.step - 1);
    } else if (goes) {
        watch(c, pid, signals, begin, &tail);
    }
    end_all(c, pid, &tail);
    empty_folder(c, &tail);
    struct rusage ru;
    getrusage(RUSAGE_CHILDREN, &ru);
    tail.cpu_us = (uint64_t)((ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000LL +
                             ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
    tail.peak_kb = (uint64_t)ru.ru_maxrss;
    tail.put_off = (uint64_t)ru.ru_nivcsw;
    tail.wall_us = (uint64_t)(now_us() - begin);
    say(&tail);
    return 0;
}
