// pipelines/command/command_run.c -- `grpo run`: the stages of a recipe, one after the other.
#include <stdio.h>
#include <string.h>

#include "pipelines/command.h"
#include "pipelines/pipeline/pipeline.h"
#include "pipelines/timelimit.h"

static const Flag flags[] = {
    {"out", 'o', "RUN", "the folder: RUN/STAGE for each stage, RUN/artefacts.json for all"},
    {"from", 0, "STAGE", "begin with this stage; what it reads was made before"},
    {"to", 0, "STAGE", "end with this stage"},
    {"memory", 0, "BYTES",
     "the plan of every stage must fit this, e.g. 2G (default: what is free)"},
    {"time-limit", 0, "TIME", "stop with a checkpoint after 90s, 30m, 3.5h, ... (exit code 75)"},
    {"dry-run", 0, NULL, "print the plan of all stages and stop; exit code 3 if one cannot fit"},
};

static int run_recipe(const Args *args, const char *recipe) {
    PipelineOpts o = {.args = args,
                      .recipe = recipe,
                      .run = args_text(args, "out", NULL),
                      .from = args_text(args, "from", NULL),
                      .to = args_text(args, "to", NULL),
                      .dry_run = args_has(args, "dry-run")};
    if (!o.run && !o.dry_run)
        return command_usage("%s: wants -o RUN, the folder to write to", args->command);
    StageResult result = {0};
    Arena *arena = arena_new(1 << 16);
    Status st = args_bytes(args, "memory", &o.memory_bytes);
    if (st == ST_OK) st = timelimit_start(args_text(args, "time-limit", ""));
    if (st == ST_OK) st = pipeline_run(&o, &result, arena);
    int code = EXIT_DONE;
    if (st != ST_OK) {
        code = command_failed(st);
        if (result.nonfinite) code = EXIT_NUMERIC;
        if (result.gate_closed) code = EXIT_FAILED;
    } else if (result.stopped) {
        code = EXIT_STOPPED;
    } else if (!o.dry_run) {
        printf("%s\n", result.model);
    }
    arena_free(arena);
    return code;
}

static int run(const Args *args) {
    if (args->n_words != 1)
        return command_usage("run: wants one RECIPE.json, or the name of a recipe in the program");
    return run_recipe(args, args->word[0]);
}

static int run_r1(const Args *args) {
    if (args->n_words > 1) return command_usage("r1: one recipe at most");
    return run_recipe(args, args->n_words > 0 ? args->word[0] : "r1");
}

const Command command_r1 = {
    .name = "r1",
    .summary = "the four stages of R1: cold start, reasoning RL, kept samples and SFT, final RL",
    .usage = "r1 [RECIPE.json] [STAGE.section.key=value ...] -o RUN [--from S] [--to S]",
    .about =
        "Without a recipe: the one in the program at desk scale ('grpo config show --recipe r1'), "
        "which\nmakes its own base model first. docs/RECIPES.md says what a recipe is.",
    .examples = "grpo r1 -o runs/r1\n"
                "grpo r1 final.rl.steps=120 --from final -o runs/r1",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .assigns = true,
    .run = run_r1,
};

const Command command_run = {
    .name = "run",
    .summary = "the stages of a recipe, one after the other",
    .usage = "run RECIPE.json [STAGE.section.key=value ...] -o RUN [--from S] [--to S]",
    .about = "A recipe is a JSON list of stages (sft, rl, eval, reject): docs/RECIPES.md. All of "
             "them are "
             "checked and\nplanned before the first one starts. A stage that is done is run again "
             "only where its settings\nor the content of its inputs changed. 'grpo config show "
             "--recipe zero' shows one.",
    .examples = "grpo run recipe.json --dry-run\n"
                "grpo run recipe.json -o runs/two-models\n"
                "grpo run recipe.json reason.rl.lr=2e-5 --from reason -o runs/two-models",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .assigns = true,
    .run = run,
};
