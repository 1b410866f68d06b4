// datasets/published.h -- data sets that are known by name: their fields and their judges.
//
// Layer 2 (datasets). A name alone is the slice inside the program (datasets/slices), or
// FOLDER/NAME/*.jsonl where a folder of data sets is given; NAME=PATH is a file or a folder. Rows
// may have the fields of the original files or of copies on model hubs. A file without a name is
// recognised by the fields of its rows where they are unique (entry_point and test: HumanEval).
#ifndef DATASETS_PUBLISHED_H
#define DATASETS_PUBLISHED_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/json.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Published {
    const char *name, *about, *licence;
    const char *judge;
    bool needs_gold;
    // How a question is put where no template is given: {} is the question.
    const char *template_;
    // NULL: the row's prompt, question or problem. In the arena, NULL if the row has none.
    const char *(*question)(const Json *row, Arena *arena);
    bool (*fits)(const Json *row); // are these rows unmistakably its? NULL: never
    const char *slice;             // its rows in the program
} Published;

int published_count(void);
const Published *published_at(int i);
const Published *published_find(const char *name);  // NULL if there is none
const char *published_names(void);                  // "gsm8k, math, ..."
const Published *published_of_row(const Json *row); // NULL: it may be anything

// Is this NAME or NAME=PATH with a known name?
bool published_is(const char *what);
#ifdef __cplusplus
}
#endif
#endif
