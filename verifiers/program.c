// verifiers/program.c -- copies behind socket pairs, one request in flight each.
#include "verifiers/program.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

typedef struct ProgramCopy {
    pid_t pid;       // 0: not running
    int fd;          // our end: its stdin and stdout
    bool busy, warm; // warm: it has answered before
    Str said;        // bytes read and not used yet
} ProgramCopy;

struct Program {
    char *command;
    ProgramOpts opts;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    ProgramCopy *copy;
    ProgramStats stats;
    long next_id;
};

typedef enum Failure { FINE, LATE, DIED, NONSENSE } Failure;

// ---- a copy's life

// How it ended, as a person would say it. Its whole process group goes.
static void end_copy(ProgramCopy *c, char *how, size_t room) {
    if (how && room) *how = 0;
    if (!c->pid) return;
    int status = 0;
    // A copy that closed its socket is about to end by itself; its status is part of the message.
    for (int i = 0; how && i < 1000 && waitpid(c->pid, &status, WNOHANG) == 0; i++)
        poll(NULL, 0, 1);
    bool gone = kill(c->pid, 0) < 0 && errno == ESRCH;
    kill(-c->pid, SIGKILL);
    if (!gone) waitpid(c->pid, &status, 0);
    if (how && WIFEXITED(status))
        snprintf(how, room, "it ended with status %d%s", WEXITSTATUS(status),
                 WEXITSTATUS(status) == 127 ? " (no such command)" : "");
    else if (how && gone && WIFSIGNALED(status))
        snprintf(how, room, "it was ended by signal %d", WTERMSIG(status));
    close(c->fd);
    str_clear(&c->said);
    c->pid = 0, c->warm = false;
}

static Status start_copy(const Program *p, ProgramCopy *c) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return FAIL(ST_IO, "judge program '%s': no socket pair: %s", p->command, strerror(errno));
    char home[512];
    snprintf(home, sizeof home, "HOME=%s", getenv("HOME") ? getenv("HOME") : "/");
    char path[4096];
    snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    char lang[] = "LANG=C.UTF-8";
    char *env[] = {path, home, lang, NULL};
    char shell[] = "sh", flag[] = "-c";
    char *argv[] = {shell, flag, p->command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    CHECK(posix_spawn_file_actions_init(&files) == 0 && posix_spawnattr_init(&how) == 0);
    posix_spawn_file_actions_adddup2(&files, pair[1], 0);
    posix_spawn_file_actions_adddup2(&files, pair[1], 1);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    int err = posix_spawn(&c->pid, "/bin/sh", &files, &how, argv, env);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    close(pair[1]);
    if (err) {
        close(pair[0]);
        c->pid = 0;
        return FAIL(ST_IO, "judge program '%s': cannot start: %s", p->command, strerror(err));
    }
    fcntl(pair[0], F_SETFL, fcntl(pair[0], F_GETFL) | O_NONBLOCK);
    c->fd = pair[0];
    return ST_OK;
}

// ---- a request

static void write_request(const JudgeInput *in, long id, Str *out) {
    str_printf(out, "{\"id\":%ld,\"text\":", id);
    str_json(out, in->text ? in->text : "", in->text ? in->size : 0);
    str_printf(out, ",\"finished\":%s", in->finished ? "true" : "false");
    const char *const name[] = {"gold", "prompt", "prefilled"};
    const char *const value[] = {in->gold, in->prompt, in->prefilled};
    for (int i = 0; i < 3; i++) {
        if (!value[i]) continue;
        str_printf(out, ",\"%s\":", name[i]);
        str_json(out, value[i], strlen(value[i]));
    }
    if (in->task) {
        str_puts(out, ",\"task\":");
        json_echo(in->task, out);
    }
    str_puts(out, "}\n");
}

