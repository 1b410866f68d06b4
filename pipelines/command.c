// pipelines/command.c -- the table of commands, and what help says about them.
#include "pipelines/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pipelines/runconfig.h"

// clang-format off
static const Command *const commands[] = {
    &command_zero, &command_sft, &command_rl, &command_r1, &command_run, &command_reject, &command_distill,
    &command_eval, &command_generate, &command_chat, &command_score, &command_tokenize, &command_verify,
    &command_sandbox,
    &command_report, &command_data, &command_convert, &command_model,
    &command_config, &command_doctor, &command_bench, &command_completion,
};
// clang-format on
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

int command_count(void) {
    return N_COMMANDS;
}

const Command *command_at(int i) {
    return commands[i];
}

const Command *command_find(const char *name) {
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

const char *command_nearest(const char *name) {
    const char *best = NULL;
    int best_distance = 3;
    for (int i = 0; i < N_COMMANDS; i++) {
        int d = str_distance(name, commands[i]->name);
        if (d < best_distance) best_distance = d, best = commands[i]->name;
    }
    return best;
}

void command_list(Str *out) {
    str_puts(out, "usage: grpo CMD [CONFIG.json] [key=value ...] [--flags]\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        str_printf(out, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
    str_puts(out, "\n'grpo help CMD' shows a command's flags, keys and examples.\n"
                  "Exit codes: 0 done, 1 failed, 2 usage or config, 3 does not fit, 4 bad data or "
                  "model,\n5 numerical failure, 75 stopped with a checkpoint (the same command "
                  "resumes).\n");
}

static void help_flags(Str *out, const Flag *flag, int n) {
    for (int i = 0; i < n; i++) {
        char left[64];
        int used = flag[i].letter ? snprintf(left, sizeof left, "-%c, ", flag[i].letter)
                                  : snprintf(left, sizeof left, "    ");
        snprintf(left + used, sizeof left - (size_t)used, "--%s%s%s", flag[i].name,
                 flag[i].value ? " " : "", flag[i].value ? flag[i].value : "");
        str_printf(out, "  %-26s %s\n", left, flag[i].help);
    }
}

static void help_lines(Str *out, const char *text) {
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        str_puts(out, "  ");
        str_add(out, line, n);
        str_putc(out, '\n');
        line += n + (line[n] == '\n');
    }
}

void command_help(const Command *cmd, Str *out) {
    str_printf(out, "grpo %s -- %s\n\nusage: grpo %s\n", cmd->name, cmd->summary, cmd->usage);
    if (cmd->about) str_printf(out, "\n%s\n", cmd->about);
    str_puts(out, "\nexamples:\n");
    help_lines(out, cmd->examples);
    str_puts(out, "\nflags:\n");
    help_flags(out, cmd->flag, cmd->n_flags);
    help_flags(out, args_common, args_n_common);
    if (cmd->config) {
        str_puts(out, "\nkeys (CONFIG.json, GRPO_SECTION_KEY or section.key=value):\n");
        runconfig_help(out);
    }
}

int command_failed(Status st) {
    log_progress_end();
    log_error("%s", status_text());
    switch (st) {
    case ST_OK: return EXIT_DONE;
    case ST_CONFIG:
    case ST_UNSUPPORTED: return EXIT_USAGE;
    case ST_NOMEM: return EXIT_NO_FIT;
    case ST_FORMAT: return EXIT_BAD_DATA;
    case ST_IO:
    case ST_CUDA:
    case ST_COMM: break;
    }
    return EXIT_FAILED;
}

int command_usage(const char *fmt, ...) {
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    log_error("%s", text);
    return EXIT_USAGE;
}

#ifndef GRPO_GIT
#define GRPO_GIT "unknown"
#endif

const char *command_git(void) {
    return GRPO_GIT;
}

const char *command_version(void) {
    return "grpo 0.1.0 (git " GRPO_GIT ", "
#if defined __clang__
           "clang " __clang_version__
#else
           "gcc " __VERSION__
#endif
           ", cuda "
#if HAVE_CUDA
           "yes"
#else
           "no"
#endif
           ", mpi no"
#if defined __SANITIZE_ADDRESS__
           ", asan"
#elif defined __SANITIZE_THREAD__
           ", tsan"
#endif
           ")";
}
