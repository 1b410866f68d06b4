// tests/code_cage.h -- a cage for the code judge, as group setup and teardown.
#ifndef TESTS_CODE_CAGE_H
#define TESTS_CODE_CAGE_H

#include "tests/test.h"
#include "verifiers/code/code.h"

static inline int open_cage(void **state) {
    (void)state;
    Status st = code_ready();
    if (st != ST_OK) print_message("no cage here: %s\n", status_text());
    return st == ST_OK ? 0 : -1;
}

static inline int close_cage(void **state) {
    (void)state;
    code_close();
    return 0;
}

#endif
