// datasets/rowread.h -- texts and messages of a row, and why there are none.
//
// Layer 2 (datasets). Everything is copied into the arena. A reason is a sentence that names the
// field and what is there.
#ifndef DATASETS_ROWREAD_H
#define DATASETS_ROWREAD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

// "extra.gt": the field gt of the object in extra; a field whose own name has the dots goes first.
const Json *rowread_at(const Json *row, const char *path);

// A text; a number as it is written; of a list with one element, that one. NULL with *why (may be
// NULL): `name` is absent, null, a list, ..., or holds a zero byte.
const char *rowread_text(const Json *value, const char *name, const char **why, Arena *arena);
// The first of `names` (NULL-terminated) that the row has and that is not null; *name is the one
// that was looked at last (may be NULL).
const Json *rowread_first(const Json *row, const char *const *names, const char **name);

// Messages: [{"role","content"}, ...] or ShareGPT's [{"from","value"}, ...], a content of parts
// [{"type":"text","text"}, ...]. The roles become system, user, assistant. NULL, or why not;
// images, sound and tools are refused by name.
const char *rowread_turns(const Json *list, const char *name, DocumentTurn **turn, int *n,
                          Arena *arena);
bool rowread_is_turns(const Json *value); // a list of objects with such fields

#ifdef __cplusplus
}
#endif
#endif
