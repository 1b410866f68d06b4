// pipelines/report/curves.h -- metrics.jsonl read back as columns.
//
// Layer 5. One row a step: lines of the same step are joined (an evaluation beside its step). A
// value that a step did not have is NaN. A line that cannot be read, or whose step is no whole
// number, is counted and passed over.
#ifndef PIPELINES_CURVES_H
#define PIPELINES_CURVES_H

#include "base/arena.h"
#include "base/metrics.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Column {
    const char *name;
    double *y; // [n_rows]
} Column;

typedef struct Curves {
    int n_rows, n_columns, n_bad_lines;
    double *step, *time; // [n_rows]
    Column *column;
} Curves;

// A missing file is an empty table. ST_IO.
MUST_USE Status curves_load(const char *path, Curves *out, Arena *arena);
// [n_rows], under either vocabulary's name; NULL if no row has it. A "*" in `name` stands for any
// part between two slashes: the first column that fits.
const double *curves_get(const Curves *curves, const char *name);
// The first and last finite value; `fallback` if there is none.
double curves_first(const Curves *curves, const char *name, double fallback);
double curves_last(const Curves *curves, const char *name, double fallback);

#ifdef __cplusplus
}
#endif
#endif
