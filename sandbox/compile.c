// sandbox/compile.c -- compilers in slots of their own, and the store of what they made.
//
// A program is compiled once however many inputs it gets and however many threads ask: the first
// asker compiles, the others wait for it. The store is keyed by the hash of language and sources
// and compares them whole, so that no two programs are taken for one. A few slots are shared by all
// lanes of a role, and what one role compiled is not the other's; the precompiled header is made in
// a judges' slot, where no untrusted source has been.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/broker.h"

enum {
    SLOTS = 4, // of each role
    ENTRIES = 512,
    LARGEST = 64 << 20, // bytes of an executable
    STORE = 512 << 20,  // bytes of all
};

typedef struct Entry {
    char *key; // a byte of language and role, then the files as they came
    size_t key_size;
    uint64_t hash, used;
    int fd; // -1: did not compile; `end` says why

    bool busy;
    int64_t bytes;
    SlotEnd end;
} Entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Entry *entries[ENTRIES];
static uint64_t n_uses;
static int64_t stored;
enum { ALL_SLOTS = SLOTS * CAGE_N_ROLES }; // slot i is of role i / SLOTS
static Slot slots[ALL_SLOTS];
static bool slot_busy[ALL_SLOTS], slots_ready;

static int header_fd = -1; // bits/stdc++.h, precompiled: 100 MB that save a second each time
static int header_state;   // 0: not wanted yet, 1: being made, 2: made, or given up
static int n_cpp;
static bool ending;

int compile_header(void) {
    return __atomic_load_n(&header_fd, __ATOMIC_ACQUIRE);
}

static uint64_t hash_of(const char *data, size_t size) {
    uint64_t h = 1469598103934665603ull; // FNV-1a
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)data[i]) * 1099511628211ull;
    return h;
}

static void entry_free(Entry *e) {
    if (e->fd >= 0) close(e->fd);
    slot_end_free(&e->end);
    free(e->key);
    free(e);
}

// The place for a key: its own entry, else an empty or the least used idle one. NULL: all in use.
static Entry **find_place(const char *key, size_t size, uint64_t hash, bool *found) {
    Entry **best = NULL;
    *found = false;
    for (int i = 0; i < ENTRIES; i++) {
        Entry *e = entries[i];
        if (e && e->hash == hash && e->key_size == size && memcmp(e->key, key, size) == 0) {
            *found = true;
            return &entries[i];
        }
        if (!e) {
            if (!best || *best) best = &entries[i];
        } else if (!e->busy && (!best || (*best && e->used < (*best)->used))) {
            best = &entries[i];
        }
    }
    return best;
}

static void make_room(void) {
    while (stored > STORE) {
        Entry **oldest = NULL;
        for (int i = 0; i < ENTRIES; i++) {
            Entry *e = entries[i];
            if (e && !e->busy && (!oldest || e->used < (*oldest)->used)) oldest = &entries[i];
        }
        if (!oldest) return;
        stored -= (*oldest)->bytes;
        entry_free(*oldest);
        *oldest = NULL;
    }
}

static int take_slot(CageRole role) {
    int first = (int)role * SLOTS;
    pthread_mutex_lock(&lock);
    if (!slots_ready)
        for (int i = 0; i < ALL_SLOTS; i++) slots[i] = (Slot){.fd = -1, .pid_fd = -1};
    slots_ready = true;
    for (;;) {
        int free_ = -1;
        for (int i = first; i < first + SLOTS; i++) // a warm one first
            if (!slot_busy[i] && (free_ < 0 || slots[i].fd >= 0)) free_ = i;
        if (free_ >= 0) {
            slot_busy[free_] = true;
            pthread_mutex_unlock(&lock);
            return free_;
        }
        pthread_cond_wait(&changed, &lock);
    }
}

