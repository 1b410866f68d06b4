// pipelines/report/chart.c -- scales, ticks, lines, bands and stacks as SVG text.
#include "pipelines/report/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 46, RIGHT = 10, TOP = 12, BOTTOM = 34, TICKS_MAX = 16 };

typedef struct Scale {
    double x0, x1, y0, y1; // data
    bool log2_x;
} Scale;

static double x_of(const Scale *s, double x) {
    double a = s->x0, b = s->x1;
    if (s->log2_x) a = log2(a), b = log2(b), x = log2(x);
    return LEFT + (b > a ? (x - a) / (b - a) : 0.5) * (CHART_WIDTH - LEFT - RIGHT);
}

static double y_of(const Scale *s, double y) {
    double t = s->y1 > s->y0 ? (y - s->y0) / (s->y1 - s->y0) : 0.5;
    if (t < -0.02) t = -0.02;
    if (t > 1.02) t = 1.02;
    return CHART_HEIGHT - BOTTOM - t * (CHART_HEIGHT - TOP - BOTTOM);
}

int chart_ticks(double low, double high, int most, double *tick) {
    if (!(high > low) || most < 1 || !isfinite(low) || !isfinite(high)) return 0;
    double raw = (high - low) / most;
    double power = pow(10, floor(log10(raw)));
    double step = 10 * power;
    static const double nice[] = {1, 2, 5};
    for (int i = 0; i < 3; i++)
        if (nice[i] * power >= raw * (1 - 1e-9)) {
            step = nice[i] * power;
            break;
        }
    int n = 0;
    double first = ceil(low / step - 1e-9);
    for (double k = first; k * step <= high + step * 1e-9 && n < most + 1; k++)
        tick[n++] = k == 0 ? 0 : k * step;
    return n;
}

void chart_number(double v, Str *out) {
    double a = fabs(v);
    if (!isfinite(v))
        str_puts(out, "\u2013");
    else if (a >= 1e9)
        str_printf(out, "%.3gG", v / 1e9);
    else if (a >= 1e6)
        str_printf(out, "%.3gM", v / 1e6);
    else if (a >= 1e4)
        str_printf(out, "%.3gk", v / 1e3);
    else if (a >= 1000)
        str_printf(out, "%.0f", v);
    else if (a == 0)
        str_puts(out, "0");
    else if (a < 1e-3)
        str_printf(out, "%.1e", v);
    else
        str_printf(out, "%.3g", v);
}

static void find_scale(const Chart *c, const double *top, Scale *s) {
    double inf = (double)INFINITY;
    *s = (Scale){inf, -inf, inf, -inf, c->log2_x};
    for (int k = 0; k < c->n_series; k++) {
        const Series *r = &c->series[k];
        for (int i = 0; i < r->n; i++) {
            double y = r->y[i];
            if (!isfinite(y)) continue;
            if (r->x[i] < s->x0) s->x0 = r->x[i];
            if (r->x[i] > s->x1) s->x1 = r->x[i];
            double low = y, high = y;
            if (c->stacked)
                low = 0, high = top[i];
            else if (r->low && isfinite(r->low[i]) && isfinite(r->high[i]))
                low = r->low[i], high = r->high[i];
            if (low < s->y0) s->y0 = low;
            if (high > s->y1) s->y1 = high;
        }
    }
    if (c->fixed)
        s->y0 = c->y_min, s->y1 = c->y_max;
    else if (s->y1 >= s->y0) {
        // Zero belongs into the picture unless the data are far away from it.
        if (s->y0 > 0 && s->y0 < 0.6 * s->y1) s->y0 = 0;
        if (s->y1 == s->y0)
            s->y0 -= s->y1 == 0 ? 0 : fabs(s->y1) * 0.1,
                s->y1 += s->y1 == 0 ? 1 : fabs(s->y1) * 0.1;
        double pad = (s->y1 - s->y0) * 0.06;
        s->y1 += pad;
        if (s->y0 != 0) s->y0 -= pad;
    }
}

static void draw_axes(const Chart *c, const Scale *s, Str *out) {
    double tick[TICKS_MAX];
    int n = chart_ticks(s->y0, s->y1, 5, tick);
    for (int i = 0; i < n; i++) {
        double y = y_of(s, tick[i]);
        str_printf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                   CHART_WIDTH - RIGHT, y, y);
        str_printf(out, "<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">", LEFT - 6,
                   y + 3.5);
        chart_number(tick[i], out);
        str_puts(out, "</text>");
    }
    if (c->log2_x) {
        n = 0;
        for (double x = s->x0; x <= s->x1 * 1.001 && n < TICKS_MAX; x *= 2) tick[n++] = x;
    } else {
        n = chart_ticks(s->x0, s->x1, 7, tick);
        if (n == 0) tick[n++] = s->x0;
    }
    for (int i = 0; i < n; i++) {
        double x = x_of(s, tick[i]);
        str_printf(out, "<line class=\"axis\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", x, x,
                   CHART_HEIGHT - BOTTOM, CHART_HEIGHT - BOTTOM + 4);
        str_printf(out, "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">", x,
                   CHART_HEIGHT - BOTTOM + 15);
        chart_number(tick[i], out);
        str_puts(out, "</text>");
    }
    str_printf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT,
               CHART_WIDTH - RIGHT, CHART_HEIGHT - BOTTOM, CHART_HEIGHT - BOTTOM);
    str_printf(out, "<text class=\"tick\" text-anchor=\"end\" x=\"%d\" y=\"%d\">",
               CHART_WIDTH - RIGHT, CHART_HEIGHT - 5);
    str_html(out, c->x_label, strlen(c->x_label));
    str_puts(out, "</text>");
}

