// verifiers/code/blocks.h -- which of several blocks of code is the program, and what it needs of
// the others.
//
// Layer 3 (verifiers). Views into a response, linear time, any bytes. A guess from words: names
// that are defined at column 0, names that are used, signs of reading and printing. The rule, best
// first; of equal ones the last, for a corrected version comes later:
//   functions   a block that defines what is called (the entry point, else a name that the tests
//               use); then any other
//   programs    that read standard input (C, C++: have a main), where the tests have an input; then
//               those that define, print or compute; then what only uses names of an earlier block
//               (an example of use); then asserts, imports and comments alone; then a transcript
//               (>>> or $)
// A block in the language's name comes before an unnamed one of the same kind. Where the chosen
// Python block uses names that only earlier blocks define or import, these blocks come before it,
// unless they read or print by themselves.
#ifndef VERIFIERS_CODE_BLOCKS_H
#define VERIFIERS_CODE_BLOCKS_H

#include <stdbool.h>

#include "base/str.h"
#include "sandbox/cage.h"
#include "verifiers/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BLOCKS_MAX = 64, BLOCK_PARTS = 8 }; // of more blocks the last ones count

typedef struct CodeBlock {
    Slice code;
    int indent;      // columns that its fence was indented by
    bool named;      // its fence names a language
    CageLang lang;   // that, else the one that the task asks for
    const char *tag; // view: the fence's own word, not terminated; NULL if none
} CodeBlock;

// What the task says about the program.
typedef struct BlockTask {
    const char *entry;       // what is called: f, Solution().f; NULL where nobody says it
    const char *const *test; // texts of the tests, where they are programs
    int n_tests;
    bool reads; // it has an input to read
} BlockTask;

// The index of the program; part[0 .. *n_parts) are the earlier blocks that it needs, in order.
int blocks_choose(const CodeBlock *block, int n, const BlockTask *task, int part[BLOCK_PARTS],
                  int *n_parts);

// Does a line of the text begin (column 0) with a definition of `name`? Python.
bool block_defines(Slice code, const char *name);

#ifdef __cplusplus
}
#endif
#endif