static void give_slot(int i) {
    pthread_mutex_lock(&lock);
    slot_busy[i] = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void put_arg(Str *s, const char *text) {
    uint32_t n = (uint32_t)strlen(text);
    str_add(s, &n, 4);
    str_add(s, text, n + 1);
}

// One run of the compiler: a shell line whose stdout is the file that it makes.
// `last`: of this thread, whose end would end a slot that it started.
static void run_compiler(CageRole role, const char *line, const char *files, size_t files_bytes,
                         uint32_t n_files, uint32_t wall_ms, int out_fd, int64_t most, bool last,
                         SlotEnd *end, uint32_t *slots_made) {
    Str payload = {0};
    int i = take_slot(role);
    *end = (SlotEnd){0};
    if (broker_slot(ROOT_COMPILER, 0, &slots[i], slots_made) != ST_OK) {
        snprintf(end->why, sizeof end->why, "%s", status_text());
        end->fault = true;
    } else {
        put_arg(&payload, "/bin/sh");
        put_arg(&payload, "-c");
        put_arg(&payload, line);
        str_add(&payload, files, files_bytes);
        SlotRun run = {.run = {.n_args = 3,
                               .n_files = n_files,
                               .payload_bytes = (uint32_t)payload.size,
                               .cpu_ms = wall_ms < 20000 ? wall_ms : 20000, // of each process
                               .wall_ms = wall_ms,
                               .processes = 16,
                               .memory_bytes = 1ull << 30,
                               .scratch_bytes = 256u << 20,
                               .file_bytes = 256u << 20},
                       .payload = payload.data,
                       .exec_fd = -1,
                       .output_bytes = most,
                       .out_fd = out_fd,
                       .talk_read = -1,
                       .talk_write = -1,
                       .end_fd = -1};
        slot_run(&slots[i], &run, end);
        if (last) slot_stop(&slots[i]);
    }
    give_slot(i);
    str_free(&payload);
}

// Of sources: main.c or main.cpp is file 0 whatever it was called.
static void name_files(CageLang lang, const char *files, size_t size, Str *out) {
    const char *name = lang == CAGE_C ? "main.c" : "main.cpp";
    uint32_t n, bytes;
    if (size < 8) return;
    memcpy(&n, files, 4);
    memcpy(&bytes, files + 4, 4);
    if ((size_t)n + 9 > size) return;
    uint32_t named = (uint32_t)strlen(name);
    str_add(out, &named, 4);
    str_add(out, &bytes, 4);
    str_add(out, name, named + 1);
    str_add(out, files + 9 + n, size - 9 - n);
}

// Made beside the first compilations, in a slot like theirs; slots that were there before end after
// their run, so that the next ones have it.
static void *make_header(void *unused) {
    char line[400];
    SlotEnd end = {0};
    uint32_t made = 0;
    struct stat info = {0};
    const SlotPlan *plan = broker_plan(ROOT_COMPILER, NULL);
    int fd = memfd_create("header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    snprintf(line, sizeof line,
             "g++ -std=gnu++17 -O2 -x c++-header %s -o h.gch 1>&2 && exec cat h.gch",
             plan ? plan->root->header : "");
    run_compiler(CAGE_JUDGE, line, NULL, 0, 0, 40000, fd, 256 << 20, true, &end, &made);
    bool ok = fd >= 0 && !end.fault && !end.over_out && !end.oom &&
              end.tail.ended_by == CELL_BY_NOBODY && end.tail.status == 0 &&
              fstat(fd, &info) == 0 && info.st_size > 0;
    slot_end_free(&end);
    if (!ok && fd >= 0) close(fd);
    pthread_mutex_lock(&lock);
    if (ok) {
        __atomic_store_n(&header_fd, fd, __ATOMIC_RELEASE);
        for (int i = 0; i < ALL_SLOTS; i++)
            if (slots[i].fd >= 0) slots[i].n_runs = SLOT_RECYCLE;
    }
    header_state = 2;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return unused;
}

// One program does not pay for it; from the second on it is worth its two seconds.
static void want_header(void) {
    pthread_t thread;
    const SlotPlan *plan = broker_plan(ROOT_COMPILER, NULL);
    pthread_mutex_lock(&lock);
    bool now = ++n_cpp == 2 && header_state == 0 && !ending && plan && plan->root->header[0];
    if (now) header_state = 1;
    pthread_mutex_unlock(&lock);
    if (!now) return;
    if (pthread_create(&thread, NULL, make_header, NULL) == 0)
        pthread_detach(thread);
    else
        header_state = 2;
}

static void compile_now(CageLang lang, CageRole role, const char *files, size_t files_bytes,
                        uint32_t n_files, uint32_t wall_ms, Entry *e, uint32_t *slots_made) {
    const SlotPlan *plan = broker_plan(ROOT_COMPILER, NULL);
    const char *pch = broker.bare ? "../../pch" : "/pch"; // from the program's folder
    char line[300], start[120] = "";
    if (plan && plan->start)
        snprintf(start, sizeof start,
                 "-Wl,-e,cage_start,--wrap=sysinfo,--wrap=__sysinfo %s/start.o", pch);
    Str named = {0};
    if (lang == CAGE_C)
        snprintf(line, sizeof line,
                 "gcc -std=gnu17 -O2 -static -o a.out main.c %s -lm 1>&2 && exec cat a.out", start);
    else
        snprintf(line, sizeof line,
                 "g++ -std=gnu++17 -O2 -static -I%s -o a.out main.cpp %s 1>&2 && exec cat a.out",
                 pch, start);
    name_files(lang, files, files_bytes, &named);
    int fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10u /* MFD_EXEC */);
    if (fd < 0 && errno == EINVAL) fd = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    run_compiler(role, line, named.data, named.size, n_files, wall_ms, fd, LARGEST, false, &e->end,
                 slots_made);
    str_free(&named);
    const CellTail *t = &e->end.tail;
    struct stat info = {0};
    bool ok = fd >= 0 && !e->end.fault && !e->end.over_out && !e->end.over_err && !e->end.oom &&
              t->ended_by == CELL_BY_NOBODY && t->status == 0 && fstat(fd, &info) == 0 &&
              info.st_size > 64 &&
              fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
    if (ok) {
        e->fd = fd;
        e->bytes = info.st_size;
    } else if (fd >= 0) {
        close(fd);
    }
}

