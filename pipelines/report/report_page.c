// pipelines/report/report_page.c -- head, key figures, tables and samples as HTML.
#include "pipelines/report/report_page.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "pipelines/embed.h"

EMBED(report_page_css, "pipelines/report/report_page.css");
EMBED(report_page_js, "pipelines/report/report_page.js");

static void put(Str *out, const char *text) {
    str_html(out, text, strlen(text));
}

static void percent(double v, Str *out) {
    if (!isfinite(v))
        str_puts(out, "&ndash;");
    else
        str_printf(out, "%.1f %%", 100 * v);
}

static void duration(double seconds, Str *out) {
    if (!(seconds >= 0 && seconds < 1e12)) return;
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        str_printf(out, "%ld h %02ld min", s / 3600, s / 60 % 60);
    else if (s >= 60)
        str_printf(out, "%ld min %02ld s", s / 60, s % 60);
    else
        str_printf(out, "%.1f s", seconds);
}

static const Json *run_get(const RunData *run, const char *key) {
    return json_get(json_root(run->run), key);
}

void report_page_head(const RunData *run, int n_runs, Str *out) {
    const Json *machine = run_get(run, "machine");
    const char *status = json_text(run_get(run, "status"), "");
    str_puts(out, "<header><h1>");
    for (int i = 0; i < n_runs; i++) {
        if (i) str_puts(out, ", ");
        put(out, run[i].name);
    }
    str_printf(out, "<span class=\"state %s\">",
               n_runs > 1                        ? ""
               : strcmp(status, "finished") == 0 ? "finished"
               : strcmp(status, "failed") == 0   ? "failed"
                                                 : "");
    put(out, n_runs == 1 ? status : "overlaid");
    str_puts(out, "</span></h1><p class=\"sub\">");
    const Curves *c = &run->curves;
    if (c->n_rows) str_printf(out, "%.0f steps &middot; ", c->step[c->n_rows - 1]);
    if (n_runs > 1)
        str_printf(out, "%d runs; lines: mean, bands: one standard deviation over runs", n_runs);
    else
        str_printf(out, "seed %lld", (long long)json_int(run_get(run, "seed"), 0));
    double seconds = json_num(run_get(run, "seconds"), (double)NAN);
    if (isfinite(seconds) && n_runs == 1) {
        str_puts(out, " &middot; ");
        duration(seconds, out);
    }
    str_printf(out, " &middot; %lld cores of ", (long long)json_int(json_get(machine, "cores"), 0));
    put(out, json_text(json_get(machine, "cpu"), "an unknown machine"));
    double when = json_num(run_get(run, "written"), 0);
    time_t written = fabs(when) < 1e12 ? (time_t)when : 0;
    struct tm tm;
    char date[32] = "";
    if (gmtime_r(&written, &tm)) strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &tm);
    str_printf(out, " &middot; %s &middot; ", date);
    put(out, json_text(run_get(run, "version"), ""));
    str_puts(out, "</p></header>");
}

typedef struct Kpi {
    const char *name, *metric;
    int color;
    bool share;
} Kpi;

static const Kpi kpis[] = {
    {"reward", "critic/rewards/mean", 1, false},
    {"held-out accuracy", "val-core/*/acc/mean@1", 3, true},
    {"format", "val-aux/*/format/mean", 4, true},
    {"response length", "response_length/mean", 1, false},
    {"entropy, nats", "actor/entropy", 1, false},
    {"mixed groups", "group/mixed", 5, true},
    {"tokens/s", "perf/throughput", 6, false},
};

void report_page_kpis(const RunData *run, int n_runs, Str *out) {
    str_puts(out, "<section class=\"kpis\" aria-label=\"key figures\">");
    for (size_t i = 0; i < sizeof kpis / sizeof kpis[0]; i++) {
        const Kpi *k = &kpis[i];
        double first = 0, last = 0;
        int n = 0;
        for (int r = 0; r < n_runs; r++) {
            double b = curves_last(&run[r].curves, k->metric, (double)NAN);
            if (!isfinite(b)) continue;
            first += curves_first(&run[r].curves, k->metric, 0), last += b, n++;
        }
        str_puts(out, "<div class=\"kpi\"><span class=\"name\">");
        put(out, k->name);
        str_puts(out, "</span><b>");
        if (n == 0) {
            str_puts(out, "&ndash;</b><span class=\"delta\">not measured</span>");
        } else {
            first /= n, last /= n;
            if (k->share)
                percent(last, out);
            else
                chart_number(last, out);
            str_puts(out, "</b><span class=\"delta\">began at ");
            if (k->share)
                percent(first, out);
            else
                chart_number(first, out);
            str_puts(out, "</span>");
        }
        const double *y = curves_get(&run->curves, k->metric);
        chart_spark(y, y ? run->curves.n_rows : 0, k->color, out);
        str_puts(out, "</div>");
    }
    str_puts(out, "</section>");
}

