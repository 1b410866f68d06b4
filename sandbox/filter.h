// sandbox/filter.h -- which system calls a program may make, as a seccomp filter.
//
// An allow-list for each kind of program; what is not in it fails with EPERM, what no honest
// program does ends it with SIGSYS. Arguments are compared under a 32-bit mask: the kernel reads
// 32 bits of them, so a compare of 64 is passed by setting the rest (CVE-2019-10063). Foreign
// architectures and x32 are killed.
#ifndef SANDBOX_FILTER_H
#define SANDBOX_FILTER_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum FilterKind {
    FILTER_NATIVE, // one executable by descriptor, no executable memory of its own making
    FILTER_TOOLS,  // a shell, small tools, compilers: may exec what the root holds
    FILTER_PYTHON, // no exec; shared objects may be mapped
    FILTER_NODE,   // a compiler at run time: executable memory, threads
    FILTER_KINDS
} FilterKind;

typedef struct Filter {
    uint64_t insn[4096]; // struct sock_filter each
    int n;
} Filter;

// For a program that no namespace holds; bits.
typedef enum FilterRule {
    // Calls that take the number of a process take the program's own (CELL_OWN_PID of cell.h stands
    // for it until the program is there), or 0 where that means itself.
    FILTER_OWN_PID = 1,
    FILTER_BARE = 2,  // no name of the host (but to node), no clocks of other processes
    FILTER_MODES = 4, // the program's uid owns files elsewhere: no modes, times do not change
} FilterRule;

// Compiles with libseccomp, then packs. ST_UNSUPPORTED where libseccomp refuses.
MUST_USE Status filter_make(FilterKind kind, unsigned rules, Filter *out);
MUST_USE Status filter_compile(FilterKind kind, unsigned rules, Filter *out); // unpacked

// The same answers from a shorter program, where one is found; else *f stays as it is.
void filter_pack(Filter *f);
// What the kernel would answer.
uint32_t filter_eval(const Filter *f, const struct seccomp_data *data);

#ifdef __cplusplus
}
#endif
#endif
