// sandbox/slot.c -- one program through one zygote: pipes, the message, the pump, the end.
#include "sandbox/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/bare/scratch.h"
#include "sandbox/cage.h"

enum {
    START_MS = 20000, // a zygote imports its modules; the machine may be busy
    GRACE_MS = 3000,  // pid 1 keeps the clock; this long after it the slot is broken
    ERR_KEPT = 64 << 10,
};

static bool send_all(int fd, const void *data, size_t size) {
    for (const char *p = data; size > 0;) {
        ssize_t put = send(fd, p, size, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        p += put, size -= (size_t)put;
    }
    return true;
}

// Reads exactly `size` bytes before the deadline.
static bool receive_all(int fd, void *data, size_t size, double deadline) {
    for (char *p = data; size > 0;) {
        struct pollfd wait = {fd, POLLIN, 0};
        int left = (int)((deadline - clock_now()) * 1000);
        if (left < 0 || poll(&wait, 1, left) == 0) return false;
        ssize_t got = recv(fd, p, size, MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return false;
        p += got, size -= (size_t)got;
    }
    return true;
}

// The child of vfork shares our memory until its exec: nothing here but system calls.
static pid_t spawn(int cell_fd, int control, int header) {
    char *const argv[] = {(char *)"cell", NULL}, *const env[] = {NULL};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    // NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
    pid_t pid = vfork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        // Their numbers may be taken by one of the others: out of the way first.
        int exec = fcntl(cell_fd, F_DUPFD_CLOEXEC, 16);
        int socket = fcntl(control, F_DUPFD_CLOEXEC, 16);
        int file = header > 0 ? fcntl(header, F_DUPFD_CLOEXEC, 16) : -1;
        if (exec < 0 || dup2(socket, CELL_CONTROL) < 0) _exit(127);
        if (header > 0 && dup2(file, CELL_HEADER) < 0) _exit(127);
        sigprocmask(SIG_SETMASK, &none, NULL);
        syscall(SYS_execveat, exec, "", argv, env, AT_EMPTY_PATH);
        _exit(127);
    }
    // NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork)
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid;
}

Status slot_start(const SlotPlan *plan, unsigned uid_base, uint32_t hash_seed, Slot *out) {
    int ends[2];
    Status st = ST_OK;
    *out = (Slot){.fd = -1, .pid_fd = -1};
    if (plan->bare) TRY(scratch_take(plan->layers & CAGE_UID ? &out->uid : NULL, out->folder));
    if (out->uid) uid_base = out->uid - 1; // of the two the program has the second
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        TRY_OUT(FAIL(ST_IO, "sandbox: no socket for a slot: %s", strerror(errno)));
    out->fd = ends[0];
    out->pid = spawn(plan->cell_fd, ends[1], plan->header_fd);
    close(ends[1]);
    if (out->pid < 0) {
        st = FAIL(ST_IO, "sandbox: no process for a slot: %s", strerror(errno));
        goto out;
    }
    out->pid_fd = (int)syscall(SYS_pidfd_open, out->pid, 0);
    if (plan->layers & CAGE_CGROUP) TRY_OUT(cgroup_join(out->pid, &out->cgroup));
    const Str *root = &plan->root->lines;
    CellSlot slot = {.magic = CELL_MAGIC,
                     .kind = plan->kind,
                     .layers = plan->layers,
                     .uid_base = uid_base,
                     .landlock = (uint32_t)plan->landlock_abi,
                     .fail_slot = (uint32_t)plan->fail_slot,
                     .filter_len = (uint32_t)plan->filter->n,
                     .root_bytes = (uint32_t)root->size,
                     .header = plan->header_fd > 0,
                     .start = plan->start,
                     .hash_seed = hash_seed,
                     .bare = plan->bare};
    snprintf(slot.folder, sizeof slot.folder, "%s", out->folder);
    snprintf(slot.python, sizeof slot.python, "%s", plan->root->program);
    CellReady ready;
    if (!send_all(out->fd, &slot, sizeof slot) ||
        !send_all(out->fd, plan->filter->insn, (size_t)plan->filter->n * 8) ||
        !send_all(out->fd, root->data, root->size) ||
        !receive_all(out->fd, &ready, sizeof ready, clock_now() + START_MS / 1000.0) ||
        ready.magic != CELL_MAGIC) {
        st = FAIL(ST_IO, "sandbox: a slot did not become ready (vm.memfd_noexec=2 forbids it: "
                         "sysctl vm.memfd_noexec=0)");
        goto out;
    }
    ready.step[sizeof ready.step - 1] = 0;
    if (ready.err)
        st = FAIL(ST_UNSUPPORTED, "sandbox: set-up of a slot: %s: %s", ready.step,
                  strerror(ready.err));
out:
    if (st != ST_OK) slot_stop(out);
    return st;
}

typedef struct Pipes {
    int in[2]; // stdin, a file: the program's descriptor, which reads, and ours, which fills it
    int out[2], err[2];
} Pipes;

static void shut(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void shut_pipes(Pipes *p) {
    for (int i = 0; i < 2; i++) shut(&p->in[i]), shut(&p->out[i]), shut(&p->err[i]);
}

struct SlotWait {
    Pipes pipes;
    int files; // its descriptor 3
    CellRun run;
};

static void free_wait(Slot *slot) {
    if (!slot->wait) return;
    shut_pipes(&slot->wait->pipes);
    shut(&slot->wait->files);
    free(slot->wait);
    slot->wait = NULL;
}

void slot_stop(Slot *slot) {
    if (slot->folder[0] && slot->fd >= 0) (void)!send(slot->fd, "Q", 1, MSG_NOSIGNAL);
    if (slot->fd >= 0) close(slot->fd); // an idle zygote ends by itself, and the outer one with it
    if (slot->pid > 0) {
        // The broker's main thread reaps; here we only see to it that it is over.
        struct pollfd gone = {slot->pid_fd, POLLIN, 0};
        // Without namespaces nobody but the slot itself ends what it started: it gets the time.
        bool waits = slot->folder[0] || slot->n_runs >= 0;
        if (!waits || poll(&gone, 1, slot->folder[0] ? GRACE_MS : 200) == 0)
            kill(slot->pid, SIGKILL);
        if (slot->pid_fd >= 0) poll(&gone, 1, 5000);
    }
    if (slot->pid_fd >= 0) close(slot->pid_fd);
    if (slot->folder[0]) {
        cgroup_kill(&slot->cgroup);
        scratch_give(slot->uid, slot->folder);
    }
    cgroup_leave(&slot->cgroup);
    free_wait(slot);
    *slot = (Slot){.fd = -1, .pid_fd = -1};
}

// Standard input is a regular file, for programs ask for its size, map it or go back in it: a
// memory file, opened a second time to read only.
static bool open_input(int in[2]) {
    char path[40];
    in[1] = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x8u /* MFD_NOEXEC_SEAL */);
    if (in[1] < 0 && errno == EINVAL)
        in[1] = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (in[1] < 0) return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", in[1]);
    in[0] = open(path, O_RDONLY | O_CLOEXEC);
    if (in[0] < 0) in[0] = fcntl(in[1], F_DUPFD_CLOEXEC, 0); // no /proc here: the same, sealed
    return in[0] >= 0;
}

// Puts the program's input into the file and closes our end. False: there is no space for it.
static bool fill_input(int *fd, const void *data, size_t size) {
    bool ok = *fd >= 0;
    for (size_t put = 0; ok && put < size;) {
        ssize_t n = pwrite(*fd, (const char *)data + put, size - put, (off_t)put);
        if (n < 0 && errno == EINTR) continue;
        ok = n > 0;
        if (ok) put += (size_t)n;
    }
    ok = ok && fcntl(*fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0;
    shut(fd);
    return ok;
}

static bool open_pipes(Pipes *p) {
    *p = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (!open_input(p->in) || pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->err, O_CLOEXEC) < 0)
        return false;
    // Ours only: the program's ends have flags of their own.
    return fcntl(p->out[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(p->err[0], F_SETFL, O_NONBLOCK) == 0;
}

// 'R' with the descriptors, the struct and the payload in one go.
static bool send_run(int control, const SlotRun *in, const Pipes *p) {
    CellRun run = in->run;
    int fd[CELL_FDS] = {p->in[0], p->out[1], p->err[1]}, n = 3;
    if (in->talk_read >= 0) fd[n++] = in->talk_read;
    if (in->talk_write >= 0) fd[n++] = in->talk_write;
    if (in->exec_fd >= 0) fd[n++] = in->exec_fd;
    run.magic = CELL_MAGIC;
    run.n_fds = (uint32_t)n;
    run.has_exec = in->exec_fd >= 0;
    union {
        char buf[CMSG_SPACE(sizeof fd)];
        struct cmsghdr align;
    } control_data;
    memset(&control_data, 0, sizeof control_data);
    char r = 'R';
    struct iovec iov[3] = {{&r, 1}, {&run, sizeof run}, {(void *)in->payload, run.payload_bytes}};
    struct msghdr msg = {.msg_iov = iov,
                         .msg_iovlen = 3,
                         .msg_control = control_data.buf,
                         .msg_controllen = CMSG_SPACE((size_t)n * sizeof(int))};
    struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
    memcpy(CMSG_DATA(h), fd, (size_t)n * sizeof(int));
    ssize_t put;
    do put = sendmsg(control, &msg, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put <= 0) return false;
    size_t sent = (size_t)put; // a large payload goes in pieces
    for (int i = 0; i < 3; i++) {
        size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;
        sent -= skip;
        if (skip < iov[i].iov_len &&
            !send_all(control, (char *)iov[i].iov_base + skip, iov[i].iov_len - skip))
            return false;
    }
    return true;
}

typedef struct Pump {
    const SlotRun *in;
    SlotEnd *end;
    Pipes pipes;
    int control;
    int64_t n_out, n_err;
    bool killed;
} Pump;

static void kill_program(Pump *p) {
    if (!p->killed) (void)!send(p->control, "K", 1, MSG_NOSIGNAL);
    p->killed = true;
}

// Reads what is there. Bytes over the cap are dropped, and the program with them.
static void drain(Pump *p, bool is_err) {
    int *fd = is_err ? &p->pipes.err[0] : &p->pipes.out[0];
    static _Thread_local char block[1 << 16];
    int64_t *n = is_err ? &p->n_err : &p->n_out;
    while (*fd >= 0) {
        ssize_t got = read(*fd, block, sizeof block);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            shut(fd);
            return;
        }
        int64_t room = p->in->output_bytes - *n, keep = got < room ? got : room;
        *n += got;
        if (is_err && keep > 0) {
            int64_t space = ERR_KEPT - (int64_t)p->end->err.size;
            if (keep > space) p->end->err_cut = true, keep = space;
            str_add(&p->end->err, block, (size_t)keep);
        } else if (keep > 0 && p->in->out_fd < 0) {
            str_add(&p->end->out, block, (size_t)keep);
        } else if (keep > 0 && write(p->in->out_fd, block, (size_t)keep) != keep) {
            p->end->over_out = true; // no space for it here
        }
        if (got > room && !p->in->uncapped) {
            *(is_err ? &p->end->over_err : &p->end->over_out) = true;
            kill_program(p);
            shut(fd);
        }
    }
}

// Until pid 1's word comes. False: it does not.
static bool pump(Pump *p, double deadline) {
    for (;;) {
        struct pollfd w[4] = {{p->control, POLLIN, 0},
                              {p->pipes.out[0], POLLIN, 0},
                              {p->pipes.err[0], POLLIN, 0},
                              {p->end->asked ? -1 : p->in->end_fd, POLLIN, 0}};
        int left = (int)((deadline - clock_now()) * 1000);
        if (left < 0) return false;
        int n = poll(w, 4, left + 1);
        if (n < 0 && errno != EINTR) return false;
        if (n <= 0) continue;
        if (w[1].revents) drain(p, false);
        if (w[2].revents) drain(p, true);
        if (w[3].revents) {
            p->end->asked = true;
            kill_program(p);
        }
        if (w[0].revents) break;
    }
    if (!receive_all(p->control, &p->end->tail, sizeof p->end->tail, deadline)) return false;
    drain(p, false);
    drain(p, true);
    return true;
}

static void fault(Slot *slot, SlotEnd *end, const char *why) {
    snprintf(end->why, sizeof end->why, "%s", why);
    end->fault = true;
    slot->n_runs = -1; // slot_stop does not wait for it
    slot_stop(slot);
}

static bool same_limits(const CellRun *a, const CellRun *b) {
    return a->cpu_ms == b->cpu_ms && a->wall_ms == b->wall_ms && a->processes == b->processes &&
           a->memory_bytes == b->memory_bytes && a->scratch_bytes == b->scratch_bytes &&
           a->file_bytes == b->file_bytes;
}

void slot_ahead(Slot *slot, const SlotRun *in) {
    Pipes p;
    int files[2];
    SlotRun ahead = *in;
    if (slot->fd < 0 || slot->wait) return;
    if (!open_pipes(&p) || pipe2(files, O_CLOEXEC) < 0) {
        shut_pipes(&p);
        return;
    }
    ahead.run.waits = 1;
    ahead.talk_read = files[0];
    ahead.talk_write = -1;
    bool sent = cgroup_limit(&slot->cgroup, (int64_t)in->run.memory_bytes,
                             (int)in->run.processes) == ST_OK &&
                send_run(slot->fd, &ahead, &p);
    shut(&p.in[0]), shut(&p.out[1]), shut(&p.err[1]), close(files[0]);
    slot->wait = malloc(sizeof *slot->wait);
    CHECK(slot->wait);
    *slot->wait = (SlotWait){p, files[1], ahead.run};
    if (!sent) slot_stop(slot); // the next program finds a new one
}

// The program that waits gets the job, where it is of its kind and still there.
static bool wake(Slot *slot, Pump *p) {
    const SlotRun *in = p->in;
    SlotWait *w = slot->wait;
    struct pollfd early = {slot->fd, POLLIN, 0};
    if (!in->late || !same_limits(&w->run, &in->run) || poll(&early, 1, 0) != 0) return false;
    p->pipes = w->pipes;
    w->pipes = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    bool sent = fill_input(&p->pipes.in[1], in->input, in->input_bytes) &&
                send(slot->fd, "G", 1, MSG_NOSIGNAL) == 1;
    for (size_t put = 0; sent && put < in->late_bytes;) {
        ssize_t n = write(w->files, in->late + put, in->late_bytes - put);
        if (n < 0 && errno != EINTR) break; // it is gone; what it did then is its end
        if (n > 0) put += (size_t)n;
    }
    free_wait(slot);
    if (!sent) shut_pipes(&p->pipes);
    return sent;
}

// It ends unused. False: the slot does not answer.
static bool end_wait(Slot *slot) {
    CellTail tail;
    bool ended = send(slot->fd, "K", 1, MSG_NOSIGNAL) == 1 &&
                 receive_all(slot->fd, &tail, sizeof tail, clock_now() + GRACE_MS / 1000.0);
    free_wait(slot);
    return ended;
}

static bool start_run(Slot *slot, Pump *p) {
    bool sent = fill_input(&p->pipes.in[1], p->in->input, p->in->input_bytes) &&
                send_run(slot->fd, p->in, &p->pipes);
    shut(&p->pipes.in[0]), shut(&p->pipes.out[1]), shut(&p->pipes.err[1]);
    return sent;
}

static bool begin_run(Slot *slot, Pump *p, bool *woken) {
    SlotEnd *end = p->end;
    *woken = slot->wait && wake(slot, p);
    if (slot->wait && !end_wait(slot)) {
        fault(slot, end, "the slot does not answer");
        return false;
    }
    if (*woken) return true;
    if (cgroup_limit(&slot->cgroup, (int64_t)p->in->run.memory_bytes, (int)p->in->run.processes) !=
        ST_OK) {
        fault(slot, end, status_text());
        return false;
    }
    if (!open_pipes(&p->pipes)) {
        snprintf(end->why, sizeof end->why, "no pipes: %s", strerror(errno));
        end->fault = true;
        return false;
    }
    if (start_run(slot, p)) return true;
    fault(slot, end, "the slot does not answer");
    return false;
}

static void run_once(Slot *slot, const SlotRun *in, SlotEnd *end, bool *woken) {
    Pump p = {.in = in, .end = end, .control = slot->fd, .pipes = {{-1, -1}, {-1, -1}, {-1, -1}}};
    int talk[2] = {in->talk_read, in->talk_write};
    *end = (SlotEnd){0};
    bool begun = begin_run(slot, &p, woken);
    for (int i = 0; i < 2; i++) shut(&talk[i]);
    if (!begun) goto out;
    double deadline = clock_now() + (in->run.wall_ms + GRACE_MS) / 1000.0;
    if (!pump(&p, deadline)) {
        fault(slot, end, "the slot does not answer");
        goto out;
    }
    if (end->tail.magic != CELL_MAGIC) {
        fault(slot, end, "the slot's record is malformed");
        goto out;
    }
    end->tail.step[sizeof end->tail.step - 1] = 0;
    if (end->tail.setup_err) {
        snprintf(end->why, sizeof end->why, "%s: %s", end->tail.step,
                 strerror(end->tail.setup_err));
        end->fault = true;
        str_clear(&end->out), str_clear(&end->err); // it may have run, and its folder be left
        if (slot->folder[0]) slot_stop(slot);
    }
    end->oom = cgroup_oom(&slot->cgroup);
    if (slot->fd >= 0) slot->n_runs++;
out:
    shut_pipes(&p.pipes);
}

void slot_run(Slot *slot, const SlotRun *in, SlotEnd *end) {
    bool woken = false;
    run_once(slot, in, end, &woken);
    // What was started ahead was gone before the word came: nothing of this program has run.
    if (!woken || !end->fault || !end->tail.setup_err || slot->fd < 0) return;
    slot_end_free(end);
    run_once(slot, in, end, &woken);
}

void slot_end_free(SlotEnd *end) {
    str_free(&end->out);
    str_free(&end->err);
}
