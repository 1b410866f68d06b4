// datasets/taskfile.h -- rows of files, or of a known data set, as tasks.
//
// Layer 2 (datasets). Fails with ST_IO or ST_FORMAT as jsonl_open does, and with ST_CONFIG where a
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

// How a row becomes a Task. What a row's fields mean is told by its form (rowform.h, docs/DATA.md),
// or by the fields that are named here, as dotted paths ("extra.gt"). A gold with "####" (GSM8K) is
// what follows the last one. The row, or what its form makes of it, goes along (Task.row) for
// judges that want more. A row that cannot be asked or judged is skipped and counted with its
// reason.
typedef enum TaskSide { TASKS_ALL, TASKS_TRAIN, TASKS_HELDOUT } TaskSide;
typedef struct TaskFields {
    const char *prompt, *gold;                            // NULL: by the row's form
    const char *source_field, *judge_field, *level_field; // NULL: "source", "judge", "level"
    const char *source;    // name of the curve; NULL: the row's, else the file's name
    const char *judge;     // NULL: the row's "judge", else its form's, else "math"
    const char *template_; // "User: {}\nAssistant:" with {} for the question (not that of a
                           // \boxed{}); NULL: the question alone
    bool shuffle;          // another order in each epoch, by `seed`; false: file order
    uint64_t seed;
    const Published *known; // NULL: by the fields of each row
    // One side of a split: a row is held out if the hash of its question, without regard to case
    // and spaces, and of split_seed is below heldout_fraction. Equal questions are on one side.
    TaskSide side;
    double heldout_fraction;
    uint64_t split_seed;
} TaskFields;

// Opens a file as tasks; task `index` is in epoch index / n_tasks. `fields` is copied, its texts
// are borrowed, but those that name fields.
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
