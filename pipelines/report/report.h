// pipelines/report/report.h -- a run, or several overlaid, as a page, a table, or numbers.
//
// Layer 5. The page stands alone: no fetch, no font, no library; its policy forbids all of them.
// What a model wrote enters it only as JSON strings with '<' escaped and is shown as text.
#ifndef PIPELINES_REPORT_H
#define PIPELINES_REPORT_H

#include "base/status.h"
#include "base/str.h"
#include "pipelines/report/rundata.h"

#ifdef __cplusplus
extern "C" {
#endif

void report_html(const RunData *run, int n_runs, Str *out);
void report_markdown(const RunData *run, int n_runs, Str *out);
// Header "run,step,timestamp,<metric>...", one line for each step of each run.
void report_csv(const RunData *run, int n_runs, Str *out);
// Last values as one JSON object per run and line.
void report_json(const RunData *run, int n_runs, Str *out);
// A few lines of block characters for a terminal.
void report_text(const RunData *run, Str *out);
// One file for each chart: FOLDER/<id>.svg. ST_IO.
MUST_USE Status report_svg(const RunData *run, int n_runs, const char *folder);

#ifdef __cplusplus
}
#endif
#endif
