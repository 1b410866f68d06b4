// pipelines/report/report_text.c -- the curves as a few lines of text, for the end of a run.
#include <math.h>
#include <string.h>

#include "pipelines/report/chart.h"
#include "pipelines/report/report.h"

enum { WIDTH = 60 };

// Mean of the finite values that fall on each of WIDTH places of the step axis; an empty place
// takes the value before it.
static int squeeze(const Curves *c, const double *y, double *out) {
    double last_step = c->n_rows ? c->step[c->n_rows - 1] : 0;
    int n = last_step + 1 < WIDTH ? (int)last_step + 1 : WIDTH;
    double before = (double)NAN;
    for (int i = 0; i < n; i++) {
        double sum = 0;
        int count = 0;
        for (int r = 0; r < c->n_rows; r++) {
            int place = last_step > 0 ? (int)(c->step[r] / last_step * (n - 1) + 0.5) : 0;
            if (place == i && isfinite(y[r])) sum += y[r], count++;
        }
        out[i] = count ? sum / count : before;
        before = out[i];
    }
    return n;
}

static void curve(const Curves *c, const char *label, const char *metric, double top, Str *out) {
    static const char *const block[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                        "\u2585", "\u2586", "\u2587", "\u2588"};
    const double *y = curves_get(c, metric);
    if (!y) return;
    double place[WIDTH];
    int n = squeeze(c, y, place);
    double high = top;
    for (int i = 0; i < n; i++)
        if (place[i] > high) high = place[i];
    Str begin = {0};
    chart_number(curves_first(c, metric, 0), &begin);
    str_printf(out, "  %-9s %7s  ", label, str_text(&begin));
    str_free(&begin);
    for (int i = 0; i < n; i++) {
        int level = isfinite(place[i]) && high > 0 ? (int)(place[i] / high * 7.999) : 0;
        str_puts(out, isfinite(place[i]) ? block[level < 0 ? 0 : level] : " ");
    }
    str_puts(out, "  ");
    chart_number(curves_last(c, metric, 0), out);
    str_putc(out, '\n');
}

void report_text(const RunData *run, Str *out) {
    const Curves *c = &run->curves;
    str_printf(out, "over %.0f steps\n", c->n_rows ? c->step[c->n_rows - 1] : 0.0);
    curve(c, "reward", "critic/rewards/mean", 1, out);
    curve(c, "accuracy", "val-core/*/acc/mean@1", 1, out);
    curve(c, "format", "reward/format/mean", 1, out);
    curve(c, "length", "response_length/mean", 0, out);
    curve(c, "entropy", "actor/entropy", 0, out);
}
