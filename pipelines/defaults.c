// pipelines/defaults.c -- reads the context of the model's config.json, fills the second column.
#include "pipelines/defaults.h"

#include <stdio.h>
#include <stdlib.h>

#include "pipelines/input.h"
#include "policy/files/checkpoint.h"

enum { LONGEST = 4096 };

static int context_of(const char *path, Arena *arena) {
    const char *folder;
    ModelConfig model;
    if (input_model(path, &folder, arena) != ST_OK) return LONGEST;
    if (checkpoint_config(folder, &model) != ST_OK) return LONGEST;
    return model.max_position < LONGEST ? model.max_position : LONGEST;
}

Status defaults_of_model(Config *config) {
    Str path = {0};
    if (!config_value(config, "model.path", &path) || path.size == 0) {
        str_free(&path);
        return ST_OK;
    }
    Arena *arena = arena_new(0);
    const char *longest = arena_printf(arena, "%d", context_of(str_text(&path), arena));
    const struct {
        const char *key, *value;
    } row[] = {
        {"sft.steps", "0"},
        {"sft.batch", "32"},
        {"sft.max_tokens", longest},
        {"sft.lr", "1e-5"},
        {"sft.warmup_steps", "0"},
        {"sft.router_bias_step", "1e-3"},
        {"sft.balance_alpha", "1e-4"},
    };
    Status st = ST_OK;
    for (size_t i = 0; i < sizeof row / sizeof *row && st == ST_OK; i++)
        st = config_default(config, row[i].key, row[i].value);
    arena_free(arena);
    str_free(&path);
    return st;
}

Status defaults_of_steps(Config *config) {
    static const char *const section[] = {"rl", "sft"};
    Status st = ST_OK;
    for (int i = 0; i < 2 && st == ST_OK; i++) {
        char steps[32], warmup[32];
        snprintf(steps, sizeof steps, "%s.steps", section[i]);
        snprintf(warmup, sizeof warmup, "%s.warmup_steps", section[i]);
        Str n = {0}, w = {0};
        config_value(config, steps, &n);
        config_value(config, warmup, &w);
        long long last = strtoll(str_text(&n), NULL, 10);
        if (last > 0 && strtoll(str_text(&w), NULL, 10) > last && !config_was_asked(config, warmup))
            st = config_override(config, warmup, str_text(&n), steps);
        str_free(&n);
        str_free(&w);
    }
    return st;
}
