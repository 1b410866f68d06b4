// pipelines/command.h -- one row for each word that may follow `grpo`.
//
// Layer 5. A command is a constant row: its name, its help, its flags and the function that runs
// it. The rows are in command.c; a command that is not built has no row. Every function returns
// the exit code of the process; failures that came as a Status are turned into one by
// command_failed.
#ifndef PIPELINES_COMMAND_H
#define PIPELINES_COMMAND_H

#include "base/status.h"
#include "base/str.h"
#include "pipelines/args.h"

#ifdef __cplusplus
extern "C" {
#endif

// The contract with scripts: README, "Exit codes".
typedef enum ExitCode {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,    // failed while running
    EXIT_USAGE = 2,     // usage or config
    EXIT_NO_FIT = 3,    // the plan says that it cannot fit
    EXIT_BAD_DATA = 4,  // bad data or model file
    EXIT_NUMERIC = 5,   // numerical failure
    EXIT_STOPPED = 75,  // stopped on request with a checkpoint; the same command resumes
    EXIT_ABORTED = 130, // second Ctrl-C
} ExitCode;

typedef struct Command {
    const char *name;
    const char *summary;  // one line
    const char *usage;    // "zero [CONFIG.json] [key=value ...] -o RUN"
    const char *about;    // a paragraph, may be NULL
    const char *examples; // lines to copy, without the leading "  "
    const Flag *flag;
    int n_flags;
    const char *words; // that may be first, for completion: "show check"; NULL: files
    bool model;        // the first word names a model (pipelines/input.h)
    bool config;       // key=value and CONFIG.json are read; --help lists the keys
    bool assigns;      // key=value are assignments of the command's own
    int (*run)(const Args *args);
} Command;

// Of commands that may run programs in the sandbox; main.c reads it.
#define FLAG_ALLOW_MISSING                                                                         \
    {                                                                                              \
        "sandbox-allow-missing", 0, "ns",                                                          \
            "ns: run programs where there are no namespaces too, held by Landlock and a filter"    \
    }

extern const Command command_run, command_r1, command_zero, command_sft, command_rl, command_reject,
    command_distill, command_eval, command_generate, command_chat, command_score, command_tokenize,
    command_verify, command_sandbox, command_report, command_data, command_convert, command_model,
    command_config, command_doctor, command_bench, command_completion;

int command_count(void);
const Command *command_at(int i); // in the order of `grpo help`

const Command *command_find(const char *name);   // NULL if there is none
const char *command_nearest(const char *name);   // "did you mean", NULL if nothing is near
void command_list(Str *out);                     // the table of `grpo help`
void command_help(const Command *cmd, Str *out); // what `grpo help CMD` prints

// Says the sentence on stderr and gives the exit code that belongs to the kind of failure.
int command_failed(Status st);
// The same for a sentence made here: prints "error: ..." and returns EXIT_USAGE.
int command_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);

// "0.1.0 (git 1a2b3c4, gcc 12.2.0, cuda 0)" and so on.
const char *command_version(void);
const char *command_git(void);

#ifdef __cplusplus
}
#endif
#endif