typedef struct TableFigure {
    double mean, low, high;
    double std;   // over runs, if there are several
    bool unknown; // measured, but nothing could be counted: null in eval.json
} TableFigure;

static TableFigure cell_of(const RunData *run, int n_runs, const char *when, const char *set,
                           const char *what, int k) {
    TableFigure cell = {0, (double)NAN, (double)NAN, (double)NAN, false};
    double square = 0;
    int n = 0;
    for (int r = 0; r < n_runs; r++) {
        if (!run[r].eval) continue;
        const Json *node = json_get(json_get(json_root(run[r].eval), when), set);
        const Json *value = json_get(node, what);
        if (k > 0) {
            for (value = json_first(json_get(node, "pass_at")); value; value = json_next(value))
                if (json_int(json_get(value, "k"), 0) == k) break;
        }
        double mean = json_num(json_kind(value ? value : json_root(run[r].eval)) == JSON_OBJECT
                                   ? json_get(value, "mean")
                                   : value,
                               (double)NAN);
        if (value && !isfinite(mean)) cell.unknown = true;
        if (!value || !isfinite(mean)) continue;
        cell.mean += mean, square += mean * mean;
        cell.low = json_num(json_get(value, "low"), (double)NAN);
        cell.high = json_num(json_get(value, "high"), (double)NAN);
        n++;
    }
    cell.unknown = cell.unknown && n == 0;
    cell.mean = n ? cell.mean / n : (double)NAN;
    if (n > 1) {
        cell.low = cell.high = (double)NAN;
        cell.std = sqrt(fmax(0, square / n - cell.mean * cell.mean) * n / (n - 1));
    }
    return cell;
}

static void table_row(const RunData *run, int n_runs, const char *name, const char *set,
                      const char *what, int k, bool share, Str *out) {
    static const char *const when[] = {"base", "final"};
    bool any = false;
    for (int w = 0; w < 2; w++) {
        TableFigure c = cell_of(run, n_runs, when[w], set, what, k);
        any = any || isfinite(c.mean) || (c.unknown && share);
    }
    if (!any) return;
    str_puts(out, "<tr><td>");
    put(out, name);
    str_puts(out, "</td>");
    for (int w = 0; w < 2; w++) {
        TableFigure c = cell_of(run, n_runs, when[w], set, what, k);
        str_puts(out, "<td>");
        if (share && c.unknown)
            str_puts(out, "unknown");
        else if (share)
            percent(c.mean, out);
        else if (isfinite(c.mean))
            str_printf(out, c.mean == floor(c.mean) ? "%.0f" : "%.1f", c.mean);
        else
            str_puts(out, "&ndash;");
        if (isfinite(c.low) && isfinite(c.high) && share)
            str_printf(out, " <small>%.1f&ndash;%.1f</small>", 100 * c.low, 100 * c.high);
        if (isfinite(c.std) && share) str_printf(out, " <small>&plusmn; %.1f</small>", 100 * c.std);
        str_puts(out, "</td>");
    }
    str_puts(out, "</tr>");
}

void report_page_table(const RunData *run, int n_runs, Str *out) {
    bool any = false;
    for (int r = 0; r < n_runs; r++) any = any || run[r].eval;
    if (!any) return;
    str_puts(out, "<h2>Base and final, same prompts</h2><div class=\"card scroll\"><table><thead>"
                  "<tr><th>held-out tasks</th><th>base model</th><th>after RL</th></tr></thead>"
                  "<tbody>");
    table_row(run, n_runs, "pass@1", "heldout", "acc", 0, true, out);
    static const int ks[] = {16, 64};
    for (int i = 0; i < 2; i++) {
        char name[16];
        snprintf(name, sizeof name, "pass@%d", ks[i]);
        table_row(run, n_runs, name, "heldout", "pass_at", ks[i], true, out);
    }
    table_row(run, n_runs, "format", "heldout", "format", 0, true, out);
    table_row(run, n_runs, "response length, tokens", "heldout", "length", 0, false, out);
    table_row(run, n_runs, "tasks", "heldout", "tasks", 0, false, out);
    if (isfinite(cell_of(run, n_runs, "final", "large", "acc", 0).mean) ||
        isfinite(cell_of(run, n_runs, "base", "large", "acc", 0).mean))
        str_puts(out,
                 "</tbody><thead><tr><th>larger operands than any seen in training</th><th>base "
                 "model</th><th>after RL</th></tr></thead><tbody>");
    table_row(run, n_runs, "pass@1", "large", "acc", 0, true, out);
    table_row(run, n_runs, "format", "large", "format", 0, true, out);
    table_row(run, n_runs, "response length, tokens", "large", "length", 0, false, out);
    table_row(run, n_runs, "tasks", "large", "tasks", 0, false, out);
    str_printf(out,
               "</tbody></table><p class=\"sub\">One sample a task unless k says otherwise; small "
               "figures: %s.</p></div>",
               n_runs > 1 ? "one standard deviation over runs" : "95 % interval over tasks");
}

