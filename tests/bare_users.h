// tests/bare_users.h -- a cage without namespaces as root has it, and as a plain user.
#pragma once
#include "tests/test.h"

#include "tests/bare.h"

enum { ROOT, PLAIN, N_USERS }; // a plain user's test knows the second only

static inline bool has(int user) {
    return user == PLAIN || geteuid() == 0;
}

static inline CageOpts opts_of(int user) {
    CageOpts opts = bare_opts();
    opts.drop_to_nobody = user == PLAIN && geteuid() == 0;
    return opts;
}

static inline CageRecord run_for(Cage *cage, CageLang lang, const char *source, const char *input,
                                 int wall_ms) {
    CageFile file = {NULL, source, strlen(source)};
    CageJob job = {.lang = lang,
                   .file = &file,
                   .n_files = 1,
                   .input = input,
                   .input_bytes = strlen(input),
                   .limits = {.cpu_ms = 20000, .wall_ms = wall_ms, .memory_bytes = 64 << 20}};
    CageRecord r;
    cage_run(cage, &job, &r);
    return r;
}

static inline CageRecord run(Cage *cage, CageLang lang, const char *source, const char *input) {
    return run_for(cage, lang, source, input, 60000);
}

static inline Cage *open_cage(const CageOpts *opts) {
    Cage *cage;
    if (cage_open(opts, &cage) == ST_OK) return cage;
    print_message("skipped: %s\n", status_text());
    return NULL;
}

#define OPEN_OR_SKIP(cage, opts)                                                                   \
    Cage *cage = open_cage(opts);                                                                  \
    if (!(cage)) skip()

#define C_HEAD                                                                                     \
    "#define _GNU_SOURCE\n#include <errno.h>\n#include <fcntl.h>\n#include <sched.h>\n"            \
    "#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"          \
    "#include <stddef.h>\n#include <sys/mman.h>\n#include <sys/prctl.h>\n"                         \
    "#include <sys/resource.h>\n#include <sys/socket.h>\n#include <sys/stat.h>\n"                  \
    "#include <sys/syscall.h>\n#include <sys/un.h>\n#include <sys/wait.h>\n#include <time.h>\n"    \
    "#include <unistd.h>\n"
