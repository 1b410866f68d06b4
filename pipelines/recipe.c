// pipelines/recipe.c -- the files of pipelines/recipes/, taken in by the assembler.
#include "pipelines/recipe.h"

#include <stddef.h>
#include <string.h>

#include "pipelines/embed.h"

EMBED(recipe_text_zero_desk, "pipelines/recipes/zero-desk.json");

static const Recipe recipes[] = {
    {"zero-desk", recipe_text_zero_desk},
};

const Recipe *recipe_find(const char *name) {
    for (size_t i = 0; i < sizeof recipes / sizeof recipes[0]; i++)
        if (strcmp(recipes[i].name, name) == 0) return &recipes[i];
    return NULL;
}

const char *recipe_names(void) {
    return "zero-desk";
}
