// datasets/procedural.h -- the registry of families: tasks and documents that are computed.
//
// Layer 2 (datasets). A new family is one file that defines a TaskFamily (family.h) and one row in
// procedural.c.
#ifndef DATASETS_PROCEDURAL_H
#define DATASETS_PROCEDURAL_H

#include <stdint.h>

#include "base/status.h"
#include "datasets/family.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *split_name(Split split); // "train", "heldout", "large"
MUST_USE Status split_parse(const char *name, Split *out);

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
