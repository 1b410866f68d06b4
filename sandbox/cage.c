// sandbox/cage.c -- the caller's side: starts the broker, takes lanes, sends jobs, reads records.
#include "sandbox/cage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/bare/run_lock.h"
#include "sandbox/broker.h"
#include "sandbox/cage_wire.h"

enum { START_MS = 60000 }; // of the broker: it probes, and for doctor asks every language

static const char hidden[] = "__cage-broker";

typedef struct IdleLane {
    int fd;
    CageRole role;
    int age; // of the broker it belongs to
    struct IdleLane *next;
} IdleLane;

struct Cage {
    WireOpen opts;
    pthread_mutex_t lock;
    int fd; // the broker's socket; -1: gone
    pid_t pid;
    int age; // counts brokers
    IdleLane *idle[CAGE_N_ROLES];
    CageMachine machine;
    CageCounts counts;
};

static unsigned allowed; // of every cage

void cage_allow_missing(unsigned layers) {
    allowed = layers;
}

// Started without cage_main a broker would be this program once more, which starts a broker...
static bool can_be_broker;

void cage_main(int argc, char **argv) {
    can_be_broker = true;
    if (argc == 2 && strcmp(argv[1], hidden) == 0) broker_main();
}

static void end_broker(Cage *cage) {
    if (cage->fd >= 0) close(cage->fd);
    cage->fd = -1;
    if (cage->pid <= 0) return;
    // It ends by itself when its socket closes; after five seconds it is broken.
    for (int i = 0; i < 1000 && waitpid(cage->pid, NULL, WNOHANG) == 0; i++) {
        if (i == 999) {
            kill(cage->pid, SIGKILL);
            waitpid(cage->pid, NULL, 0);
        }
        usleep(5000);
    }
    cage->pid = 0;
}

static Status start_broker(Cage *cage) {
    int ends[2];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    if (!can_be_broker)
        return FAIL(ST_UNSUPPORTED, "sandbox: this program has not called cage_main in main, so it "
                                    "cannot be started again as the broker");
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return FAIL(ST_IO, "sandbox: no socket for the broker: %s", strerror(errno));
    // Away from the number that it gets in the child: dup2 onto itself would leave it closed there.
    int theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, WIRE_FD + 1);
    close(ends[1]);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, theirs, WIRE_FD);
    posix_spawnattr_init(&attr);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *const argv[] = {(char *)"grpo", (char *)hidden, NULL}, *const env[] = {NULL};
    int rc =
        theirs < 0 ? errno : posix_spawn(&cage->pid, "/proc/self/exe", &actions, &attr, argv, env);
    if (rc == ENOENT) // no /proc: by the name that this program was started with
        rc =
            posix_spawn(&cage->pid, (const char *)getauxval(AT_EXECFN), &actions, &attr, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    if (theirs >= 0) close(theirs);
    if (rc != 0) {
        close(ends[0]);
        cage->pid = 0;
        return FAIL(ST_IO, "sandbox: the broker does not start: %s", strerror(rc));
    }
    cage->fd = ends[0];
    cage->age++;
    if (!wire_send(cage->fd, &cage->opts, sizeof cage->opts) ||
        !wire_receive_before(cage->fd, &cage->machine, sizeof cage->machine,
                             clock_now() + START_MS / 1000.0)) {
        end_broker(cage);
        return FAIL(ST_IO,
                    "sandbox: the broker ended before it was ready, or took more than a minute");
    }
    CageMachine *m = &cage->machine;
    m->refused[sizeof m->refused - 1] = 0;
    for (int i = 0; i < CAGE_N_LAYERS; i++) m->missing[i][sizeof m->missing[i] - 1] = 0;
    for (int i = 0; i < CAGE_N_LANGS; i++) m->version[i][sizeof m->version[i] - 1] = 0;
    m->cgroup[sizeof m->cgroup - 1] = 0;
    return ST_OK;
}

static Status open_cage(const CageOpts *opts, bool full, Cage **out) {
    static const CageOpts plain;
    if (!opts) opts = &plain;
    Cage *cage = calloc(1, sizeof *cage);
    CHECK(cage);
    pthread_mutex_init(&cage->lock, NULL);
    cage->fd = -1;
    cage->opts = (WireOpen){.magic = WIRE_MAGIC,
                            .without = opts->without,
                            .allow = opts->allow_missing | allowed,
                            .fail_slot = (uint32_t)opts->fail_slot,
                            .fail_run = (uint32_t)opts->fail_run,
                            .drop = opts->drop_to_nobody,
                            .busy = opts->say_busy,
                            .full = full};
    if (opts->python) snprintf(cage->opts.python, sizeof cage->opts.python, "%s", opts->python);
    Status st = start_broker(cage);
    if (st != ST_OK) {
        cage_close(cage);
        return st;
    }
    *out = cage;
    return ST_OK;
}

