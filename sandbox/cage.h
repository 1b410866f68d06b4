// sandbox/cage.h -- runs an untrusted program so that nothing gets out but bytes and a record.
//
// Layer 2. Includes base only. The module's first file: theory, then the interface.
//
// Model-written programs are hostile programs: learning by reward searches for the hole. Five
// processes stand between us and one of them; each trusts the next one less.
//
//   caller    any thread of this program. Sends a job, gets a record; reads no file that the
//             program made, opens no path that it named.
//   broker    this executable again (posix_spawn, hidden subcommand, empty environment), before
//             it holds weights or keys. Knows which layers this machine has, compiles the seccomp
//             filters once, keeps slots warm, reads pipes into bounded buffers, starts again when
//             it dies. One thread a lane, so lanes do not wait for each other.
//   zygote    a slot: one warm process for one language inside its own user, pid, mount, net, ipc
//             and uts namespaces, on a read-only root that holds only what the language needs.
//             Python's is a warmed interpreter; the others are a static program of 1 MB. It runs
//             no untrusted code itself; for every program it makes fresh pid, mount, ipc and uts
//             namespaces with a private tmpfs.
//   pid 1     of those: trusted, does not allocate. Holds the absolute deadline, counts CPU time,
//             collects every orphan, kills what is left. When it ends the kernel kills the rest.
//   pid 2     the program: own session, pipes for 0 1 2, other descriptors closed, rlimits, another
//             uid where we are root, a user namespace of its own without a mapping, no
//             capabilities, no_new_privs, Landlock, and last the seccomp filter (allow-list,
//             compares masked to 32 bits). Only then its code.
//
// Nobody but pid 1 and pid 2 decides when a set-up step failed, and a failed step is never
// followed by the program: the record says sandbox_error. What a program can say is its bytes on
// two pipes and its exit; what it was expected to say never enters the cage. A verdict `ok` means
// "ran and exited with 0", not "right": judging is for verifiers/.
//
// Compilers run in a cage too; the executable leaves through a pipe, is kept by the hash of its
// source as a sealed memory file, and starts by descriptor on an empty root.
//
// Layers that a machine lacks are found by trying each; what may be missing is said at CageOpts.
//
// A cage is used by any number of threads at once: each call takes a lane of its own (a thread of
// the broker and its slots), made when first needed, so a thread may hold two talks at a time.
// A lane serves one role all its life: no program that judges, and no compiler of one, ever runs in
// a slot in which a candidate ran or will run.
#ifndef SANDBOX_CAGE_H
#define SANDBOX_CAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum CageLang {
    CAGE_PYTHON, // CPython 3, standard library only
    CAGE_C,      // gcc -std=gnu17 -O2, static
    CAGE_CPP,    // g++ -std=gnu++17 -O2, static; bits/stdc++.h is precompiled
    CAGE_SH,     // POSIX sh (dash) with the usual small tools
    CAGE_JS,     // node, where installed
    CAGE_N_LANGS
} CageLang;

const char *cage_lang_name(CageLang lang);            // "python", "c", "cpp", "sh", "js"
bool cage_lang_find(const char *name, CageLang *out); // also "py", "c++", "bash", "javascript"...

// First match wins, in this order. A zeroed record is our own fault, never a pass.
typedef enum CageVerdict {
    CAGE_SANDBOX_ERROR = 0,  // our fault: no verdict about the program; count it, never reward it
    CAGE_SECURITY_VIOLATION, // made a system call that no honest program makes (SIGSYS)
    CAGE_OUTPUT_LIMIT,       // wrote more than output_bytes to stdout or stderr
    CAGE_MEMORY_LIMIT,
    CAGE_TIME_LIMIT,    // CPU or wall
    CAGE_RUNTIME_ERROR, // signal, exit != 0, or (stage "compile") did not compile
    CAGE_OK,            // exit 0
    CAGE_N_VERDICTS
} CageVerdict;

const char *cage_verdict_name(CageVerdict verdict); // "ok", "time_limit", ...

// Zero in a field means its default.
typedef struct CageLimits {
    int cpu_ms;           // 4000; user + system of all its processes
    int wall_ms;          // 2 * cpu_ms + 2000; from start to verdict. A compiler has one and a
                          // half times as much (40 s at most), and its program what is left of
                          // twice as much. Where a busy host took a program's, that is started once
                          // more (not a talk, not a compiler)
    int64_t memory_bytes; // 512 MiB; address space of a process, and of all where cgroups are
    int64_t output_bytes; // 1 MiB for each of stdout and stderr; all of stdout is kept
    int64_t scratch_bytes; // 16 MiB in the working folder, a private tmpfs
    int processes;         // 4 (sh 32, js 32); processes and threads together
} CageLimits;

// Whose program is it?
typedef enum CageRole {
    CAGE_CANDIDATE, // untrusted
    CAGE_JUDGE,     // ours or the task's: it says what a candidate's answers are worth
    CAGE_N_ROLES
} CageRole;

