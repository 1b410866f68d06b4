// datasets/procedural.c -- the table of families, and a family's split as a TaskSource.
#include "datasets/procedural.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "datasets/desk.h"

static const TaskFamily *const families[] = {&desk_family};
enum { N_FAMILIES = sizeof families / sizeof *families };

const char *split_name(Split split) {
    switch (split) {
    case SPLIT_TRAIN: return "train";
    case SPLIT_HELDOUT: return "heldout";
    case SPLIT_LARGE: return "large";
    case SPLITS: break;
    }
    return "unknown";
}

Status split_parse(const char *name, Split *out) {
    for (int s = 0; s < SPLITS; s++) {
        if (strcmp(name, split_name((Split)s)) != 0) continue;
        *out = (Split)s;
        return ST_OK;
    }
    return FAIL(ST_CONFIG, "there is no split '%s'; say train, heldout or large", name);
}

const TaskFamily *family_find(const char *name) {
    for (int i = 0; i < N_FAMILIES; i++)
        if (strcmp(families[i]->name, name) == 0) return families[i];
    return NULL;
}

const char *family_names(void) {
    return "desk";
}

typedef struct Procedural {
    const TaskFamily *family;
    const void *config;
    Split split;
    uint64_t seed;
} Procedural;

static Status get(const TaskSource *source, uint64_t index, Task *out, Arena *arena) {
    const Procedural *p = source->self;
    return p->family->task(p->config, p->split, p->seed, index, out, arena);
}

static void close_source(TaskSource *source) {
    free(source->self);
    *source = (TaskSource){0};
}

Status procedural_tasks(const TaskFamily *family, const void *config, Split split, uint64_t seed,
                        TaskSource *out) {
    *out = (TaskSource){0};
    if (!config) config = family->config;
    if (!family->source[split])
        return FAIL(ST_CONFIG, "the family '%s' has no split '%s'", family->name,
                    split_name(split));
    if (family->check) TRY(family->check(config));
    Procedural *p = malloc(sizeof *p);
    CHECK(p != NULL);
    *p = (Procedural){.family = family, .config = config, .split = split, .seed = seed};
    *out = (TaskSource){.name = family->source[split],
                        .hash = rng_hash(family->name, strlen(family->name)) + split,
                        .self = p,
                        .get = get,
                        .close = close_source};
    return ST_OK;
}
