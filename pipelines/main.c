// pipelines/main.c -- the command line: finds the command, sets up signals and the log, runs it.
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/completion.h"
#include "pipelines/input.h"
#include "pipelines/interrupt.h"
#include "sandbox/cage.h"

// Twelve lines: what it is, three commands to copy, where to go on.
static const char welcome[] =
    "grpo trains reasoning models with GRPO: R1-Zero from a base model, in plain C.\n"
    "A question goes in, samples come out, a rule judges them, the weights move.\n"
    "\n"
    "Three commands to copy:\n"
    "\n"
    "  grpo doctor               what this machine can do\n"
    "  grpo zero -o runs/zero    R1-Zero on the built-in desk model: minutes on two cores\n"
    "  grpo report runs/zero     its curves and samples as one page, report.html\n"
    "\n"
    "The same command resumes a stopped run. 'grpo help' lists every command,\n"
    "'grpo help CMD' its flags, keys and examples, 'grpo config' every setting.\n"
    "Docs: README.md, and a short README.md in every folder of the source.\n";

static int help(int argc, char **argv) {
    Str out = {0};
    int code = EXIT_DONE;
    const Command *cmd = argc > 2 ? command_find(argv[2]) : NULL;
    if (argc > 2 && strcmp(argv[2], "--man") == 0) {
        completion_man(&out);
    } else if (argc > 2 && !cmd) {
        const char *near = command_nearest(argv[2]);
        code = command_usage("no command '%s'.%s%s%s 'grpo help' lists them", argv[2],
                             near ? " Did you mean '" : "", near ? near : "", near ? "'?" : "");
    } else if (cmd) {
        command_help(cmd, &out);
    } else {
        command_list(&out);
    }
    fputs(str_text(&out), stdout);
    str_free(&out);
    return code;
}

static Status open_log(const Args *args) {
    const char *when = args_text(args, "color", "auto");
    LogColor color = LOG_COLOR_AUTO;
    if (strcmp(when, "always") == 0)
        color = LOG_COLOR_ALWAYS;
    else if (strcmp(when, "never") == 0)
        color = LOG_COLOR_NEVER;
    else if (strcmp(when, "auto") != 0)
        return FAIL(ST_CONFIG, "--color %s: wants auto, always or never", when);
    LogLevel level = LOG_INFO;
    if (args_has(args, "quiet")) level = LOG_WARN;
    if (args_has(args, "verbose")) level = LOG_DEBUG;
    log_open(level, color);
    return ST_OK;
}

static Status allow_missing(const Args *args) {
    unsigned layers;
    const char *name = args_text(args, "sandbox-allow-missing", NULL);
    if (!name) return ST_OK;
    if (!*name) name = "(nothing)";
    if (cage_allow_find(name, &layers) != ST_OK)
        return FAIL(ST_CONFIG, "--sandbox-allow-missing: %s", status_text());
    cage_allow_missing(layers);
    return ST_OK;
}

static int run(int argc, char **argv) {
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc, argv);
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        puts(command_version());
        return EXIT_DONE;
    }
    const Command *cmd = command_find(name);
    if (!cmd) {
        const char *near = command_nearest(name);
        return command_usage("no command '%s'.%s%s%s 'grpo help' lists them", name,
                             near ? " Did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    static Args args;
    Status st = args_parse(&args, argc, argv, cmd->flag, cmd->n_flags, cmd->config || cmd->assigns);
    if (args_has(&args, "help")) {
        Str out = {0};
        command_help(cmd, &out);
        fputs(str_text(&out), stdout);
        str_free(&out);
        return EXIT_DONE;
    }
    if (st == ST_OK) st = open_log(&args);
    if (st == ST_OK) st = allow_missing(&args);
    Arena *arena = arena_new(0);
    const char *model; // where there is none, the command says so, after a look at its flags
    if (st == ST_OK && cmd->model && args.n_words > 0 &&
        input_model(args.word[0], &model, arena) == ST_OK)
        args.word[0] = model;
    int code = st == ST_OK ? cmd->run(&args) : command_failed(st);
    arena_free(arena);
    return code;
}

static bool reader_left(void) {
    struct pollfd pipe = {.fd = STDOUT_FILENO};
    struct stat info;
    return fstat(STDOUT_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)) &&
           poll(&pipe, 1, 0) == 1 && (pipe.revents & (POLLERR | POLLHUP));
}

int main(int argc, char **argv) {
    cage_main(argc, argv); // the sandbox's broker is this program again
    interrupt_install();
    if (argc < 2) {
        fputs(welcome, stdout);
        return EXIT_DONE;
    }
    int code = run(argc, argv);
    log_progress_end();
    // A result that did not reach its file (a full disk) is a failure. A reader that went away, as
    // in `grpo ... | head -1`, had what it wanted.
    if ((fflush(stdout) != 0 || ferror(stdout)) && !reader_left()) {
        log_error("stdout: the result could not be written");
        if (code == EXIT_DONE) code = EXIT_FAILED;
    }
    return code;
}
