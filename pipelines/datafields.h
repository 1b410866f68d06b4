// pipelines/datafields.h -- data.fields: which field of a row is what.
//
// Layer 5. A JSON object of dotted paths, {"prompt":"problem","answer":"extra.gt"}; or several of
// them by the part of a mix they are for, {"a.jsonl":{...},"*":{...}}, "*" for all others.
#ifndef PIPELINES_DATAFIELDS_H
#define PIPELINES_DATAFIELDS_H

#include "base/arena.h"
#include "base/status.h"
#include "datasets/taskfile.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct DataFields { // NULL: as the rows' form says; texts live in the arena
    const char *prompt, *answer, *response, *source, *judge, *level;
} DataFields;

// `part`: the file or name that is opened. ST_CONFIG: no such object, or an unknown name in it.
MUST_USE Status datafields_parse(const char *text, const char *part, DataFields *out, Arena *arena);
void datafields_tasks(const DataFields *named, TaskFields *fields);

#ifdef __cplusplus
}
#endif
#endif
