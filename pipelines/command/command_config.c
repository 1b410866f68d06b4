// pipelines/command/command_config.c -- `grpo config`: show, check and compare settings.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pipelines/command.h"
#include "pipelines/recipe.h"
#include "pipelines/runconfig.h"

static const Flag flags[] = {
    {"origin", 0, NULL, "say where each value came from"},
    {"recipe", 0, "NAME", "start from an embedded recipe (default zero-desk; none = built-in)"},
};

// What would be another than in a run's folder: nothing is said where it would go on.
static Status diff_run(const Config *config, const char *run, Str *out) {
    Str path = {0};
    JsonDoc *doc = NULL;
    Status st;
    str_printf(&path, "%s/run.json", run);
    TRY_OUT(json_read(path.data, false, &doc));
    st = config_diff(config, doc, json_get(json_root(doc), "config"), NULL, out);
out:
    json_free(doc);
    str_free(&path);
    return st;
}

static int show(const Args *args, const char *action) {
    Args rest = *args;
    if (rest.n_words > 0 && rest.word[0] == action) {
        memmove(rest.word, rest.word + 1, sizeof rest.word[0] * (size_t)--rest.n_words);
    }
    const char *recipe = args_text(args, "recipe", "zero-desk");
    if (recipe_stages(recipe)) {
        fputs(recipe_stages(recipe)->text, stdout);
        return EXIT_DONE;
    }
    if (strcmp(recipe, "none") == 0)
        recipe = NULL;
    else if (!recipe_find(recipe))
        return command_usage("no recipe '%s'; there are: %s, and of stages: %s", recipe,
                             recipe_names(), recipe_stages_names());
    const char *older = NULL;
    if (action && strcmp(action, "diff") == 0) {
        if (rest.n_words == 0) return command_usage("config: diff wants the folder of a run");
        older = rest.word[0];
        memmove(rest.word, rest.word + 1, sizeof rest.word[0] * (size_t)--rest.n_words);
    }
    RunConfig s;
    Status st = runconfig_open(&s, recipe, &rest);
    if (st != ST_OK) return command_failed(st);
    Str out = {0};
    if (older) {
        st = diff_run(s.config, older, &out);
        fputs(str_text(&out), stdout);
        str_free(&out);
        runconfig_close(&s);
        return st == ST_OK ? EXIT_DONE : command_failed(st);
    }
    if (action && strcmp(action, "schema") == 0)
        config_schema(s.config, &out);
    else if (action && strcmp(action, "markdown") == 0)
        config_markdown(s.config, &out);
    else if (action && strcmp(action, "check") == 0)
        log_info("the config is good");
    else if (args_has(args, "origin"))
        config_dump(s.config, &out);
    else
        config_dump_plain(s.config, &out);
    if (out.size && out.data[out.size - 1] != '\n') str_putc(&out, '\n');
    fputs(str_text(&out), stdout);
    str_free(&out);
    runconfig_close(&s);
    return EXIT_DONE;
}

static int run(const Args *args) {
    static const char *const actions[] = {"show", "check", "diff", "schema", "markdown", "recipes"};
    const char *first = args->n_words > 0 ? args->word[0] : NULL;
    for (size_t i = 0; first && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(first, actions[i]) != 0) continue;
        if (strcmp(first, "recipes") == 0) {
            puts(recipe_names());
            return EXIT_DONE;
        }
        return show(args, first);
    }
    return show(args, NULL);
}

const Command command_config = {
    .name = "config",
    .summary = "show and check the settings of a run, with where each came from",
    .usage = "config [show|check|diff RUN|schema|markdown|recipes] [CONFIG.json|RECIPE] "
             "[key=value ...]",
    .examples =
        "grpo config                          the recipe that 'grpo zero' runs\n"
        "grpo config my.json rl.lr=1e-4 --origin\n"
        "grpo config diff runs/zero rl.lr=1e-4   what a run in that folder would find changed\n"
        "grpo config schema > grpo.schema.json   for editors",
    .words = "show check diff schema markdown recipes",
    .flag = flags,
    .n_flags = sizeof flags / sizeof flags[0],
    .config = true,
    .run = run,
};