// The area between two curves over the points where both are finite.
static void draw_area(const Scale *s, const double *x, const double *low, const double *high, int n,
                      const char *class_, int color, Str *out) {
    for (int i = 0; i < n;) {
        while (i < n && !(isfinite(low[i]) && isfinite(high[i]))) i++;
        int begin = i;
        while (i < n && isfinite(low[i]) && isfinite(high[i])) i++;
        if (i - begin < 2) continue;
        str_printf(out, "<path class=\"%s\" style=\"fill:var(--c%d)\" d=\"", class_, color);
        for (int k = begin; k < i; k++)
            str_printf(out, "%c%.1f %.1f", k == begin ? 'M' : 'L', x_of(s, x[k]), y_of(s, high[k]));
        for (int k = i - 1; k >= begin; k--)
            str_printf(out, "L%.1f %.1f", x_of(s, x[k]), y_of(s, low[k]));
        str_puts(out, "Z\"/>");
    }
}

// Gaps of missing values are bridged: an evaluation every ten steps is still one curve.
static void draw_line(const Scale *s, const Series *r, Str *out) {
    int drawn = 0;
    Str dots = {0};
    str_printf(out, "<path class=\"line%s%s\" style=\"stroke:var(--c%d)\" d=\"",
               r->dashed ? " dashed" : "", r->faint ? " faint" : "", r->color);
    for (int i = 0; i < r->n; i++) {
        if (!isfinite(r->y[i])) continue;
        double x = x_of(s, r->x[i]), y = y_of(s, r->y[i]);
        str_printf(out, "%c%.1f %.1f", drawn++ ? 'L' : 'M', x, y);
        if (r->points)
            str_printf(&dots,
                       "<circle class=\"dot\" style=\"fill:var(--c%d)\" cx=\"%.1f\" cy=\"%.1f\" "
                       "r=\"2.6\"/>",
                       r->color, x, y);
    }
    str_puts(out, "\"/>");
    if (drawn == 1 && !r->points)
        for (int i = 0; i < r->n; i++)
            if (isfinite(r->y[i]))
                str_printf(out,
                           "<circle class=\"dot\" style=\"fill:var(--c%d)\" cx=\"%.1f\" "
                           "cy=\"%.1f\" r=\"2.6\"/>",
                           r->color, x_of(s, r->x[i]), y_of(s, r->y[i]));
    str_add(out, str_text(&dots), dots.size);
    str_free(&dots);
}

// Error bars where the points are few.
static void draw_bars(const Scale *s, const Series *r, Str *out) {
    for (int i = 0; i < r->n; i++) {
        if (!isfinite(r->y[i]) || !isfinite(r->low[i]) || !isfinite(r->high[i])) continue;
        double x = x_of(s, r->x[i]);
        str_printf(out,
                   "<line class=\"bar\" style=\"stroke:var(--c%d)\" x1=\"%.1f\" x2=\"%.1f\" "
                   "y1=\"%.1f\" y2=\"%.1f\"/>",
                   r->color, x, x, y_of(s, r->low[i]), y_of(s, r->high[i]));
    }
}

static void draw_stack(const Chart *c, const Scale *s, Str *out) {
    if (c->n_series == 0) return;
    int n = c->series[0].n;
    double *low = calloc((size_t)n + 1, sizeof *low), *high = calloc((size_t)n + 1, sizeof *high);
    CHECK(low && high);
    for (int k = 0; k < c->n_series; k++) {
        const Series *r = &c->series[k];
        for (int i = 0; i < n; i++) high[i] = low[i] + r->y[i];
        draw_area(s, r->x, low, high, n, "stack", r->color, out);
        for (int i = 0; i < n; i++) low[i] = high[i];
    }
    free(low);
    free(high);
}

static void describe(const Chart *c, Str *out) {
    str_html(out, c->title, strlen(c->title));
    for (int k = 0; k < c->n_series; k++) {
        const Series *r = &c->series[k];
        int first = 0, last = r->n - 1;
        while (first < r->n && !isfinite(r->y[first])) first++;
        while (last >= 0 && !isfinite(r->y[last])) last--;
        if (first > last || r->faint) continue;
        str_puts(out, "; ");
        str_html(out, r->label, strlen(r->label));
        str_puts(out, " from ");
        chart_number(r->y[first], out);
        str_puts(out, " to ");
        chart_number(r->y[last], out);
    }
}