Status cage_open(const CageOpts *opts, Cage **out) {
    Cage *cage = NULL;
    *out = NULL;
    TRY(open_cage(opts, false, &cage));
    if (cage->machine.refused[0]) {
        Status st = FAIL(ST_UNSUPPORTED, "the sandbox cannot confine programs here: %s",
                         cage->machine.refused);
        cage_close(cage);
        return st;
    }
    *out = cage;
    return ST_OK;
}

Status cage_probe(const CageOpts *opts, CageMachine *out) {
    Cage *cage = NULL;
    TRY(open_cage(opts, true, &cage));
    *out = cage->machine;
    cage_close(cage);
    return ST_OK;
}

void cage_close(Cage *cage) {
    if (!cage) return;
    for (int role = 0; role < CAGE_N_ROLES; role++) {
        for (IdleLane *lane = cage->idle[role], *next; lane; lane = next) {
            next = lane->next;
            close(lane->fd);
            free(lane);
        }
    }
    end_broker(cage);
    pthread_mutex_destroy(&cage->lock);
    free(cage);
}

const CageMachine *cage_machine(const Cage *cage) {
    return &cage->machine;
}

void cage_counts(Cage *cage, CageCounts *out) {
    pthread_mutex_lock(&cage->lock);
    *out = cage->counts;
    pthread_mutex_unlock(&cage->lock);
}

static Status new_lane(Cage *cage, CageRole role, IdleLane **out) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return FAIL(ST_IO, "sandbox: no socket for a lane: %s", strerror(errno));
    bool sent = wire_send_fds(cage->fd, 'L', &ends[1], 1);
    close(ends[1]);
    if (!sent) {
        close(ends[0]);
        return FAIL(ST_IO, "sandbox: the broker is gone");
    }
    IdleLane *lane = calloc(1, sizeof *lane);
    CHECK(lane);
    *lane = (IdleLane){.fd = ends[0], .role = role, .age = cage->age};
    *out = lane;
    return ST_OK;
}

// An idle lane of the role, or a new one; a dead broker is started again first.
static Status take_lane(Cage *cage, CageRole role, IdleLane **out) {
    Status st = ST_OK;
    *out = NULL;
    pthread_mutex_lock(&cage->lock);
    if (cage->fd < 0) {
        st = start_broker(cage);
        if (st == ST_OK) cage->counts.broker_restarts++;
    }
    while (st == ST_OK && cage->idle[role] && !*out) {
        IdleLane *lane = cage->idle[role];
        cage->idle[role] = lane->next;
        if (lane->age == cage->age) {
            *out = lane;
        } else {
            close(lane->fd);
            free(lane);
        }
    }
    if (st == ST_OK && !*out) {
        st = new_lane(cage, role, out);
        if (st != ST_OK) end_broker(cage);
    }
    pthread_mutex_unlock(&cage->lock);
    return st;
}

// A lane that broke means that the broker did: it is ended, and the next call starts another.
static void give_lane(Cage *cage, IdleLane *lane, bool broken, const CageRecord *record,
                      const WireReply *reply) {
    CageRole role = lane->role;
    pthread_mutex_lock(&cage->lock);
    if (broken) {
        if (lane->age == cage->age) end_broker(cage);
        close(lane->fd);
        free(lane);
    } else {
        lane->next = cage->idle[role];
        cage->idle[role] = lane;
    }
    cage->counts.runs++;
    cage->counts.role[role]++;
    cage->counts.verdict[record->verdict]++;
    if (reply) {
        cage->counts.compiles += reply->compiled != 0;
        cage->counts.compile_hits += reply->compile_hit != 0;
        cage->counts.slots_made += reply->slots_made;
        cage->counts.second_tries += reply->second_try != 0;
    }
    pthread_mutex_unlock(&cage->lock);
}

static void count_fault(Cage *cage, CageRole role) {
    pthread_mutex_lock(&cage->lock);
    cage->counts.runs++;
    if ((unsigned)role < CAGE_N_ROLES) cage->counts.role[role]++;
    cage->counts.verdict[CAGE_SANDBOX_ERROR]++;
    pthread_mutex_unlock(&cage->lock);
}

static void set_fault(CageRecord *record, const char *why) {
    cage_record_free(record);
    record->verdict = CAGE_SANDBOX_ERROR;
    record->stage = "setup";
    record->exit = -1;
    snprintf(record->why, sizeof record->why, "%.159s", why);
}

