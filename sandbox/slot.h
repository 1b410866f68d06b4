// sandbox/slot.h -- the broker's end of a slot: starts a zygote, runs one program in it, ends it.
//
// A slot belongs to one thread at a time. It is discarded after any fault, and after RECYCLE
// programs, so that nothing can gather in it.
#ifndef SANDBOX_SLOT_H
#define SANDBOX_SLOT_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"
#include "sandbox/cell/cell.h"
#include "sandbox/cgroup.h"
#include "sandbox/filter.h"
#include "sandbox/roots.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SLOT_RECYCLE = 1000 };

// What all slots of a kind share; made once.
typedef struct SlotPlan {
    CellKind kind;
    const Filter *filter;
    const Root *root;
    unsigned layers;
    int landlock_abi;
    int fail_slot;
    int cell_fd;   // the slot's program, a sealed memory file
    int header_fd; // > 0: the precompiled header, likewise
    bool start;    // a compiler's, of a library whose start is known: cell/start.h
    bool bare;     // no namespaces: scratch.h
} SlotPlan;

typedef struct SlotWait SlotWait;

typedef struct Slot {
    int fd;     // control socket; -1: not started
    int pid_fd; // of the outer process
    int pid;
    uint32_t number; // of all slots of a broker, from 1
    int n_runs;
    unsigned uid;     // without namespaces: its program's, held until slot_stop; 0: none
    char folder[128]; // likewise; "": none
    Cgroup cgroup;
    SlotWait *wait; // a program that was started ahead and waits for its files; NULL: none
} Slot;

typedef struct SlotRun {
    CellRun run;         // limits and counts; magic, n_fds and sizes of descriptors are filled in
    const char *payload; // run.payload_bytes
    const void *input;
    size_t input_bytes;
    const char *late; // the files as they came, for a program that was started ahead; or NULL
    size_t late_bytes;
    int exec_fd; // or -1
    int64_t output_bytes;
    int out_fd;    // >= 0: stdout goes there instead of *out (output_bytes still bounds it)
    bool uncapped; // tests only: no limit on output
    int talk_read, talk_write; // ends for the program's 3 and 4, or -1; taken (closed)
    int end_fd;                // readable: end the program. Then SlotEnd.asked is set. Or -1
} SlotRun;

typedef struct SlotEnd {
    CellTail tail;
    bool fault; // ours: `why` says it, the slot is gone
    bool over_out, over_err, asked, oom;
    bool err_cut;
    Str out, err; // owned
    char why[160];
} SlotEnd;

// uid_base: the first of two outer ids that no other slot has, or 0. ST_UNSUPPORTED: a step of the
// set-up failed (named in the sentence); ST_IO: it does not start or answer.
// hash_seed: of Python, for all programs of the slot.
MUST_USE Status slot_start(const SlotPlan *plan, unsigned uid_base, uint32_t hash_seed, Slot *out);
void slot_stop(Slot *slot);

// Blocks until the program has ended or its time is over. Fills *end in any case.
void slot_run(Slot *slot, const SlotRun *in, SlotEnd *end);

// Starts a program that will wait for its files: the next slot_run with `late` files and the same
// limits is given to it, any other ends it. Nothing happens where it fails.
void slot_ahead(Slot *slot, const SlotRun *in);
void slot_end_free(SlotEnd *end);

#ifdef __cplusplus
}
#endif
#endif
