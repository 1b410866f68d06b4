// pipelines/report/report_page.h -- the parts of the page, in the order in which they are read.
//
// Layer 5, behind pipelines/report.
#ifndef PIPELINES_REPORT_PAGE_H
#define PIPELINES_REPORT_PAGE_H

#include "base/str.h"
#include "pipelines/report/chart.h"
#include "pipelines/report/rundata.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const char report_page_css[], report_page_js[];

void report_page_head(const RunData *run, int n_runs, Str *out);
void report_page_kpis(const RunData *run, int n_runs, Str *out);
void report_page_table(const RunData *run, int n_runs, Str *out); // base beside final
void report_page_warnings(const RunData *run, int n_runs, Str *out);
void report_page_charts(const Chart *chart, int n_charts, Str *out);
void report_page_samples(const RunData *run, int n_runs, Str *out);
void report_page_config(const RunData *run, int n_runs, Str *out);
// {"charts":{...},"samples":[...]} for the script.
void report_page_data(const RunData *run, int n_runs, const Chart *chart, int n_charts, Str *out);

#ifdef __cplusplus
}
#endif
#endif