static const char *check_job(const CageJob *job) {
    size_t total = job->input_bytes;
    if ((unsigned)job->lang >= CAGE_N_LANGS) return "no such language";
    if ((unsigned)job->role >= CAGE_N_ROLES) return "no such role";
    if (job->n_files < 1) return "a job wants a program";
    for (int i = 0; i < job->n_files; i++) {
        const CageFile *f = &job->file[i];
        const char *name = f->name ? f->name : "";
        if (i > 0 && (!*name || strlen(name) > 200 || strchr(name, '/') || name[0] == '.'))
            return "a file of a job wants a plain name";
        if (f->size > WIRE_MAX_BYTES) return "a job is larger than 64 MiB";
        total += f->size;
    }
    return total > WIRE_MAX_BYTES / 2 ? "a job is larger than 32 MiB" : NULL;
}

static bool send_job(int fd, const CageJob *job, bool talk) {
    Str s = {0};
    WireAsk ask = {.magic = WIRE_MAGIC,
                   .lang = (uint32_t)job->lang,
                   .role = (uint32_t)job->role,
                   .talk = talk,
                   .n_files = (uint32_t)job->n_files,
                   .limits = job->limits,
                   .seed = job->seed,
                   .input_bytes = job->input ? job->input_bytes : 0};
    str_putc(&s, 'A');
    str_add(&s, &ask, sizeof ask);
    for (int i = 0; i < job->n_files; i++) {
        static const char *const usual[CAGE_N_LANGS] = {"main.py", "main.c", "main.cpp", "main.sh",
                                                        "main.js"};
        const CageFile *f = &job->file[i];
        const char *name = i == 0 ? usual[job->lang] : f->name;
        uint32_t head[2] = {(uint32_t)strlen(name), (uint32_t)f->size};
        str_add(&s, head, sizeof head);
        str_add(&s, name, head[0] + 1);
        str_add(&s, f->data, f->size);
        str_putc(&s, 0);
    }
    ask.files_bytes = s.size - 1 - sizeof ask;
    memcpy(s.data + 1, &ask, sizeof ask);
    if (job->input) str_add(&s, job->input, job->input_bytes);
    bool sent = wire_send(fd, s.data, s.size);
    str_free(&s);
    return sent;
}

static bool receive_text(int fd, uint64_t size, Str *out) {
    char block[1 << 14];
    while (size > 0) {
        size_t n = size < sizeof block ? (size_t)size : sizeof block;
        if (!wire_receive(fd, block, n)) return false;
        str_add(out, block, n);
        size -= n;
    }
    return true;
}

static bool receive_record(int fd, WireReply *reply, CageRecord *record) {
    char what = 0;
    return wire_receive(fd, &what, 1) && what == 'R' && wire_receive(fd, reply, sizeof *reply) &&
           wire_decode(reply, record) == ST_OK &&
           receive_text(fd, reply->out_bytes, &record->out) &&
           receive_text(fd, reply->err_bytes, &record->err);
}

// Programs of one uid that no namespace keeps apart.
static bool one_at_a_time(const Cage *cage) {
    return cage->machine.layers & CAGE_BARE_LAYERS && !(cage->machine.layers & CAGE_UID);
}

void cage_run(Cage *cage, const CageJob *job, CageRecord *record) {
    IdleLane *lane;
    WireReply reply = {0};
    *record = (CageRecord){0};
    const char *bad = check_job(job);
    bool turn = !bad && one_at_a_time(cage);
    if (turn && run_lock_take() != ST_OK) bad = status_text(), turn = false;
    if (bad || take_lane(cage, job->role, &lane) != ST_OK) {
        set_fault(record, bad ? bad : status_text());
        count_fault(cage, job->role);
        if (turn) run_lock_give();
        return;
    }
    bool whole = send_job(lane->fd, job, false) && receive_record(lane->fd, &reply, record);
    if (!whole) set_fault(record, "the broker ended while the program ran");
    give_lane(cage, lane, !whole, record, whole ? &reply : NULL);
    if (turn) run_lock_give();
}

struct CageTalk {
    Cage *cage;
    IdleLane *lane;
    int to, from; // our ends; -1 once closed
    bool turn;    // to be given back
    bool failed;
};

