// sandbox/lane.c -- one thread of the broker: asks come in, programs run, replies go out.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "sandbox/broker.h"
#include "sandbox/host_load.h"

enum {
    COMPILE_MS = 40000, // wall time of a compiler at most
    HASH_SEEDS = 4,     // of Pythons with one
};

// A Python's hash seed is fixed when it starts, and a fork of it has the same: all that it imported
// is laid out by it. So a lane has a few Pythons of different seeds, each started when it is first
// wanted, and the job's seed says which one. Seed 0: hashes without a seed.
static Slot *slot_of(Slot *plain, Slot *hashed, RootKind kind, uint64_t seed, uint32_t *hash_seed) {
    *hash_seed = 0;
    if (kind != ROOT_PYTHON || !seed) return plain;
    uint32_t i = (uint32_t)(rng_mix(seed) % HASH_SEEDS);
    *hash_seed = 1 + i;
    return &hashed[i];
}

typedef struct Lane {
    int fd;
    int role; // of its first ask, and so of all; -1: none came
    Slot slot[ROOT_KINDS];
    Slot hashed[HASH_SEEDS]; // Pythons whose hash seed is not 0
    char *block;             // the ask's files and stdin
    size_t block_cap;
    Str payload; // for the slot
} Lane;

static void put_u32(Str *s, uint32_t v) {
    str_add(s, &v, 4);
}

static void put_arg(Str *s, const char *text) {
    put_u32(s, (uint32_t)strlen(text));
    str_add(s, text, strlen(text) + 1);
}

static int or_default(int value, int fallback) {
    return value > 0 ? value : fallback;
}

static void take_limits(const WireAsk *ask, SlotRun *run) {
    const CageLimits *l = &ask->limits;
    bool many = ask->lang == CAGE_SH || ask->lang == CAGE_JS;
    run->run.cpu_ms = (uint32_t)or_default(l->cpu_ms, 4000);
    run->run.wall_ms = (uint32_t)or_default(l->wall_ms, (int)run->run.cpu_ms * 2 + 2000);
    run->run.processes = (uint32_t)or_default(l->processes, many ? 32 : 4);
    run->run.memory_bytes = (uint64_t)(l->memory_bytes > 0 ? l->memory_bytes : 512ll << 20);
    run->run.scratch_bytes = (uint64_t)(l->scratch_bytes > 0 ? l->scratch_bytes : 16ll << 20);
    run->run.file_bytes = run->run.scratch_bytes;
    run->output_bytes = l->output_bytes > 0 ? l->output_bytes : 1ll << 20;
    if (run->output_bytes > WIRE_MAX_OUTPUT) run->output_bytes = WIRE_MAX_OUTPUT;
    run->run.seed = ask->seed;
    run->run.fail_run = broker.opts.fail_run;
    run->uncapped = (broker.opts.without & CAGE_OUTPUT) != 0;
}

static RootKind kind_of(CageLang lang) {
    switch (lang) {
    case CAGE_PYTHON: return ROOT_PYTHON;
    case CAGE_SH: return ROOT_TOOLS;
    case CAGE_JS: return ROOT_NODE;
    case CAGE_C:
    case CAGE_CPP:
    case CAGE_N_LANGS: break;
    }
    return ROOT_NATIVE;
}

static bool reply_fault(Lane *lane, const char *why, uint32_t made) {
    WireReply r = {.magic = WIRE_MAGIC,
                   .verdict = CAGE_SANDBOX_ERROR,
                   .stage = WIRE_SETUP,
                   .exit = -1,
                   .slots_made = made};
    snprintf(r.why, sizeof r.why, "%s", why);
    return wire_send(lane->fd, "R", 1) && wire_send(lane->fd, &r, sizeof r);
}

static bool reply_end(Lane *lane, const WireReply *r, const SlotEnd *end) {
    char head[1 + sizeof *r];
    head[0] = 'R';
    memcpy(head + 1, r, sizeof *r);
    return wire_send(lane->fd, head, sizeof head) &&
           wire_send(lane->fd, end->out.data, end->out.size) &&
           wire_send(lane->fd, end->err.data, end->err.size);
}

