// pipelines/recipe.h -- configs that are part of the program.
//
// Layer 5. Each file of pipelines/recipes/ is embedded at build under its name without ".json".
#ifndef PIPELINES_RECIPE_H
#define PIPELINES_RECIPE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Recipe {
    const char *name; // "zero-desk"
    const char *text; // JSON with // comments
} Recipe;

const Recipe *recipe_find(const char *name); // NULL if there is none
const char *recipe_names(void);              // "zero-desk, ..."
// Recipes of several stages (pipelines/pipeline/stagelist.h).
const Recipe *recipe_stages(const char *name); // NULL if there is none
const char *recipe_stages_names(void);

#ifdef __cplusplus
}
#endif
#endif