typedef struct CageFile {
    const char *name; // no '/'; ignored for file[0]
    const void *data;
    size_t size;
} CageFile;

typedef struct CageJob {
    CageLang lang;
    CageRole role;
    const CageFile *file; // file[0] is the program; the others lie in its working folder
    int n_files;          // (for c and cpp beside the source at compile time instead)
    const void *input;    // stdin, a file of this size that is read once; NULL is empty
    size_t input_bytes;
    CageLimits limits;
    // Of Python's `random` and, as one of four, of its hashes (PYTHONHASHSEED): a program that
    // draws or goes through a set gives the same for the same seed. 0: hashes have no seed.
    uint64_t seed;
} CageJob;

typedef enum CageLayer { // bits of CageRecord.layers
    CAGE_USERNS = 1 << 0,
    CAGE_MNTNS = 1 << 1, // with the read-only root and the private tmpfs
    CAGE_PIDNS = 1 << 2,
    CAGE_IPCNS = 1 << 3,
    CAGE_UTSNS = 1 << 4,
    CAGE_NETNS = 1 << 5,
    CAGE_UID = 1 << 6,   // a uid that owns nothing outside
    CAGE_RUNNS = 1 << 7, // a user namespace for each program
    CAGE_CAPS = 1 << 8,  // capabilities dropped and locked
    CAGE_NNP = 1 << 9,   // no_new_privs
    CAGE_RLIMITS = 1 << 10,
    CAGE_CGROUP = 1 << 11, // memory and processes of a slot together
    CAGE_LANDLOCK = 1 << 12,
    CAGE_SECCOMP = 1 << 13,
    CAGE_CLOCK = 1 << 14,
    CAGE_OUTPUT = 1 << 15,
    CAGE_ALL_LAYERS = (1 << 16) - 1,
    // What replaces namespaces where they are missing and may be.
    CAGE_SCOPE = 1 << 16,  // Landlock: no signal and no abstract socket leaves the program
    CAGE_OWNPID = 1 << 17, // the filter: signals and questions about its own process only
    CAGE_REAP = 1 << 18,   // what it left behind is found, killed and collected
    CAGE_WIPE = 1 << 19,   // its folder is bounded, and emptied after it
    CAGE_BARE_LAYERS = CAGE_SCOPE | CAGE_OWNPID | CAGE_REAP | CAGE_WIPE,
    CAGE_NAMESPACES =
        CAGE_USERNS | CAGE_MNTNS | CAGE_PIDNS | CAGE_IPCNS | CAGE_UTSNS | CAGE_NETNS | CAGE_RUNNS
} CageLayer;

enum { CAGE_N_LAYERS = 20 };
const char *cage_layer_name(int bit_index); // "userns", "mntns", ..., for 0 <= i < CAGE_N_LAYERS

typedef struct CageRecord {
    CageVerdict verdict;
    const char *stage; // "run", "compile" or "setup"; a literal
    int exit;          // status, or -1 when a signal ended it
    int signal;        // 0: none
    double cpu_ms, wall_ms;
    int64_t peak_kb; // largest resident set of one of its processes
    unsigned layers; // CageLayer bits that held this program
    uint32_t slot;   // the number of the slot that it ran in, from 1, never used again; 0: none
    bool truncated;  // bytes of stdout or stderr are missing below
    Str out, err;    // bytes as written; of stderr the first 64 KiB. Owned
    char why[160];   // a sentence, for sandbox_error and the limits; "" otherwise
} CageRecord;

void cage_record_free(CageRecord *record); // gives out and err back, zeroes the rest

// What may be absent: a net namespace (the filter refuses every socket), Landlock (the root is
// read-only and holds nothing), cgroups (address space times processes is bounded), a uid of its
// own and a second user namespace (a plain user has neither), and for root the user namespace (then
// the uid is really switched). Without any other layer a cage does not open. One opt-out has a
// name: "ns", for all namespaces. seccomp, no_new_privs, limits, clock and output have none.
//
// With "ns", where there are no namespaces (where there are, they are used), a program is held so:
//   files      Landlock: read and run what the language needs, write /dev/null and its own folder.
//              That names exist elsewhere, their size and times can still be asked by name, and the
//              target of a symbolic link. A plain user's program changes no mode and no time.
//   processes  a Landlock domain of its own, inside one of its slot: its signals stay within, by
//              the kernel and again by a filter made for its number. Trusted pid 1 is outside,
//              so kill(-1) of its own ends just that domain, whatever forked twice or left the
//              session, and as subreaper it collects them. Where the broker is killed, pid 1 and
//              the slot's outer process see it, end all the same way and empty the folder.
//   folder     fresh and private, emptied by pid 1 after each program. A file is bounded by its
//              limit, the sum is counted every 50 ms and at the end (runtime_error when over); what
//              is deleted and still open is bounded by file size times descriptors only.
//   the rest   no sockets, no System V or POSIX objects, no keys, no watchers, by the filter.
// It needs Landlock ABI 6 (Linux 6.12). As root every slot has a uid of its own, which no other
// broker of this machine has at that time: one program a uid. A plain user's programs share the
// user's uid and the count of the user's processes: one call at a time runs, over all cages of the
// user that see the same /dev/shm (calls of other threads and processes wait); only a thread that
// holds a talk may run another program beside it, and then it is the domains that keep them apart.
typedef struct CageOpts {
    const char *python;     // interpreter; NULL: /usr/bin/python3, then /usr/local/bin/python3
    unsigned allow_missing; // CAGE_NAMESPACES or 0; see also cage_allow_missing

    // For tests of the cage itself; no command sets them.
    unsigned without;    // CageLayer bits switched off: the attack suite must then see escapes.
                         // All of CAGE_NAMESPACES: as on a machine that has none
    int fail_slot;       // > 0: the n-th set-up call of every slot fails
    int fail_run;        // > 0: the n-th set-up call of every program fails
    bool drop_to_nobody; // as root: the broker runs as uid 65534
    bool say_busy;       // the host counts as busy, and every program as put off
} CageOpts;