void report_page_warnings(const RunData *run, int n_runs, Str *out) {
    str_puts(out, "<h2>Warnings</h2><div class=\"card\"><ul class=\"warn\">");
    int n = 0;
    for (int r = 0; r < n_runs; r++) {
        for (const Json *w = json_first(run_get(&run[r], "warnings")); w; w = json_next(w), n++) {
            str_puts(out, "<li>");
            if (n_runs > 1) put(out, run[r].name), str_puts(out, ": ");
            put(out, json_text(w, ""));
            str_puts(out, "</li>");
        }
        const Curves *c = &run[r].curves;
        double up =
            curves_last(c, "critic/rewards/mean", 0) - curves_first(c, "critic/rewards/mean", 0);
        double acc = curves_last(c, "val-core/*/acc/mean@1", (double)NAN) -
                     curves_first(c, "val-core/*/acc/mean@1", (double)NAN);
        if (up > 0.1 && acc < 0.02) {
            str_puts(out, "<li>");
            put(out, run[r].name);
            str_puts(out, ": the reward rose but the held-out accuracy did not. Read the samples: "
                          "the policy may have learned to please the judge.</li>");
            n++;
        }
    }
    str_puts(out, "</ul>");
    if (n == 0) str_puts(out, "<span class=\"ok\">None.</span>");
    str_puts(out, "</div>");
}

static void legend(const Chart *c, Str *out) {
    str_puts(out, "<div class=\"legend\">");
    for (int k = 0; k < c->n_series; k++) {
        if (c->series[k].faint) continue;
        str_printf(out, "<span><i style=\"background:var(--c%d)\"></i>", c->series[k].color);
        put(out, c->series[k].label);
        str_puts(out, "</span>");
    }
    str_puts(out, "</div>");
}

void report_page_charts(const Chart *chart, int n_charts, Str *out) {
    str_puts(out, "<h2>Curves</h2><section class=\"grid2\">");
    for (int i = 0; i < n_charts; i++) {
        str_puts(out, "<figure class=\"card\" style=\"margin:0\"><h3>");
        put(out, chart[i].title);
        str_puts(out, "</h3><p class=\"note\">");
        put(out, chart[i].note);
        str_puts(out, "</p>");
        chart_svg(&chart[i], false, out);
        legend(&chart[i], out);
        str_puts(out, "</figure>");
    }
    str_puts(out, "</section>");
}

void report_page_samples(const RunData *run, int n_runs, Str *out) {
    int n = 0;
    for (int r = 0; r < n_runs; r++) n += run[r].n_samples;
    str_puts(out, "<h2>The same prompt over the steps</h2><div class=\"card\">");
    if (n == 0) {
        str_puts(out, "<p class=\"sub\">This run kept no samples.</p></div>");
        return;
    }
    str_puts(out,
             "<div class=\"bar-tools\"><label>prompt <select id=\"pick-prompt\"></select></label>"
             "<label>show <select id=\"pick-verdict\"><option value=\"all\">all answers</option>"
             "<option value=\"right\">right</option><option value=\"wrong\">wrong</option>"
             "<option value=\"error\">no verdict</option></select></label><label>search "
             "<input type=\"search\" id=\"pick-words\" placeholder=\"in prompt and response\">"
             "</label></div><div id=\"samples\"></div><noscript><p class=\"sub\">The samples are "
             "in the run's folder under samples/; this viewer wants JavaScript.</p></noscript>"
             "</div>");
}

