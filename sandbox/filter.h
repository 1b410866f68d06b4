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

// Compiles with libseccomp, then packs. ST_UNSUPPORTED where libseccomp refuses.
MUST_USE Status filter_make(FilterKind kind, Filter *out);
MUST_USE Status filter_compile(FilterKind kind, Filter *out); // as libseccomp gives it

// The same answers from a shorter program, where one is found; else *f stays as it is.
void filter_pack(Filter *f);
// What the kernel would answer.
uint32_t filter_eval(const Filter *f, const struct seccomp_data *data);

#ifdef __cplusplus
}
#endif
#endif
