// pipelines/args.h -- the words after `grpo CMD`, sorted into flags, assignments and the rest.
//
// Layer 5. Long options as in GNU getopt (--name VALUE, --name=VALUE, --), one-letter ones where a
// flag has a letter. Unknown flags are errors with the nearest known name. Everything borrowed from
// argv.
#ifndef PIPELINES_ARGS_H
#define PIPELINES_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/status.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Flag {
    const char *name;  // "out"
    char letter;       // 'o', or 0
    const char *value; // what stands for the value in help ("FILE"); NULL: a switch
    const char *help;
} Flag;

enum { ARGS_MAX = 256 };

typedef struct Args {
    const char *command;
    bool assignments;           // it takes a config: words key=value are assignments
    const char *word[ARGS_MAX]; // positional, in order
    int n_words;
    const char *assignment[ARGS_MAX]; // "rl.lr=1e-4"
    int n_assignments;
    const Flag *given[ARGS_MAX];
    const char *value[ARGS_MAX];
    int n_given;
    int argc; // the whole command line, for run.json
    char **argv;
} Args;

// The flags that every command takes: --help, --json, --quiet, --verbose, --color.
extern const Flag args_common[];
extern const int args_n_common;

// Sorts argv[2..]. With `assignments` a word like section.key=value is an assignment. ST_CONFIG.
MUST_USE Status args_parse(Args *args, int argc, char **argv, const Flag *flag, int n_flags,
                           bool assignments);

bool args_has(const Args *args, const char *name);
const char *args_text(const Args *args, const char *name,
                      const char *fallback); // the last one wins
// All values of a flag that may be given several times, in the arena.
ConfigTexts args_texts(const Args *args, const char *name, Arena *arena);
// A whole number / a number in [low, high]. ST_CONFIG names the flag and the range.
MUST_USE Status args_int(const Args *args, const char *name, int64_t low, int64_t high,
                         int64_t *out); // *out keeps its value when the flag is absent
MUST_USE Status args_num(const Args *args, const char *name, double low, double high, double *out);
// Adds the command line as a shell would take it. `again`: as the command that goes on with this
// run, from the program's own name and without --fresh. NULL gives nothing.
void args_line(const Args *args, bool again, Str *out);
// "512M", "2G", "1.5GiB" or plain bytes.
MUST_USE Status args_bytes(const Args *args, const char *name, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif
