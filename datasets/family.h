// datasets/family.h -- what a family of computed tasks is, and the splits of its questions.
//
// Layer 2 (datasets). A family computes question number `index` from (seed, split, index) and, if
// it has a corpus, document number `index` from (seed, index); nothing is stored.
#ifndef DATASETS_FAMILY_H
#define DATASETS_FAMILY_H

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

#ifdef __cplusplus
}
#endif
#endif
