// datasets/procedural.h -- the registry of families: tasks and documents that are computed.
//
// Floor 2 (datasets). A family makes question number `index` out of (seed, split, index) and, if it
// has a corpus, document number `index` out of (seed, index); nothing is stored. A new family is
// one file that defines a TaskFamily and one row in procedural.c.
#ifndef DATASETS_PROCEDURAL_H
#define DATASETS_PROCEDURAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/config.h"
#include "base/status.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

// No question is in two splits. Only TRAIN questions are in the corpus.
typedef enum Split {
    SPLIT_TRAIN,
    SPLIT_HELDOUT, // same distribution as TRAIN, disjoint by hash of the question
    SPLIT_LARGE,   // larger operands than any training question has
    SPLITS
} Split;

const char *split_name(Split split); // "train", "heldout", "large"
MUST_USE Status split_parse(const char *name, Split *out);

typedef struct TaskFamily {
    const char *name, *help;
    const char *const source[SPLITS]; // names of the curves; NULL: this split is not there
    const ConfigSection *options;     // the rows of its config, with their defaults; NULL: none
    const void *config;               // the default config, of the family's own type
    // Both are thread-safe. `config` is of the family's own type, already checked.
    Status (*task)(const void *config, Split split, uint64_t seed, uint64_t index, Task *out,
                   Arena *arena);
    Status (*document)(const void *config, uint64_t seed, uint64_t index, Document *out,
                       Arena *arena);    // NULL: no corpus
    Status (*check)(const void *config); // ST_CONFIG; NULL: any config will do
} TaskFamily;

// NULL if there is none; family_names() then belongs in the error.
const TaskFamily *family_find(const char *name);
const char *family_names(void); // "desk, ..."

// The endless source of a family's questions. `config` is borrowed; NULL = the family's default.
// ST_CONFIG: the split is not there, or the config cannot be.
MUST_USE Status procedural_tasks(const TaskFamily *family, const void *config, Split split,
                                 uint64_t seed, TaskSource *out);

#ifdef __cplusplus
}
#endif
#endif
