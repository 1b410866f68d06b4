// pipelines/report/chart.h -- curves as SVG, with no library and no script.
//
// Layer 5. The one plotting core: the report's page, `report --svg` and anything that wants a
// picture. Colours are CSS variables (--c1 .. --c8, Okabe and Ito's palette), so that one picture
// serves light and dark; `standalone` adds a style sheet that defines them.
#ifndef PIPELINES_CHART_H
#define PIPELINES_CHART_H

#include <stdbool.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

// A curve. A y that is not finite is a gap. x ascends.
typedef struct Series {
    const char *label;
    int color; // 1..8
    const double *x, *y;
    const double *low, *high; // a band around y; NULL = none
    int n;
    bool dashed, faint, points;
} Series;

typedef struct Chart {
    const char *id, *title;
    const char *note;    // the definition, under the title
    const char *x_label; // "step"
    const Series *series;
    int n_series;
    bool stacked; // areas on top of each other; bands are passed over
    bool log2_x;  // for k of pass@k
    bool fixed;   // y runs from y_min to y_max; otherwise from the data
    double y_min, y_max;
} Chart;

enum { CHART_WIDTH = 480, CHART_HEIGHT = 250 };

// The picture, with a text alternative of first and last values. A chart without a single finite
// value is drawn as an empty frame that says so.
void chart_svg(const Chart *chart, bool standalone, Str *out);

// A line without axes, for the row of key figures.
void chart_spark(const double *y, int n, int color, Str *out);

// Ticks: at most `most` round numbers (1, 2, 5 times a power of ten) inside [low, high]; returns
// how many.
int chart_ticks(double low, double high, int most, double *tick);

// "0.43", "1.2k", "3e-05": what a person wants to read.
void chart_number(double value, Str *out);

#ifdef __cplusplus
}
#endif
#endif
