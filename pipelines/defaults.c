// pipelines/defaults.c -- reads the context of the model's config.json, fills the second column.
#include "pipelines/defaults.h"

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
        {"sft.steps", "0"}, {"sft.batch", "32"},       {"sft.max_tokens", longest},
        {"sft.lr", "1e-5"}, {"sft.warmup_steps", "0"}, {"sft.router_bias_step", "0"},
    };
    Status st = ST_OK;
    for (size_t i = 0; i < sizeof row / sizeof *row && st == ST_OK; i++)
        st = config_default(config, row[i].key, row[i].value);
    arena_free(arena);
    str_free(&path);
    return st;
}
