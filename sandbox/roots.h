// sandbox/roots.h -- what the root of a slot holds, for each language.
//
// Explicit files and folders, found on this machine: an interpreter with its libraries and its
// standard library, a shell with small tools, a compiler. Never /etc, /root, /home, /proc or /sys.
#ifndef SANDBOX_ROOTS_H
#define SANDBOX_ROOTS_H

#include <stdbool.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum RootKind {
    ROOT_NATIVE,
    ROOT_TOOLS,
    ROOT_COMPILER,
    ROOT_PYTHON,
    ROOT_NODE,
    ROOT_KINDS
} RootKind;

typedef struct Root {
    Str lines;         // as needed_files.h has them
    bool there;        // the language can be run
    bool cpp;          // ROOT_COMPILER: g++ as well
    char program[256]; // interpreter or compiler
    char version[64];  // of it, or why there is none
    char header[256];  // ROOT_COMPILER: bits/stdc++.h, "" if not found
} Root;

// `python`: the interpreter asked for, or NULL. The caller owns out->lines.
void root_find(RootKind kind, const char *python, Root *out);

#ifdef __cplusplus
}
#endif
#endif