Status cage_talk_begin(Cage *cage, const CageJob *job, CageTalk **out) {
    IdleLane *lane;
    char what = 0;
    int fds[2] = {-1, -1}, n = 2;
    *out = NULL;
    const char *bad = check_job(job);
    if (!bad && (job->lang == CAGE_C || job->lang == CAGE_CPP)) bad = "no talk with c or cpp";
    if (bad) return FAIL(ST_CONFIG, "sandbox: %s", bad);
    bool turn = one_at_a_time(cage);
    if (turn) TRY(run_lock_take());
    Status begun = take_lane(cage, job->role, &lane);
    if (begun != ST_OK) {
        if (turn) run_lock_give();
        return begun;
    }
    if (!send_job(lane->fd, job, true) || !wire_receive_fds(lane->fd, &what, fds, &n) ||
        (what == 'T' && n != 2) || (what != 'T' && what != 'R')) {
        CageRecord lost = {0};
        give_lane(cage, lane, true, &lost, NULL);
        if (turn) run_lock_give();
        return FAIL(ST_IO, "sandbox: the broker ended before a talk began");
    }
    if (what == 'R') { // it could not be started: the record is all that comes
        CageRecord record = {0};
        WireReply reply;
        bool whole = wire_receive(lane->fd, &reply, sizeof reply) &&
                     wire_decode(&reply, &record) == ST_OK &&
                     receive_text(lane->fd, reply.out_bytes, &record.out) &&
                     receive_text(lane->fd, reply.err_bytes, &record.err);
        Status st = FAIL(ST_IO, "sandbox: %s", whole ? record.why : "the broker ended");
        give_lane(cage, lane, !whole, &record, whole ? &reply : NULL);
        cage_record_free(&record);
        if (turn) run_lock_give();
        return st;
    }
    CageTalk *talk = calloc(1, sizeof *talk);
    CHECK(talk);
    *talk = (CageTalk){.cage = cage, .lane = lane, .to = fds[0], .from = fds[1], .turn = turn};
    fcntl(talk->to, F_SETFL, O_NONBLOCK);
    fcntl(talk->from, F_SETFL, O_NONBLOCK);
    *out = talk;
    return ST_OK;
}

static Status talk_fails(CageTalk *talk, const char *why) {
    talk->failed = true;
    return FAIL(ST_IO, "sandbox: %s", why);
}

// A pipe has no MSG_NOSIGNAL, and the signal is the caller's business: held back in this thread,
// and taken away where it was this write that brought it.
static ssize_t write_quietly(int fd, const void *data, size_t size) {
    sigset_t broken, before, waiting;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, &before);
    sigpending(&waiting);
    ssize_t put = write(fd, data, size);
    int err = errno;
    if (put < 0 && err == EPIPE && !sigismember(&waiting, SIGPIPE))
        while (sigtimedwait(&broken, NULL, &(struct timespec){0}) < 0 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = err;
    return put;
}

static Status talk_write(CageTalk *talk, const void *data, size_t size, double deadline) {
    for (const char *p = data; size > 0;) {
        ssize_t put = write_quietly(talk->to, p, size);
        if (put > 0) {
            p += put, size -= (size_t)put;
        } else if (put < 0 && errno == EAGAIN) {
            if (!wire_wait(talk->to, POLLOUT, deadline))
                return talk_fails(talk, "the program does not read in time");
        } else if (put < 0 && errno != EINTR) {
            return talk_fails(talk, "the program has ended");
        }
    }
    return ST_OK;
}

Status cage_talk_send(CageTalk *talk, const void *data, size_t size, int wall_ms) {
    if (talk->failed) return FAIL(ST_IO, "sandbox: this talk has failed before");
    CHECK(size <= UINT32_MAX);
    double deadline = clock_now() + wall_ms / 1000.0;
    unsigned char head[4];
    for (int i = 0; i < 4; i++) head[i] = (unsigned char)(size >> 8 * i);
    TRY(talk_write(talk, head, 4, deadline));
    return talk_write(talk, data, size, deadline);
}

Status cage_talk_recv(CageTalk *talk, size_t max_bytes, int wall_ms, Str *out) {
    if (talk->failed) return FAIL(ST_IO, "sandbox: this talk has failed before");
    Status st = wire_read_frame(talk->from, max_bytes, wall_ms, out);
    talk->failed = st != ST_OK;
    return st;
}

void cage_talk_end(CageTalk *talk, int wall_ms, CageRecord *record) {
    IdleLane *lane = talk->lane;
    WireReply reply = {0};
    *record = (CageRecord){0};
    close(talk->to);
    close(talk->from);
    bool sent = true;
    if (!wire_wait(lane->fd, POLLIN, clock_now() + wall_ms / 1000.0))
        sent = wire_send(lane->fd, "E", 1);
    bool whole = sent && receive_record(lane->fd, &reply, record);
    if (!whole) set_fault(record, "the broker ended while the program ran");
    give_lane(talk->cage, lane, !whole, record, whole ? &reply : NULL);
    if (talk->turn) run_lock_give();
    free(talk);
}
