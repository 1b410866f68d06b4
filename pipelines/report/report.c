// pipelines/report/report.c -- puts the parts together, and the plain forms beside the page.
#include "pipelines/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "pipelines/report/report_charts.h"
#include "pipelines/report/report_page.h"

void report_html(const RunData *run, int n_runs, Str *out) {
    Arena *arena = arena_new(1 << 20);
    Chart chart[REPORT_CHARTS_MAX];
    int n_charts = report_charts(run, n_runs, chart, arena);
    Str data = {0};
    report_page_data(run, n_runs, chart, n_charts, &data);
    // The script's licence to run is a number that no sample could have known.
    unsigned long long nonce = rng_hash(data.data, data.size);
    str_puts(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    str_printf(out,
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
               "style-src 'unsafe-inline'; script-src 'nonce-%016llx'; base-uri 'none'; "
               "form-action 'none'\">\n",
               nonce);
    str_puts(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>");
    for (int i = 0; i < n_runs; i++) {
        if (i) str_puts(out, ", ");
        str_html(out, run[i].name, strlen(run[i].name));
    }
    str_puts(out, " &middot; grpo report</title>\n<style>\n");
    str_puts(out, report_page_css);
    str_puts(out, "</style>\n</head>\n<body>\n<main>\n");
    report_page_head(run, n_runs, out);
    report_page_kpis(run, n_runs, out);
    report_page_table(run, n_runs, out);
    report_page_charts(chart, n_charts, out);
    report_page_samples(run, n_runs, out);
    report_page_warnings(run, n_runs, out);
    report_page_config(run, n_runs, out);
    str_puts(out, "<footer>Batch counts prompts; a step is one optimiser step. Written by grpo; "
                  "this page fetches nothing.</footer>\n</main>\n"
                  "<script type=\"application/json\" id=\"data\">");
    str_add(out, data.data, data.size);
    str_printf(out, "</script>\n<script nonce=\"%016llx\">\n", nonce);
    str_puts(out, report_page_js);
    str_puts(out, "</script>\n</body>\n</html>\n");
    str_free(&data);
    arena_free(arena);
}

// NaN: not measured; infinite: measured, but nothing could be counted.
static void md_value(double v, bool share, Str *out) {
    if (isinf(v))
        str_puts(out, " unknown |");
    else if (isnan(v))
        str_puts(out, " – |");
    else if (share)
        str_printf(out, " %.1f %% |", 100 * v);
    else
        str_printf(out, " %.1f |", v);
}

static double eval_mean(const RunData *run, const char *when, const char *set, const char *what) {
    const Json *node =
        run->eval ? json_get(json_get(json_get(json_root(run->eval), when), set), what) : NULL;
    if (!node) return (double)NAN;
    return json_kind(node) == JSON_OBJECT ? json_num(json_get(node, "mean"), (double)INFINITY)
                                          : json_num(node, (double)NAN);
}

static double eval_pass(const RunData *run, const char *when, const char *set, int k) {
    if (!run->eval) return (double)NAN;
    const Json *list = json_get(json_get(json_get(json_root(run->eval), when), set), "pass_at");
    for (const Json *v = json_first(list); v; v = json_next(v))
        if (json_int(json_get(v, "k"), 0) == k)
            return json_num(json_get(v, "mean"), (double)INFINITY);
    return (double)NAN;
}

void report_markdown(const RunData *run, int n_runs, Str *out) {
    str_puts(out, "| run | when | pass@1 | pass@16 | pass@64 | format | length | larger operands: "
                  "pass@1 |\n|---|---|---|---|---|---|---|---|\n");
    static const char *const when[] = {"base", "final"};
    for (int r = 0; r < n_runs; r++)
        for (int w = 0; w < 2; w++) {
            str_printf(out, "| %s | %s |", run[r].name, when[w]);
            md_value(eval_mean(&run[r], when[w], "heldout", "acc"), true, out);
            md_value(eval_pass(&run[r], when[w], "heldout", 16), true, out);
            md_value(eval_pass(&run[r], when[w], "heldout", 64), true, out);
            md_value(eval_mean(&run[r], when[w], "heldout", "format"), true, out);
            md_value(eval_mean(&run[r], when[w], "heldout", "length"), false, out);
            md_value(eval_mean(&run[r], when[w], "large", "acc"), true, out);
            str_putc(out, '\n');
        }
    str_puts(out, "\n| run | step | reward | held-out accuracy | format | length | entropy |\n"
                  "|---|---|---|---|---|---|---|\n");
    for (int r = 0; r < n_runs; r++) {
        const Curves *c = &run[r].curves;
        const double *acc = curves_get(c, "val-core/*/acc/mean@1");
        static const char *const rest[] = {"val-aux/*/format/mean", "val-aux/*/length/mean",
                                           "actor/entropy"};
        for (int i = 0; i < c->n_rows; i++) {
            if (!acc || !isfinite(acc[i])) continue;
            const double *reward = curves_get(c, "critic/rewards/mean");
            str_printf(out, "| %s | %.0f |", run[r].name, c->step[i]);
            if (reward && isfinite(reward[i]))
                str_printf(out, " %.3f |", reward[i]);
            else
                str_puts(out, " – |");
            md_value(acc[i], true, out);
            for (int k = 0; k < 3; k++) {
                const double *y = curves_get(c, rest[k]);
                double v = y ? y[i] : (double)NAN;
                if (k == 2 && isfinite(v))
                    str_printf(out, " %.3f |", v);
                else
                    md_value(v, k == 0, out);
            }
            str_putc(out, '\n');
        }
    }
}

// A field of RFC 4180: in quotes where it holds a comma, a quote or the end of a line.
static void csv_field(const char *text, Str *out) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        str_puts(out, text);
        return;
    }
    str_putc(out, '"');
    for (; *text; text++) {
        if (*text == '"') str_putc(out, '"');
        str_putc(out, *text);
    }
    str_putc(out, '"');
}

