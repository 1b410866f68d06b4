// pipelines/command/command_completion.c -- `grpo completion`: scripts for the shell.
#include <stdio.h>
#include <string.h>

#include "pipelines/command.h"
#include "pipelines/completion.h"

static int run(const Args *args) {
    static const struct {
        const char *name;
        void (*print)(Str *out);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    const char *name = args->n_words == 1 ? args->word[0] : "";
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(name, shells[i].name) != 0) continue;
        Str out = {0};
        shells[i].print(&out);
        fputs(str_text(&out), stdout);
        str_free(&out);
        return EXIT_DONE;
    }
    return command_usage("completion: wants one shell: bash, zsh or fish");
}

const Command command_completion = {
    .name = "completion",
    .summary = "the words of this program for bash, zsh or fish",
    .usage = "completion bash|zsh|fish",
    .about = "'make install' puts all three, and the manual page, where the shells look for them.",
    .examples = "source <(grpo completion bash)\n"
                "grpo completion fish > ~/.config/fish/completions/grpo.fish",
    .words = "bash zsh fish",
    .run = run,
};