typedef struct Cage Cage;

// What every cage of this process may miss, beside its own options; before the first is opened.
void cage_allow_missing(unsigned layers);
// "ns", or "" for nothing. ST_CONFIG names what is allowed.
MUST_USE Status cage_allow_find(const char *name, unsigned *layers);

// Call first thing in main of every program that opens a cage: where argv asks for the hidden
// subcommand this is the broker's main and does not return. Without it cage_open fails.
void cage_main(int argc, char **argv);

// Starts the broker and probes this machine. NULL opts are all zero. Fails with ST_UNSUPPORTED
// where a layer is missing that may not be, the sentence says which and the fix; ST_IO where the
// broker does not start. The caller owns *out.
MUST_USE Status cage_open(const CageOpts *opts, Cage **out);
void cage_close(
    Cage *cage); // ends the broker and all slots; no call may be in progress. NULL is fine

// Runs one program to its end. Always fills *record (release it with cage_record_free); a fault of
// ours is its verdict, with the reason in `why`. Blocks; any number of threads. c and cpp compile
// first, once for the same source however many runs.
void cage_run(Cage *cage, const CageJob *job, CageRecord *record);

// A conversation. The program finds two more pipes: descriptor 3 to read, 4 to write; a message on
// either is a 32-bit little-endian length and that many bytes. stdin is job->input. Nothing that
// comes back is more than bytes. Not for c, cpp (their descriptors end at 2).
typedef struct CageTalk CageTalk;

// ST_IO: no slot could be made (the sentence says why) and *out is NULL. A program whose set-up
// fails later shows as a failed send or recv, and as sandbox_error in the record.
MUST_USE Status cage_talk_begin(Cage *cage, const CageJob *job, CageTalk **out);
// One message to the program; waits at most wall_ms. ST_IO: it does not read, has ended, or time is
// up. A talk that failed once stays failed.
MUST_USE Status cage_talk_send(CageTalk *talk, const void *data, size_t size, int wall_ms);
// One message from it, appended to *out. ST_FORMAT: longer than max_bytes; ST_IO as above.
MUST_USE Status cage_talk_recv(CageTalk *talk, size_t max_bytes, int wall_ms, Str *out);
// Closes both pipes, gives the program up to wall_ms to end by itself, kills what is left, fills
// *record and frees the talk. wall_ms 0: kill at once (its signal is then 9, its verdict
// runtime_error unless a limit was hit).
void cage_talk_end(CageTalk *talk, int wall_ms, CageRecord *record);

// What the machine can confine, for doctor, --self-test and a line of every run's metrics.
typedef struct CageMachine {
    unsigned layers;                  // what programs will be held by
    char missing[CAGE_N_LAYERS][400]; // for a layer that is absent: why, and the fix; else ""
    char refused[900];                // why a cage does not open here; "" when it does
    char cgroup[8];                   // "v2", "v1", "none"
    int landlock_abi;                 // 0: none
    bool lang[CAGE_N_LANGS];          // can it run them?
    char version[CAGE_N_LANGS][64];   // of interpreter or compiler, or why not
} CageMachine;

const CageMachine *cage_machine(const Cage *cage);
// The same without opening: never fails for a missing layer, `refused` says it. ST_IO.
MUST_USE Status cage_probe(const CageOpts *opts, CageMachine *out);

// Since cage_open, over all threads.
typedef struct CageCounts {
    int64_t runs, verdict[CAGE_N_VERDICTS];
    int64_t role[CAGE_N_ROLES]; // of runs
    int64_t compiles, compile_hits, broker_restarts, slots_made;
    int64_t second_tries; // wall time was over, but a busy host had taken it
} CageCounts;
void cage_counts(Cage *cage, CageCounts *out);

#ifdef __cplusplus
}
#endif
#endif