// Pipes of a talk: the program's ends into *run, ours to the caller.
static bool open_talk(Lane *lane, SlotRun *run) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) < 0) return false;
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]), close(in[1]);
        return false;
    }
    int theirs[2] = {in[1], out[0]};
    run->talk_read = in[0];
    run->talk_write = out[1];
    run->end_fd = lane->fd;
    bool sent = wire_send_fds(lane->fd, 'T', theirs, 2);
    close(theirs[0]), close(theirs[1]);
    return sent;
}

static void fill_payload(Lane *lane, const WireAsk *ask, CageLang lang, const char *program,
                         bool ahead, SlotRun *run) {
    char heap[64];
    str_clear(&lane->payload);
    run->run.n_files = 0;
    bool files = lang != CAGE_C && lang != CAGE_CPP && !ahead; // those were the compiler's
    switch (lang) {
    case CAGE_SH:
        put_arg(&lane->payload, "/bin/sh");
        put_arg(&lane->payload, broker.bare ? "./main.sh" : "/tmp/main.sh");
        run->run.n_args = 2;
        break;
    case CAGE_C:
    case CAGE_CPP:
        put_arg(&lane->payload, "/main"); // a name that nobody can write to
        run->run.n_args = 1;
        break;
    case CAGE_JS:
        // V8 would take what the whole machine has; a process may use most of what it is given.
        snprintf(heap, sizeof heap, "--max-old-space-size=%llu",
                 (unsigned long long)(run->run.memory_bytes >> 20) * 3 / 4);
        put_arg(&lane->payload, program);
        put_arg(&lane->payload, heap);
        put_arg(&lane->payload, "-r");
        put_arg(&lane->payload, broker.bare ? "../../pch/boot.js" : "/pch/boot.js");
        put_arg(&lane->payload, broker.bare ? "./main.js" : "/tmp/main.js");
        run->run.n_args = 5;
        break;
    case CAGE_PYTHON:
    case CAGE_N_LANGS: break;
    }
    if (files) {
        str_add(&lane->payload, lane->block, ask->files_bytes);
        run->run.n_files = ask->n_files;
    }
    run->payload = lane->payload.data;
    run->run.payload_bytes = (uint32_t)lane->payload.size;
}

static bool taken_by_host(const SlotRun *run, const SlotEnd *end) {
    if (end->fault || end->over_out || end->over_err || end->oom) return false;
    if (broker.opts.busy) return end->tail.ended_by == CELL_BY_WALL;
    return host_load_starved(&run->run, &end->tail) && host_load_host();
}

