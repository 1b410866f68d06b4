// sandbox/broker.h -- the process that keeps the slots: main, plans, lanes.
//
// Reads programs from callers and bytes from programs; opens no file that a program named.
#ifndef SANDBOX_BROKER_H
#define SANDBOX_BROKER_H

#include "sandbox/cage_wire.h"
#include "sandbox/slot.h"

#ifdef __cplusplus
extern "C" {
#endif

// The hidden subcommand. Does not return.
void broker_main(void) __attribute__((noreturn));

// What all of the broker's threads share; written before the first lane, plans under a lock.
typedef struct Broker {
    WireOpen opts;
    CageMachine machine;
    unsigned uid_base; // first outer id of slot 0; 0: none
    int cell_fd;
    bool bare; // no namespaces, and that is allowed
} Broker;

extern Broker broker;

// The plan of a kind of slot; finds its files and compiles its filter the first time. NULL where
// the machine has no such language; *why says it.
const SlotPlan *broker_plan(RootKind kind, const char **why);

// After the layers changed: filters are others.
void broker_forget_plans(void);

// Starts *slot if it is not, or has run long enough. *made counts. ST_UNSUPPORTED, ST_IO.
// hash_seed: of a Python that is started now.
MUST_USE Status broker_slot(RootKind kind, uint32_t hash_seed, Slot *slot, uint32_t *made);

// sandbox/probe.c: finds out what this machine can confine, by doing it; fills broker.machine.
void probe_machine(void);

// sandbox/lane.c: serves one caller's socket until it closes; closes it.
void lane_main(int socket);

// sandbox/compile.c: the executable of a C or C++ program, from the store or made now. On success
// *exec_fd is a memory file that stays open in the store (borrowed until the store ends, which is
// with the broker) and true comes back; else *end and *why say what the compiler did. wall_ms: of
// the compiler, where it is this call that has to start it; what it ended is not kept.
typedef struct Compiled {
    int exec_fd; // -1: did not compile
    SlotEnd end; // then: owned
    uint32_t hit, made, slots_made;
} Compiled;
void compile_get(CageLang lang, CageRole role, const char *files, size_t files_bytes,
                 uint32_t n_files, uint32_t wall_ms, Compiled *out);
void compile_release(Compiled *c);
void compile_end(void);   // stops the compilers' slots
int compile_header(void); // the precompiled header as a memory file, or -1 while there is none

// sandbox/outcome.c: from the end of a program to the words of a reply.
void outcome_fill(const WireAsk *ask, const SlotRun *run, SlotEnd *end, unsigned layers,
                  WireReply *reply);

#ifdef __cplusplus
}
#endif
#endif