// Sends the request and reads one line: *line inside c->said, without its end.
static Failure exchange(ProgramCopy *c, const Str *request, double deadline, size_t *line) {
    size_t sent = 0, looked = 0;
    for (;;) {
        const char *end = c->said.size > looked
                              ? memchr(c->said.data + looked, '\n', c->said.size - looked)
                              : NULL;
        if (end && sent == request->size) {
            *line = (size_t)(end - c->said.data);
            return FINE;
        }
        if (end || c->said.size > PROGRAM_MAX_ANSWER) return NONSENSE; // an answer to no question
        looked = c->said.size;
        double left = deadline - clock_now();
        if (left <= 0) return LATE;
        struct pollfd p = {.fd = c->fd,
                           .events = (short)(POLLIN | (sent < request->size ? POLLOUT : 0))};
        int got = poll(&p, 1, (int)(left * 1e3) + 1);
        if (got < 0 && errno != EINTR) return DIED;
        if (got <= 0) continue;
        if (p.revents & POLLIN) {
            char block[8192];
            ssize_t n = recv(c->fd, block, sizeof block, 0);
            if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return DIED;
            if (n > 0) str_add(&c->said, block, (size_t)n);
        } else if (p.revents & (POLLHUP | POLLERR)) {
            return DIED;
        }
        if (p.revents & POLLOUT) {
            ssize_t n = send(c->fd, request->data + sent, request->size - sent, MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN && errno != EINTR) return DIED;
            if (n > 0) sent += (size_t)n;
        }
    }
}

static void copy_note(Judgement *j, const char *text) {
    snprintf(j->note, sizeof j->note, "%s", text);
    size_t bad, n = strlen(j->note);
    if (!str_is_utf8(j->note, n, &bad)) j->note[bad] = 0; // cut inside of a character
}

bool program_read(const char *line, size_t size, long id, const JudgeInput *in, Judgement *out) {
    JsonDoc *doc;
    if (json_parse(line, size, "the judge program's answer", 1, false, &doc) != ST_OK) return false;
    const Json *a = json_root(doc), *score = json_get(a, "score"), *echo = json_get(a, "id");
    const char *verdict = json_text(json_get(a, "verdict"), NULL);
    double value = json_num(score, (double)NAN);
    bool known = true;
    *out = (Judgement){.reason = "the program's verdict"};
    if (verdict && strcmp(verdict, "right") == 0)
        out->verdict = VERDICT_RIGHT, out->score = 1;
    else if (verdict && strcmp(verdict, "wrong") == 0)
        out->verdict = VERDICT_WRONG, out->score = 0;
    else if (verdict && strcmp(verdict, "error") == 0)
        out->verdict = VERDICT_ERROR;
    else if (!verdict && score)
        out->verdict = value == 1 ? VERDICT_RIGHT : VERDICT_WRONG;
    else
        known = false;
    if (score && json_kind(score) != JSON_NULL && out->verdict != VERDICT_ERROR) {
        known = known && value >= 0 && value <= 1; // NaN is neither
        out->score = value;
    }
    if (echo && json_int(echo, -1) != id) known = false;
    copy_note(out, json_text(json_get(a, "reason"), ""));
    const char *answer = json_text(json_get(a, "answer"), NULL);
    if (answer && *answer && in->text) {
        out->answer = memmem(in->text, in->size, answer, strlen(answer));
        out->answer_size = out->answer ? strlen(answer) : 0;
    }
    json_free(doc);
    return known;
}

static Failure ask(ProgramCopy *c, const JudgeInput *in, long id, int ms, Judgement *out) {
    double begin = clock_now();
    Str request = {0};
    write_request(in, id, &request);
    size_t line = 0;
    Failure f = exchange(c, &request, begin + ms * 1e-3, &line);
    str_free(&request);
    if (f == FINE && !program_read(c->said.data, line, id, in, out)) f = NONSENSE;
    if (f == FINE && c->said.size > line + 1) f = NONSENSE; // more than was asked
    if (f == FINE) str_clear(&c->said);
    return f;
}

// The first request proves that a copy works, in its own time; then the deadline holds for all.
static Failure warm_up(const Program *p, ProgramCopy *c) {
    if (c->warm) return FINE;
    JudgeInput probe = {.text = "", .finished = true, .gold = "", .prompt = ""};
    Judgement any;
    Failure f = ask(c, &probe, 0, p->opts.start_ms, &any);
    c->warm = f == FINE;
    return f;
}

// ---- the copies

