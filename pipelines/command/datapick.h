// pipelines/command/datapick.h -- `grpo data pick`: the questions that a model sometimes solves.
//
// Layer 5. A question that is never right and one that always is teach nothing: what `grpo eval
// --k K -o RECORDS` kept of each one says which to take. A part can be held out; on which side a
// question falls depends on its text alone.
#ifndef PIPELINES_DATAPICK_H
#define PIPELINES_DATAPICK_H

#include "base/status.h"
#include "datasets/task.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct DataPick {
    const char *records;          // the file of `grpo eval -o`
    int64_t min_right, max_right; // samples of a question that were right; max < 0: any number
    const char *out, *heldout;    // files that are written; heldout may be NULL
    double share;                 // of the questions, held out
} DataPick;

typedef struct DataPicked {
    int64_t asked, taken, heldout; // questions: in RECORDS, written to out, to heldout
} DataPicked;

// Rows of `source` (finite) in their order, each question once, as written but for blanks.
// ST_IO; ST_FORMAT: no record file; ST_CONFIG: no question of the records is in the source, or
// none is left.
MUST_USE Status datapick(const TaskSource *source, const DataPick *pick, DataPicked *out);

#ifdef __cplusplus
}
#endif
#endif
