// pipelines/recipe.c -- the files of pipelines/recipes/, taken in by the assembler.
#include "pipelines/recipe.h"

#include <stddef.h>
#include <string.h>

#include "pipelines/embed.h"

EMBED(recipe_text_zero_desk, "pipelines/recipes/zero-desk.json");
EMBED(recipe_text_rl_smollm2, "pipelines/recipes/rl-smollm2-gsm8k.json");
EMBED(recipe_text_sft_smollm2, "pipelines/recipes/sft-smollm2-gsm8k.json");
EMBED(recipe_text_rl_words, "pipelines/recipes/rl-smollm2-words.json");

EMBED(recipe_text_zero, "pipelines/recipes/zero.json");

EMBED(recipe_text_r1, "pipelines/recipes/r1.json");

static const Recipe stage_lists[] = {{"zero", recipe_text_zero}, {"r1", recipe_text_r1}};

static const Recipe recipes[] = {
    {"zero-desk", recipe_text_zero_desk},
    {"rl-smollm2-gsm8k", recipe_text_rl_smollm2},
    {"sft-smollm2-gsm8k", recipe_text_sft_smollm2},
    {"rl-smollm2-words", recipe_text_rl_words},
};

const Recipe *recipe_find(const char *name) {
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++)
        if (strcmp(recipes[i].name, name) == 0) return &recipes[i];
    return NULL;
}

const char *recipe_names(void) {
    return "zero-desk, rl-smollm2-gsm8k, rl-smollm2-words, sft-smollm2-gsm8k";
}

const Recipe *recipe_stages(const char *name) {
    for (size_t i = 0; i < sizeof stage_lists / sizeof stage_lists[0]; i++)
        if (strcmp(stage_lists[i].name, name) == 0) return &stage_lists[i];
    return NULL;
}

const char *recipe_stages_names(void) {
    return "zero, r1";
}