static const char standalone_style[] =
    "<style>svg{--c1:#0072b2;--c2:#d55e00;--c3:#009e73;--c4:#cc79a7;--c5:#e69f00;--c6:#56b4e9;"
    "--c7:#999999;--c8:#b8a800;font:11px system-ui,sans-serif;background:#fff;color:#1f2328}"
    ".grid{stroke:#e6e8eb}.axis{stroke:#8c959f}.tick{fill:#59636e;font-size:10.5px}"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round}.dashed{stroke-dasharray:5 3}"
    ".faint{stroke-opacity:.35;stroke-width:1}.band{fill-opacity:.18}.stack{fill-opacity:.75}"
    ".bar{stroke-width:1.4}</style>";

static void legend_row(const Chart *c, Str *out) {
    int x = LEFT + 4;
    for (int k = 0; k < c->n_series; k++) {
        if (c->series[k].faint) continue;
        str_printf(out,
                   "<rect x=\"%d\" y=\"2\" width=\"9\" height=\"9\" style=\"fill:var(--c%d)\"/>"
                   "<text class=\"tick\" x=\"%d\" y=\"10\">",
                   x, c->series[k].color, x + 13);
        str_html(out, c->series[k].label, strlen(c->series[k].label));
        str_puts(out, "</text>");
        x += 26 + 6 * (int)strlen(c->series[k].label);
    }
}

void chart_svg(const Chart *c, bool standalone, Str *out) {
    int n = c->n_series ? c->series[0].n : 0;
    double *top = NULL;
    if (c->stacked) { // all series of a stack share their x
        top = calloc((size_t)n + 1, sizeof *top);
        CHECK(top);
        for (int k = 0; k < c->n_series; k++)
            for (int i = 0; i < n; i++) top[i] += c->series[k].y[i];
    }
    Scale s;
    find_scale(c, top, &s);
    free(top);
    bool empty = !(s.x1 >= s.x0);
    str_printf(out,
               "<svg class=\"chart\" id=\"chart-%s\" role=\"img\" viewBox=\"0 %d %d %d\" "
               "xmlns=\"http://www.w3.org/2000/svg\" aria-label=\"",
               c->id, standalone ? -6 : 0, CHART_WIDTH, CHART_HEIGHT + (standalone ? 6 : 0));
    describe(c, out);
    if (empty) str_puts(out, ": no data");
    str_printf(out,
               "\" data-left=\"%d\" data-right=\"%d\" data-x0=\"%.9g\" data-x1=\"%.9g\" "
               "data-log2=\"%d\">",
               LEFT, CHART_WIDTH - RIGHT, empty ? 0 : s.x0, empty ? 1 : s.x1, c->log2_x);
    if (standalone) str_puts(out, standalone_style);
    if (empty) {
        str_printf(out,
                   "<rect class=\"grid\" fill=\"none\" x=\"%d\" y=\"%d\" width=\"%d\" "
                   "height=\"%d\"/><text class=\"tick\" text-anchor=\"middle\" x=\"%d\" "
                   "y=\"%d\">not measured in this run</text></svg>",
                   LEFT, TOP, CHART_WIDTH - LEFT - RIGHT, CHART_HEIGHT - TOP - BOTTOM,
                   CHART_WIDTH / 2, CHART_HEIGHT / 2);
        return;
    }
    draw_axes(c, &s, out);
    if (c->stacked) draw_stack(c, &s, out);
    for (int k = 0; !c->stacked && k < c->n_series; k++) {
        const Series *r = &c->series[k];
        if (r->low && !r->points) draw_area(&s, r->x, r->low, r->high, r->n, "band", r->color, out);
    }
    for (int k = 0; !c->stacked && k < c->n_series; k++) {
        const Series *r = &c->series[k];
        if (r->low && r->points) draw_bars(&s, r, out);
        draw_line(&s, r, out);
    }
    if (standalone) legend_row(c, out);
    str_puts(out, "<line class=\"cursor\" x1=\"0\" x2=\"0\" y1=\"12\" y2=\"216\"/></svg>");
}

void chart_spark(const double *y, int n, int color, Str *out) {
    double low = (double)INFINITY, high = -(double)INFINITY;
    int finite = 0;
    for (int i = 0; i < n; i++) {
        if (!isfinite(y[i])) continue;
        finite++;
        if (y[i] < low) low = y[i];
        if (y[i] > high) high = y[i];
    }
    str_puts(out, "<svg class=\"spark\" viewBox=\"0 0 100 24\" preserveAspectRatio=\"none\" "
                  "aria-hidden=\"true\">");
    if (finite > 1) {
        str_printf(out, "<path class=\"line\" style=\"stroke:var(--c%d)\" d=\"", color);
        bool first = true;
        for (int i = 0; i < n; i++) {
            if (!isfinite(y[i])) continue;
            double t = high > low ? (y[i] - low) / (high - low) : 0.5;
            str_printf(out, "%c%.1f %.1f", first ? 'M' : 'L', 100.0 * i / (n - 1), 22 - 20 * t);
            first = false;
        }
        str_puts(out, "\"/>");
    }
    str_puts(out, "</svg>");
}
