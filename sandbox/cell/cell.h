// sandbox/cell/cell.h -- what the broker says to a slot, and the parts of the slot's program.
//
// The files of this folder make two small programs that include no other file of the project and
// are built without sanitizers: a static executable (the slot of compiled programs, tools and
// node), and a shared object that the same executable loads into a stock Python. Both are embedded
// in grpo and never lie on the disk. Broker and slot come from one build, so the structs below
// travel as they lie in memory.
//
// Order inside a slot:  cell.c (namespaces, then root.c)  ->  serve.c (a program at a time)
//                       ->  init.c (its pid 1)  ->  confine.c (its pid 2)
#ifndef SANDBOX_CELL_CELL_H
#define SANDBOX_CELL_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    CELL_MAGIC = 0x6c6c6563,
    CELL_CONTROL = 3,  // the socket to the broker
    CELL_HEADER = 4,   // in a compiler's slot: the precompiled header, a memory file
    CELL_FIRST = 10,   // received descriptors are at least this
    CELL_EXEC = 200,   // the compiled program; above every program's limit on descriptors
    CELL_STATUS = 201, // pid 2 tells pid 1 how its set-up went
    CELL_RULES = 202,  // Landlock rules
    CELL_NOTES = 204,  // a memory file: CellSlot and the filter, for the Python half
    CELL_NOFILE = 64,
    CELL_FDS = 5,
    CELL_PAYLOAD = 64 << 20,   // largest program with its files, bytes
    CELL_FILTER = 4096,        // instructions
    CELL_OWN_PID = 0x7e6f776e, // in a filter: the program's own number, once it has one
    CELL_BYE = 3,              // status of a slot that was told to end
    CELL_SPARE = 40, // processes that a plain user may start elsewhere while his program runs
};

typedef enum CellKind { CELL_NATIVE, CELL_TOOLS, CELL_PYTHON, CELL_NODE } CellKind;

// Once, as the first message. Then filter_len * 8 bytes of filter, then root_bytes of root: lines
// of three zero-terminated texts each: what ("bind", "dev", "dir", "link"), source, place.
typedef struct CellSlot {
    uint32_t magic, kind;
    uint32_t layers;    // CageLayer bits to use
    uint32_t uid_base;  // > 0: inner ids 0 and 1 are these two outer ids; 0: inner 0 is our own
    uint32_t landlock;  // ABI
    uint32_t fail_slot; // the n-th set-up call fails
    uint32_t filter_len, root_bytes;
    uint32_t header;    // CELL_HEADER is there: lies in the root as /pch/bits/stdc++.h.gch
    uint32_t start;     // write /pch/start.o (start.h)
    uint32_t hash_seed; // of Python: PYTHONHASHSEED
    uint32_t bare;      // no namespaces: all that the slot needs lies in `folder`, which it makes
    char folder[128];
    char python[256];
} CellSlot;

// The slot's answer to it. step is 0 and err is 0: ready.
typedef struct CellReady {
    uint32_t magic;
    int32_t err; // errno
    char step[64];
    char version[64];
} CellReady;

// A program: the byte 'R' that carries the descriptors (0 1 2 of the program, then 3 and 4 of a
// talk, or the executable), then this, then payload_bytes: n_args times {u32 size, bytes, 0},
// n_files times {u32 name size, u32 size, name, 0, bytes, 0}. The byte 'K' alone ends the program
// that runs; 'G' alone starts the time of one that waits; 'Q' alone ends an idle slot.
typedef struct CellRun {
    uint32_t magic;
    uint32_t n_fds, has_exec, n_args, n_files, payload_bytes;
    uint32_t cpu_ms, wall_ms, processes, fail_run;
    uint32_t waits; // started ahead: its files come through descriptor 3 later
    uint64_t memory_bytes, scratch_bytes, file_bytes, seed;
} CellRun;

enum { CELL_BY_NOBODY, CELL_BY_WALL, CELL_BY_CPU, CELL_BY_BROKER, CELL_BY_FOLDER }; // who ended it

// Its end. setup_err != 0: the program never ran.
typedef struct CellTail {
    uint32_t magic;
    int32_t setup_err;
    char step[64];
    int32_t status; // as wait(2) gives it
    uint32_t ended_by, n_children;
    uint64_t put_off; // times that it had to leave a core to others
    uint64_t cpu_us, wall_us, peak_kb;
} CellTail;

// ---- inside the slot ---------------------------------------------------------------------------

typedef struct Cell {
    CellSlot slot;
    const uint64_t *filter; // struct sock_filter[filter_len]
    CellRun run;
    char *payload;
    size_t payload_cap;
    int fd[CELL_FDS];
    unsigned n_steps, fail_at; // set-up calls made in this phase; the one that fails
    const char *step;          // the last one begun
    bool scoped;               // this process is in a Landlock domain that holds signals
    pid_t broker;              // without namespaces: who started the slot
    int folder;                // without namespaces: the folder that holds the program's
    long tasks;                // the same, of a plain user: all that he runs
} Cell;

// Set-up calls go through DO, which names them and lets a test make any one of them fail.
int cell_step(Cell *c, const char *name);
#define DO(c, name, call) (cell_step((c), (name)) ? -1L : (long)(call))

int cell_read(int fd, void *data, size_t size); // 0, or -1 at the end or an error
int cell_write(int fd, const void *data, size_t size);
int cell_ready(const Cell *c, int err, const char *version);

// New root, then pivot; 0 or -1 with errno. header: a file that is copied into it, or -1.
int root_build(Cell *c, const char *root, int header);
int root_seal(Cell *c, const char *root); // read-only, Landlock rules
int root_header(Cell *c, const char *at, int header);

// Serves programs until the broker goes. Returns 1 in the process of a Python program, 0 at the
// end.
int serve_loop(Cell *c);
int cell_serve(void); // the Python half's entry: reads CELL_NOTES, seals the root, serves
const char *cell_source(uint32_t *size); // of the program, in its own process
uint64_t cell_seed(void);
int init_run(Cell *c); // pid 1 of a program; returns 1 in pid 2 of a Python program
int confine(Cell *c);  // pid 2; returns 0 when every layer is on, -1 with errno

// Without namespaces (domain.c). A domain of Landlock holds the signals of this process and of all
// that it will start, and gathers what loses its parent; 0 or -1 with errno.
int domain_enter(Cell *c);
// Kills all in the domain but this process, and collects them; *status is that of `pid`. Where a
// test has the domain switched off, `pid` and its group only. Gives how many others there were.
unsigned domain_end(const Cell *c, pid_t pid, int *status);
// How many processes and threads the kernel counts for this user, this one too: found by trying a
// limit, for /proc shows those of one pid namespace; five times a second. -1 with errno.
long domain_tasks(void);
// Of the slot, before its programs: its folders; after all: gone. told: by the broker, who lives.
int bare_make(Cell *c);
void bare_leave(Cell *c, bool told);
void cell_path(const Cell *c, const char *path, char *out, size_t size); // inside the slot's root

// Argument or file number i of the payload. NULL when there is no such.
const char *payload_arg(const Cell *c, unsigned i);
const char *payload_file(const Cell *c, unsigned i, const char **name, uint32_t *size);

#ifdef __cplusplus
}
#endif
#endif
