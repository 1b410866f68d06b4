// pipelines/command/command_train.c -- `grpo zero`, `grpo rl`, `grpo sft`: runs in a folder.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/interrupt.h"
#include "pipelines/recipe.h"
#include "pipelines/run/stage.h"
#include "pipelines/timelimit.h"

static const Flag flags[] = {
    {"out", 'o', "RUN", "the run's folder; the same one resumes"},
    {"fresh", 0, NULL, "move an older run in this folder aside and begin anew"},
    {"override-config", 0, NULL, "resume although the config changed"},
    {"memory", 0, "BYTES", "the plan must fit this, e.g. 2G (default: what is free)"},
    {"time-limit", 0, "TIME",
     "run.max_time: stop with a checkpoint after 90s, 30m, 3.5h, ... (exit code 75)"},
    {"dry-run", 0, NULL, "print the memory plan and stop; exit code 3 if it cannot fit"},
    FLAG_ALLOW_MISSING,
};
enum { N_FLAGS = sizeof flags / sizeof flags[0] };

static int finish(Status st, const StageResult *result, bool dry_run, bool json, const char *out) {
    if (st != ST_OK) {
        int code = command_failed(st);
        if (result->nonfinite) return EXIT_NUMERIC;
        return result->gate_closed ? EXIT_FAILED : code;
    }
    if (dry_run) return EXIT_DONE;
    if (result->stopped) return EXIT_STOPPED;
    if (json) {
        Str line = {0};
        str_puts(&line, "{\"run\":");
        str_json(&line, out, strlen(out));
        str_puts(&line, ",\"model\":");
        str_json(&line, result->model, strlen(result->model));
        str_puts(&line, "}\n");
        fputs(line.data, stdout);
        str_free(&line);
    } else {
        printf("%s\n", result->model);
    }
    return EXIT_DONE;
}

static int run_stage(const Args *args, const char *recipe, StageFn *stage) {
    RunConfig rc;
    StageOpts opts = {.rc = &rc,
                      .args = args,
                      .command = args->command,
                      .out = args_text(args, "out", NULL),
                      .fresh = args_has(args, "fresh"),
                      .override_config = args_has(args, "override-config"),
                      .dry_run = args_has(args, "dry-run")};
    if (!opts.out && !opts.dry_run)
        return command_usage("%s: wants -o RUN, the folder to write to", args->command);
    if (args->n_words > 1)
        return command_usage("%s: one config at most; '%s' is one too many", args->command,
                             args->word[1]);
    Status st = args_bytes(args, "memory", &opts.memory_bytes);
    if (st == ST_OK) st = runconfig_open(&rc, recipe, args);
    if (st != ST_OK) return command_failed(st);
    st = timelimit_start(args_text(args, "time-limit", rc.run.max_time));
    if (st == ST_OK) st = stage_steps(&rc);
    if (st != ST_OK) {
        runconfig_close(&rc);
        return command_failed(st);
    }
    Str given = {0};
    config_given(rc.config, &given);
    log_debug("settings that are not the built-in ones:\n%s", str_text(&given));
    str_free(&given);
    Arena *arena = arena_new(1 << 16);
    StageResult result = {0};
    st = stage(&opts, &result, arena);
    int code = finish(st, &result, opts.dry_run, args_has(args, "json"), opts.out);
    arena_free(arena);
    runconfig_close(&rc);
    return code;
}

static int run_zero(const Args *args) {
    return run_stage(args, "zero-desk", stage_zero);
}

static Status rl_stage(const StageOpts *opts, StageResult *out, Arena *arena) {
    if (!opts->rc->model.path[0])
        return FAIL(ST_CONFIG, "rl: wants model.path=FOLDER, the model to start from");
    return stage_zero(opts, out, arena);
}

static int run_rl(const Args *args) {
    return run_stage(args, NULL, rl_stage);
}

static int run_sft(const Args *args) {
    return run_stage(args, NULL, stage_sft);
}

const Command command_zero = {
    .name = "zero",
    .summary = "R1-Zero: GRPO from a base model, with rewards by rule",
    .usage = "zero [CONFIG.json] [key=value ...] -o RUN",
    .about =
        "Without a config: the desk recipe, which makes its own base model first. Ctrl-C saves "
        "and stops\n(exit code 75); the same command goes on. The report is RUN/report.html.",
    .examples = "grpo zero -o runs/zero\n"
                "grpo zero run.seed=2 rl.steps=200 -o runs/seed2\n"
                "grpo zero my.json model.path=model/ -o runs/mine",
    .flag = flags,
    .n_flags = N_FLAGS,
    .config = true,
    .run = run_zero,
};

const Command command_rl = {
    .name = "rl",
    .summary = "GRPO from model.path with the given config alone",
    .usage = "rl [CONFIG.json] model.path=MODEL [key=value ...] -o RUN",
    .examples =
        "grpo rl model.path=model/ data.tasks=train.jsonl data.heldout=test.jsonl rl.lr=1e-5 "
        "-o runs/rl",
    .flag = flags,
    .n_flags = N_FLAGS,
    .config = true,
    .run = run_rl,
};

const Command command_sft = {
    .name = "sft",
    .summary = "next-token training on documents",
    .usage = "sft [CONFIG.json] [model.path=MODEL] [key=value ...] -o RUN",
    .about = "Without model.path a new model of section \"model\" is trained from scratch.",
    .examples =
        "grpo sft zero-desk -o runs/base\n"
        "grpo sft model.path=model/ data.corpus=answers.jsonl sft.mask=response sft.lr=1e-4 "
        "sft.steps=0 sft.epochs=2 -o runs/sft",
    .flag = flags,
    .n_flags = N_FLAGS,
    .config = true,
    .run = run_sft,
};
