// sandbox/outcome.c -- the verdict of one end, first match wins.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "sandbox/broker.h"

enum { PYTHON_MEMORY = 247 }; // how the zygote's harness ends after an uncaught MemoryError

// In the last 4 KiB of what it said on stderr.
static bool said(const SlotEnd *end, const char *text) {
    size_t n = end->err.size < 4096 ? end->err.size : 4096;
    return n && memmem(end->err.data + end->err.size - n, n, text, strlen(text));
}

static bool out_of_memory(const WireAsk *ask, const SlotRun *run, const SlotEnd *end, int exit,
                          int sig) {
    if (exit == 0) return false;
    if ((int64_t)end->tail.peak_kb * 1024 >= (int64_t)(run->run.memory_bytes / 10 * 9)) return true;
    if (ask->lang == CAGE_PYTHON) return exit == PYTHON_MEMORY && said(end, "MemoryError");
    if (sig == SIGABRT && ask->lang == CAGE_CPP) return said(end, "std::bad_alloc");
    if (ask->lang == CAGE_JS) return said(end, "JavaScript heap out of memory");
    return false;
}

void outcome_fill(const WireAsk *ask, const SlotRun *run, SlotEnd *end, unsigned layers,
                  WireReply *reply) {
    const CellTail *t = &end->tail;
    int sig = WIFSIGNALED(t->status) ? WTERMSIG(t->status) : 0;
    int exit = WIFEXITED(t->status) ? WEXITSTATUS(t->status) : -1;
    reply->magic = WIRE_MAGIC;
    reply->layers = layers;
    reply->truncated = end->over_out || end->over_err || end->err_cut;
    reply->out_bytes = end->out.size;
    reply->err_bytes = end->err.size;
    reply->cpu_us = t->cpu_us;
    reply->wall_us = t->wall_us;
    reply->peak_kb = (int64_t)t->peak_kb;
    reply->exit = exit;
    reply->signal = sig;
    snprintf(reply->why, sizeof reply->why, "%s", end->why);

    const char *why = NULL;
    if (end->fault && !end->oom) {
        reply->verdict = CAGE_SANDBOX_ERROR;
        reply->stage = WIRE_SETUP;
        reply->exit = -1;
    } else if (sig == SIGSYS) {
        reply->verdict = CAGE_SECURITY_VIOLATION;
        why = "made a system call that no honest program makes";
    } else if (end->over_out || end->over_err) {
        reply->verdict = CAGE_OUTPUT_LIMIT;
        why = end->over_out ? "wrote too much to stdout" : "wrote too much to stderr";
    } else if (end->oom || out_of_memory(ask, run, end, exit, sig)) {
        reply->verdict = CAGE_MEMORY_LIMIT;
        why = "out of memory";
        if (reply->exit == PYTHON_MEMORY) reply->exit = 1;
        if (reply->exit == 0) reply->exit = 1; // a child of its was killed: no pass
    } else if (t->ended_by == CELL_BY_WALL || t->ended_by == CELL_BY_CPU || sig == SIGXCPU ||
               t->cpu_us > run->run.cpu_ms * 1000ull) {
        reply->verdict = CAGE_TIME_LIMIT;
        why = t->ended_by == CELL_BY_WALL ? "wall time is over" : "CPU time is over";
    } else if (exit != 0 || t->ended_by != CELL_BY_NOBODY || end->asked) {
        reply->verdict = CAGE_RUNTIME_ERROR;
        if (exit == 0) reply->exit = -1, reply->signal = SIGKILL;
        if (t->ended_by == CELL_BY_FOLDER) why = "its folder is full";
    } else {
        reply->verdict = CAGE_OK;
    }
    if (why) snprintf(reply->why, sizeof reply->why, "%s", why);
}