void report_csv(const RunData *run, int n_runs, Str *out) {
    str_puts(out, "run,step,timestamp");
    // The columns of all runs, in order of first appearance.
    const char **name = NULL;
    int n = 0;
    for (int r = 0; r < n_runs; r++)
        for (int k = 0; k < run[r].curves.n_columns; k++) {
            const char *candidate = run[r].curves.column[k].name;
            int seen = 0;
            while (seen < n && strcmp(name[seen], candidate) != 0) seen++;
            if (seen < n) continue;
            name = realloc(name, sizeof *name * (size_t)(n + 1));
            CHECK(name);
            name[n++] = candidate;
            str_putc(out, ',');
            csv_field(candidate, out);
        }
    str_putc(out, '\n');
    for (int r = 0; r < n_runs; r++) {
        const Curves *c = &run[r].curves;
        for (int i = 0; i < c->n_rows; i++) {
            csv_field(run[r].name, out);
            str_printf(out, ",%.0f,%.3f", c->step[i], c->time[i]);
            for (int k = 0; k < n; k++) {
                const double *y = curves_get(c, name[k]);
                str_putc(out, ',');
                if (y && isfinite(y[i])) str_number(out, y[i]);
            }
            str_putc(out, '\n');
        }
    }
    free(name);
}

void report_json(const RunData *run, int n_runs, Str *out) {
    for (int r = 0; r < n_runs; r++) {
        const Curves *c = &run[r].curves;
        str_puts(out, "{\"run\":");
        str_json(out, run[r].path, strlen(run[r].path));
        str_printf(out, ",\"step\":%.0f,\"last\":{", c->n_rows ? c->step[c->n_rows - 1] : -1.0);
        for (int k = 0; k < c->n_columns; k++) {
            if (k) str_putc(out, ',');
            str_json(out, c->column[k].name, strlen(c->column[k].name));
            str_putc(out, ':');
            str_number(out, curves_last(c, c->column[k].name, (double)NAN));
        }
        str_puts(out, "}}\n");
    }
}

Status report_svg(const RunData *run, int n_runs, const char *folder) {
    Arena *arena = arena_new(1 << 20);
    Chart chart[REPORT_CHARTS_MAX];
    int n = report_charts(run, n_runs, chart, arena);
    Str svg = {0};
    Status st;
    TRY_OUT(file_mkdirs(folder));
    for (int i = 0; i < n; i++) {
        str_clear(&svg);
        chart_svg(&chart[i], true, &svg);
        str_putc(&svg, '\n');
        TRY_OUT(file_write_atomic(arena_printf(arena, "%s/%s.svg", folder, chart[i].id), svg.data,
                                  svg.size));
    }
out:
    str_free(&svg);
    arena_free(arena);
    return st;
}
