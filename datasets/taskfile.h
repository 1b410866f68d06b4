// datasets/taskfile.h -- rows of a JSON-lines file, or of a known data set, as tasks.
//
// Layer 2 (datasets). Leaves with ST_IO or ST_FORMAT as jsonl_open does, and with ST_CONFIG where a
// template has no place for the question or a data set has no file.
#ifndef DATASETS_TASKFILE_H
#define DATASETS_TASKFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "datasets/family.h"
#include "datasets/published.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

// How a row becomes a Task. NULL names are found in this order: prompt, question, problem, quiz;
// gold, answer, expected_answer, solution, solution_text. Numbers serve as texts. A gold with
// "####" (GSM8K) is what stands after the last one. Rows of a known data set (published.h), by its
// name or by their fields, are put and judged as it says; some of them need no gold. The whole row
// goes along (Task.row) for judges that want more.
typedef struct TaskFields {
    const char *prompt, *gold;
    const char *source;    // name of the curve; NULL: the row's "source", else the file's name
    const char *judge;     // NULL: the row's "judge", else the data set's, else "math"
    const char *template_; // "User: {}\nAssistant:" with {} for the question (not that of a
                           // \boxed{}); NULL: as it stands
    bool shuffle;          // another order in each epoch, by `seed`; false: file order
    uint64_t seed;
    const Published *known; // NULL: by the fields of each row
} TaskFields;

// Opens a file as tasks; task `index` is in epoch index / n_tasks. `fields` is copied, its texts
// are borrowed.
MUST_USE Status taskfile_open(const char *path, const TaskFields *fields, TaskSource *out);
// The same over bytes (borrowed) that are called `name`.
MUST_USE Status taskfile_open_bytes(const char *data, size_t size, const char *name,
                                    const TaskFields *fields, TaskSource *out);
// Opens a data set by NAME or NAME=PATH (published.h). `folder` may be "" (no folder of data sets).
// `split` chooses among the files of a folder. What `fields` leaves open comes from the data set.
MUST_USE Status taskfile_open_published(const char *what, const char *folder, Split split,
                                        const TaskFields *fields, TaskSource *out);

#ifdef __cplusplus
}
#endif
#endif