static bool run_job(Lane *lane, const WireAsk *ask) {
    CageLang lang = (CageLang)ask->lang;
    SlotRun run = {.exec_fd = -1,
                   .out_fd = -1,
                   .talk_read = -1,
                   .talk_write = -1,
                   .end_fd = -1,
                   .input = lane->block + ask->files_bytes,
                   .input_bytes = ask->input_bytes};
    WireReply reply = {0};
    Compiled made = {.exec_fd = -1};
    SlotEnd end = {0};
    uint32_t slots = 0;
    take_limits(ask, &run);
    if (lang == CAGE_C || lang == CAGE_CPP) {
        // A source may keep a compiler busy: it has one and a half times the wall time, and what it
        // uses of more than half of twice that is the program's loss.
        double begin = clock_now();
        uint32_t wall_ms = run.run.wall_ms;
        compile_get(lang, (CageRole)ask->role, lane->block, ask->files_bytes, ask->n_files,
                    wall_ms < COMPILE_MS / 3 * 2 ? wall_ms + wall_ms / 2 : COMPILE_MS, &made);
        double left_ms = 2.0 * wall_ms - (clock_now() - begin) * 1000;
        if (left_ms < wall_ms)
            run.run.wall_ms = left_ms > 0.5 * wall_ms ? (uint32_t)left_ms : wall_ms / 2;
        reply.compiled = made.made, reply.compile_hit = made.hit;
        slots += made.slots_made;
        if (made.exec_fd < 0) {
            SlotRun compile = {.run.memory_bytes = 1ull << 40, .run.cpu_ms = UINT32_MAX / 1000};
            outcome_fill(ask, &compile, &made.end, broker.machine.layers, &reply);
            if (reply.verdict != CAGE_SANDBOX_ERROR) reply.stage = WIRE_COMPILE;
            reply.slots_made = slots;
            bool ok = reply_end(lane, &reply, &made.end);
            compile_release(&made);
            return ok;
        }
        run.exec_fd = made.exec_fd;
    }
    RootKind kind = kind_of(lang);
    uint32_t hash_seed;
    Slot *slot = slot_of(&lane->slot[kind], lane->hashed, kind, ask->seed, &hash_seed);
    if (broker_slot(kind, hash_seed, slot, &slots) != ST_OK) {
        compile_release(&made);
        return reply_fault(lane, status_text(), slots);
    }
    const char *program = broker_plan(kind, NULL)->root->program;
    fill_payload(lane, ask, lang, program, false, &run);
    // Node takes a tenth of a second to start: one waits for the next program, unless it must talk.
    bool ahead = lang == CAGE_JS && !ask->talk && broker.opts.fail_run == 0;
    if (ahead) run.late = lane->block, run.late_bytes = ask->files_bytes;
    if (ask->talk && !open_talk(lane, &run)) {
        compile_release(&made);
        return reply_fault(lane, "no pipes for a talk", slots);
    }
    reply.slot = slot->number;
    slot_run(slot, &run, &end);
    if (!ask->talk && taken_by_host(&run, &end)) {
        slot_end_free(&end);
        reply.second_try = 1;
        if (broker_slot(kind, hash_seed, slot, &slots) != ST_OK) {
            compile_release(&made);
            return reply_fault(lane, status_text(), slots);
        }
        reply.slot = slot->number;
        slot_run(slot, &run, &end);
    }
    outcome_fill(ask, &run, &end, broker.machine.layers, &reply);
    compile_release(&made);
    reply.slots_made = slots;
    bool ok = reply_end(lane, &reply, &end);
    slot_end_free(&end);
    if (ok && ahead) {
        fill_payload(lane, ask, lang, program, true, &run);
        slot_ahead(slot, &run);
    }
    return ok;
}

static bool receive_ask(Lane *lane, WireAsk *ask) {
    char what = 0;
    do // an 'E' for a talk that had ended by itself
        if (!wire_receive(lane->fd, &what, 1)) return false;
    while (what == 'E');
    if (what != 'A' || !wire_receive(lane->fd, ask, sizeof *ask)) return false;
    if (lane->role < 0) lane->role = (int)ask->role;
    if (ask->magic != WIRE_MAGIC || ask->lang >= CAGE_N_LANGS || ask->role >= CAGE_N_ROLES ||
        (int)ask->role != lane->role || // a slot of candidates judges nobody
        ask->files_bytes > WIRE_MAX_BYTES || ask->input_bytes > WIRE_MAX_BYTES)
        return false;
    size_t need = ask->files_bytes + ask->input_bytes + 1;
    if (need > lane->block_cap) {
        lane->block_cap = need + need / 2;
        free(lane->block);
        lane->block = malloc(lane->block_cap);
        CHECK(lane->block);
    }
    return wire_receive(lane->fd, lane->block, ask->files_bytes + ask->input_bytes);
}

void lane_main(int socket) {
    Lane *lane = calloc(1, sizeof *lane);
    CHECK(lane);
    lane->fd = socket;
    lane->role = -1;
    for (int i = 0; i < ROOT_KINDS; i++) lane->slot[i] = (Slot){.fd = -1, .pid_fd = -1};
    for (int i = 0; i < HASH_SEEDS; i++) lane->hashed[i] = (Slot){.fd = -1, .pid_fd = -1};
    WireAsk ask;
    while (receive_ask(lane, &ask) && run_job(lane, &ask)) {
    }
    for (int i = 0; i < ROOT_KINDS; i++) slot_stop(&lane->slot[i]);
    for (int i = 0; i < HASH_SEEDS; i++) slot_stop(&lane->hashed[i]);
    close(lane->fd);
    str_free(&lane->payload);
    free(lane->block);
    free(lane);
}