void report_page_config(const RunData *run, int n_runs, Str *out) {
    str_puts(out, "<h2>Config and command</h2><div class=\"card\">");
    for (int r = 0; r < n_runs; r++) {
        str_puts(out, "<pre>");
        put(out, json_text(run_get(&run[r], "command_line"), ""));
        str_puts(out, "</pre><details><summary>");
        put(out, run[r].name);
        str_puts(out, ": every setting and where it came from</summary><div class=\"scroll\">"
                      "<table><thead><tr><th>key</th><th>value</th><th>from</th></tr></thead>"
                      "<tbody>");
        const Json *config = run_get(&run[r], "config");
        if (json_kind(config) != JSON_OBJECT) config = NULL;
        for (const Json *k = json_first(config); k; k = json_next(k)) {
            const Json *value = json_get(k, "value");
            Str text = {0};
            if (json_kind(value ? value : k) == JSON_NUMBER)
                str_number(&text, json_num(value, 0));
            else if (value && json_kind(value) == JSON_BOOL)
                str_puts(&text, json_bool(value, false) ? "true" : "false");
            else if (value && json_kind(value) == JSON_ARRAY) {
                for (const Json *v = json_first(value); v; v = json_next(v)) {
                    if (text.size) str_puts(&text, ", ");
                    if (json_kind(v) == JSON_NUMBER)
                        str_number(&text, json_num(v, 0));
                    else
                        str_puts(&text, json_text(v, ""));
                }
            } else
                str_puts(&text, json_text(value, ""));
            str_puts(out, "<tr><td>");
            put(out, json_key(k));
            str_puts(out, "</td><td>");
            put(out, str_text(&text));
            str_puts(out, "</td><td>");
            put(out, json_text(json_get(k, "origin"), ""));
            str_puts(out, "</td></tr>");
            str_free(&text);
        }
        str_puts(out, "</tbody></table></div></details>");
    }
    str_puts(out, "</div>");
}

static void json_numbers(const double *v, int n, Str *out) {
    str_putc(out, '[');
    for (int i = 0; i < n; i++) {
        if (i) str_putc(out, ',');
        if (isfinite(v[i]))
            str_printf(out, "%.6g", v[i]);
        else
            str_puts(out, "null");
    }
    str_putc(out, ']');
}

static void json_words(Str *out, const char *key, const Json *value) {
    str_printf(out, ",\"%s\":", key);
    const char *text = json_text(value, "");
    str_json(out, text, value && json_kind(value) == JSON_STRING ? json_text_size(value) : 0);
}

void report_page_data(const RunData *run, int n_runs, const Chart *chart, int n_charts, Str *out) {
    str_puts(out, "{\"charts\":{");
    for (int i = 0; i < n_charts; i++) {
        const Chart *c = &chart[i];
        str_printf(out, "%s\"chart-%s\":{\"x_label\":", i ? "," : "", c->id);
        str_json(out, c->x_label, strlen(c->x_label));
        str_puts(out, ",\"lines\":[");
        for (int k = 0; k < c->n_series; k++) {
            str_puts(out, k ? ",{\"label\":" : "{\"label\":");
            str_json(out, c->series[k].label, strlen(c->series[k].label));
            str_puts(out, ",\"x\":");
            json_numbers(c->series[k].x, c->series[k].n, out);
            str_puts(out, ",\"y\":");
            json_numbers(c->series[k].y, c->series[k].n, out);
            str_putc(out, '}');
        }
        str_puts(out, "]}");
    }
    str_puts(out, "},\"samples\":[");
    bool first = true;
    for (int r = 0; r < n_runs; r++) {
        for (int i = 0; i < run[r].n_samples; i++) {
            const Json *s = json_root(run[r].sample[i].doc);
            if (json_kind(s) != JSON_OBJECT) continue;
            str_printf(out, "%s{\"run\":%d,\"step\":%lld,\"length\":%lld", first ? "" : ",\n", r,
                       (long long)json_int(json_get(s, "step"), run[r].sample[i].step),
                       (long long)json_int(json_get(s, "length"), 0));
            first = false;
            json_words(out, "id", json_get(s, "id"));
            json_words(out, "input", json_get(s, "input"));
            json_words(out, "output", json_get(s, "output"));
            json_words(out, "gts", json_get(s, "gts"));
            json_words(out, "verdict", json_get(s, "verdict"));
            json_words(out, "finish", json_get(s, "finish"));
            if (n_runs > 1)
                str_puts(out, ",\"of\":"), str_json(out, run[r].name, strlen(run[r].name));
            str_putc(out, '}');
        }
    }
    str_puts(out, "]}");
}
