// sandbox/needed_files.h -- the files that a program needs to start: itself, its loader, its
// libraries.
//
// Reads ELF files the way the loader would (DT_NEEDED, DT_RUNPATH with $ORIGIN, default folders),
// so that a slot's root holds those and nothing else.
#ifndef SANDBOX_NEEDED_FILES_H
#define SANDBOX_NEEDED_FILES_H

#include <stdbool.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// Appends one root line ("bind", source, place; each zero-terminated) to *root for `path` and for
// all that it loads, once each. `keep` lines already in *root are not repeated. False where `path`
// cannot be read; a library that is not found is passed over (the program will say so itself).
bool needed_files_add(const char *path, Str *root);

// Once all is added: takes the notes about files inside folders out again.
void needed_files_end(Str *root);

// One line as it is.
void needed_files_line(const char *what, const char *source, const char *place, Str *root);

#ifdef __cplusplus
}
#endif
#endif