static void copy_end(const SlotEnd *from, SlotEnd *to) {
    *to = *from;
    to->out = (Str){0};
    to->err = (Str){0};
    str_add(&to->err, from->err.data, from->err.size);
}

void compile_get(CageLang lang, CageRole role, const char *files, size_t files_bytes,
                 uint32_t n_files, uint32_t wall_ms, Compiled *out) {
    size_t size = files_bytes + 1;
    char *key = malloc(size);
    CHECK(key);
    key[0] = (char)((int)role * CAGE_N_LANGS + (int)lang);
    memcpy(key + 1, files, files_bytes);
    uint64_t hash = hash_of(key, size);
    *out = (Compiled){.exec_fd = -1};

    pthread_mutex_lock(&lock);
    bool found;
    Entry **place;
    while (!(place = find_place(key, size, hash, &found)) || (found && (*place)->busy))
        pthread_cond_wait(&changed, &lock);
    Entry *e = *place;
    if (found) {
        free(key);
        out->hit = 1;
    } else {
        if (e) {
            stored -= e->bytes;
            entry_free(e);
        }
        e = calloc(1, sizeof *e);
        CHECK(e);
        *e = (Entry){.key = key, .key_size = size, .hash = hash, .fd = -1, .busy = true};
        *place = e;
        pthread_mutex_unlock(&lock);
        if (lang == CAGE_CPP) want_header();
        compile_now(lang, role, files, files_bytes, n_files, wall_ms, e, &out->slots_made);
        pthread_mutex_lock(&lock);
        e->busy = false;
        stored += e->bytes;
        out->made = 1;
    }
    e->used = ++n_uses;
    if (e->fd >= 0)
        out->exec_fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
    else
        copy_end(&e->end, &out->end);
    // Ours, or another asker's limits: the next one tries again.
    const bool late = e->fd < 0 && e->end.tail.ended_by != CELL_BY_NOBODY;
    if (e->end.fault || late || (e->fd >= 0 && out->exec_fd < 0)) {
        for (int i = 0; i < ENTRIES; i++)
            if (entries[i] == e) entries[i] = NULL;
        stored -= e->bytes;
        if (e->fd >= 0 && out->exec_fd < 0) out->end.fault = true;
        entry_free(e);
    }
    make_room();
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void compile_release(Compiled *c) {
    if (c->exec_fd >= 0) close(c->exec_fd);
    slot_end_free(&c->end);
    *c = (Compiled){.exec_fd = -1};
}

void compile_end(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3;
    pthread_mutex_lock(&lock);
    ending = true;
    for (int i = 0; i < ALL_SLOTS && slots_ready; i++) {
        if (!slot_busy[i]) slot_stop(&slots[i]);
        if (slot_busy[i] && slots[i].pid > 0) kill(slots[i].pid, SIGKILL);
    }
    while (header_state == 1 && pthread_cond_timedwait(&changed, &lock, &until) == 0) {
    }
    pthread_mutex_unlock(&lock);
}