static ProgramCopy *take(Program *p, long *id) {
    ProgramCopy *c = NULL;
    pthread_mutex_lock(&p->lock);
    while (!c) {
        for (int i = 0; i < p->opts.copies; i++) { // one that runs, before one that does not
            ProgramCopy *it = &p->copy[i];
            if (!it->busy && (!c || (it->pid && !c->pid))) c = it;
        }
        if (!c) pthread_cond_wait(&p->freed, &p->lock);
    }
    c->busy = true;
    p->stats.requests++;
    p->stats.starts += c->pid == 0;
    *id = p->next_id++;
    pthread_mutex_unlock(&p->lock);
    return c;
}

// Counts what went wrong; true where a person should hear of it: the 1st, 10th, 100th, ... time.
static bool give_back(Program *p, ProgramCopy *c, Failure f) {
    pthread_mutex_lock(&p->lock);
    c->busy = false;
    p->stats.late += f == LATE;
    p->stats.died += f == DIED;
    p->stats.nonsense += f == NONSENSE;
    long n = p->stats.late + p->stats.died + p->stats.nonsense, power = 1;
    while (power * 10 <= n) power *= 10;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
    return f != FINE && n == power;
}

static const char *const reason[] = {"", "the judge program missed its deadline",
                                     "the judge program died",
                                     "the judge program did not answer with a verdict"};

Judgement program_judge(const JudgeInput *in) {
    Program *p = in->program;
    if (!p) return (Judgement){.verdict = VERDICT_ERROR, .reason = "no judge program was named"};
    long id;
    ProgramCopy *c = take(p, &id);
    Judgement j = {0};
    Failure f = c->pid || start_copy(p, c) == ST_OK ? warm_up(p, c) : DIED;
    if (f == FINE) f = ask(c, in, id, p->opts.deadline_ms, &j);
    char how[80] = "";
    if (f != FINE) {
        end_copy(c, f == DIED ? how : NULL, sizeof how);
        j = (Judgement){.verdict = VERDICT_ERROR, .reason = reason[f]};
        snprintf(j.note, sizeof j.note, "%s", how);
    }
    if (give_back(p, c, f))
        log_warn("%s%s%s: no verdict, and it is started again (counted in verify/error_frac)",
                 reason[f], *how ? ": " : "", how);
    return j;
}

Status program_open(const ProgramOpts *opts, Program **out) {
    *out = NULL;
    Program *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->opts = *opts;
    p->command = strdup(opts->command);
    if (p->opts.copies < 1) p->opts.copies = 1;
    if (p->opts.copies > PROGRAM_MAX_COPIES) p->opts.copies = PROGRAM_MAX_COPIES;
    if (p->opts.deadline_ms <= 0) p->opts.deadline_ms = PROGRAM_DEADLINE_MS;
    if (p->opts.start_ms <= 0) p->opts.start_ms = PROGRAM_START_MS;
    p->copy = calloc((size_t)p->opts.copies, sizeof *p->copy);
    CHECK(p->command != NULL && p->copy != NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->freed, NULL);
    long id;
    ProgramCopy *c = take(p, &id);
    p->stats.requests = 0;
    Status st = start_copy(p, c);
    Failure f = st == ST_OK ? warm_up(p, c) : DIED;
    if (st == ST_OK && f != FINE) {
        char how[80];
        end_copy(c, f == DIED ? how : NULL, sizeof how);
        st = FAIL(ST_CONFIG,
                  "judge program '%s': %s%s%s; it must answer "
                  "{\"id\":0,\"text\":\"\",...} with a line {\"id\":0,\"verdict\":\"wrong\"} "
                  "and flush it",
                  p->command, reason[f], f == DIED && *how ? ": " : "", f == DIED ? how : "");
    }
    give_back(p, c, FINE);
    if (st != ST_OK) {
        program_close(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

void program_close(Program *p) {
    if (!p) return;
    for (int i = 0; i < p->opts.copies; i++) {
        end_copy(&p->copy[i], NULL, 0);
        str_free(&p->copy[i].said);
    }
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p->copy);
    free(p->command);
    free(p);
}

ProgramStats program_stats(Program *p) {
    pthread_mutex_lock(&p->lock);
    ProgramStats s = p->stats;
    pthread_mutex_unlock(&p->lock);
    return s;
}
