// pipelines/report/report_charts.h -- which curves a report shows, and what each of them means.
//
// Layer 5. One run: its curves with the bands it recorded. Several runs: mean over runs with a band
// of one standard deviation, each run as a faint line behind.
#ifndef PIPELINES_REPORT_CHARTS_H
#define PIPELINES_REPORT_CHARTS_H

#include "base/arena.h"
#include "pipelines/report/chart.h"
#include "pipelines/report/rundata.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REPORT_CHARTS_MAX = 24 };

// Fills chart[] and returns how many. Everything lives in the arena. Every chart of the contract is
// there, also when the runs have no data for it; those of drafts and MTP only with data.
int report_charts(const RunData *run, int n_runs, Chart *chart, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
