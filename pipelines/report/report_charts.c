// pipelines/report/report_charts.c -- the table of charts, and the joining of several runs.
#include "pipelines/report/report_charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum { LINES_MAX = 8, BLUE = 1, RED = 2, GREEN = 3, PINK = 4, ORANGE = 5, SKY = 6, GREY = 7 };

typedef struct Line {
    const char *metric, *label;
    int color;
    const char *spread;     // a metric with the standard deviation around it
    const char *low, *high; // or two metrics with an interval
    bool points;
} Line;

typedef struct Spec {
    const char *id, *title, *note;
    bool base; // from the pretraining's metrics
    bool stacked, fixed;
    bool optional; // left out where no run has data for it
    double y_min, y_max;
    Line line[LINES_MAX];
} Spec;

static const Spec specs[] = {
    {.id = "reward",
     .title = "Reward",
     .note = "Mean over all samples of the step; band: one standard deviation over samples.",
     .line = {{.metric = "critic/rewards/mean",
               .label = "reward",
               .color = BLUE,
               .spread = "critic/rewards/std"}}},
    {.id = "accuracy",
     .title = "Accuracy on held-out tasks",
     .note = "Share of right answers (pass@1) on tasks that are never trained on; bars: 95 % "
             "interval over tasks. Thin: right answers among the training samples.",
     .fixed = true,
     .y_max = 1,
     .line = {{.metric = "val-core/*/acc/mean@1",
               .label = "held-out",
               .color = GREEN,
               .low = "val-aux/*/acc/ci_low",
               .high = "val-aux/*/acc/ci_high",
               .points = true},
              {.metric = "reward/accuracy/mean", .label = "training samples", .color = GREY}}},
    {.id = "format",
     .title = "Format",
     .note = "Share of responses that have the asked form from begin to end.",
     .fixed = true,
     .y_max = 1,
     .line =
         {{.metric = "val-aux/*/format/mean", .label = "held-out", .color = PINK, .points = true},
          {.metric = "reward/format/mean", .label = "training samples", .color = GREY}}},
    {.id = "length",
     .title = "Response length",
     .note = "Sampled tokens a response, end token included; right and wrong answers apart. No "
             "reward depends on length.",
     .line = {{.metric = "response_length/mean", .label = "all", .color = BLUE},
              {.metric = "length/right/mean", .label = "right", .color = GREEN},
              {.metric = "length/wrong/mean", .label = "wrong", .color = RED}}},
    {.id = "entropy",
     .title = "Entropy",
     .note = "Mean over trained tokens of the policy's entropy, in nats.",
     .line = {{.metric = "actor/entropy", .label = "entropy", .color = BLUE}}},
    {.id = "kl",
     .title = "KL",
     .note = "ppo_kl: mean of old minus new log-probability over trained tokens. kl_loss: distance "
             "to the reference, where one is used.",
     .line = {{.metric = "actor/ppo_kl", .label = "ppo_kl", .color = BLUE},
              {.metric = "actor/kl_loss", .label = "kl_loss", .color = RED}}},
    {.id = "clip",
     .title = "Clip fraction",
     .note = "Share of trained tokens whose ratio the loss clips. One update a rollout: always 0.",
     .line = {{.metric = "actor/pg_clipfrac", .label = "clipped", .color = BLUE},
              {.metric = "actor/pg_clipfrac_lower", .label = "dual clip", .color = RED}}},
    {.id = "grad",
     .title = "Gradient norm",
     .note = "Global L2 norm over all parameters, before clipping.",
     .line = {{.metric = "actor/grad_norm", .label = "gradient norm", .color = BLUE}}},
    {.id = "groups",
     .title = "Group composition",
     .note = "Share of prompts whose samples are all right, mixed, all wrong. Only mixed groups "
             "teach.",
     .stacked = true,
     .fixed = true,
     .y_max = 1,
     .line = {{.metric = "group/all_right", .label = "all right", .color = GREEN},
              {.metric = "group/mixed", .label = "mixed", .color = BLUE},
              {.metric = "group/all_wrong", .label = "all wrong", .color = RED}}},
    {.id = "speed",
     .title = "Tokens per second",
     .note = "Of each phase while it runs: new tokens for sampling, trained response tokens for "
             "training. Whole step: prompt and response tokens over all of its time.",
     .line = {{.metric = "perf/throughput_gen", .label = "sampling", .color = SKY},
              {.metric = "perf/throughput_train", .label = "training", .color = ORANGE},
              {.metric = "perf/throughput", .label = "whole step", .color = GREY}}},
    {.id = "time",
     .title = "Time per step",
     .note = "Seconds by phase; evaluation and checkpoints apart.",
     .stacked = true,
     .line = {{.metric = "timing_s/gen", .label = "sampling", .color = SKY},
              {.metric = "timing_s/reward", .label = "judging", .color = GREEN},
              {.metric = "timing_s/update_actor", .label = "training", .color = ORANGE},
              {.metric = "timing_s/old_log_prob", .label = "scoring", .color = PINK},
              {.metric = "timing_s/ref", .label = "reference", .color = GREY}}},
    {.id = "drafts",
     .optional = true,
     .title = "Drafts",
     .note = "Guesses of the next tokens: share that was right, and tokens that a draw of a sample "
             "gave. 1 without drafts.",
     .line = {{.metric = "rollout/draft/accepted_frac", .label = "right", .color = BLUE},
              {.metric = "rollout/tokens_per_draw", .label = "tokens a draw", .color = GREEN}}},
    {.id = "mtp",
     .optional = true,
     .title = "Loss of the MTP modules",
     .note = "Mean negative log-probability a predicted token, nats, of trained tokens.",
     .line = {{.metric = "mtp/loss_1", .label = "module 1", .color = BLUE},
              {.metric = "mtp/loss_2", .label = "module 2", .color = RED}}},
    {.id = "sampler",
     .title = "Sampler against trainer",
     .note = "Difference of log-probability for the same token under the same weights, sampler "
             "against trainer. 0: one arithmetic.",
     .line = {{.metric = "sampling/logp_diff/mean", .label = "mean", .color = BLUE},
              {.metric = "sampling/logp_diff/max", .label = "max", .color = RED}}},
    {.id = "passk", .title = "pass@k, base and final"}, // drawn from eval.json
    {.id = "base",
     .title = "Pretraining loss of the base",
     .note = "Mean negative log-probability a token, nats. Next-token training on the corpus; no "
             "supervised step comes after it.",
     .base = true,
     .line = {{.metric = "train/loss", .label = "loss", .color = BLUE},
              {.metric = "sft/loss", .label = "loss", .color = BLUE}}},
    {.id = "cut",
     .title = "Cut off and without verdict",
     .note = "Share of responses that ran into the length limit; share that no judge could rule on "
             "(masked out, never counted as wrong).",
     .line = {{.metric = "response_length/clip_ratio", .label = "cut off", .color = RED},
              {.metric = "verify/error_frac", .label = "no verdict", .color = GREY}}},
    {.id = "experts",
     .title = "Load of the experts",
     .note = "Least and most used expert over the mean, worst layer. 1: all alike.",
     .line = {{.metric = "moe/load_max", .label = "most used", .color = RED},
              {.metric = "moe/load_min", .label = "least used", .color = BLUE}}},
};
enum { N_SPECS = sizeof specs / sizeof specs[0] };

static double *filled(int n, double value, Arena *arena) {
    double *y = ARENA_ARRAY(arena, double, n > 0 ? n : 1);
    for (int i = 0; i < n; i++) y[i] = value;
    return y;
}

static const Curves *curves_of(const RunData *run, const Spec *spec) {
    return spec->base ? &run->base : &run->curves;
}

// The line of a single run, with its recorded band.
static bool line_of_run(const RunData *run, const Spec *spec, const Line *line, Series *out,
                        Arena *arena) {
    const Curves *c = curves_of(run, spec);
    const double *y = curves_get(c, line->metric);
    if (!y) return false;
    *out = (Series){.label = line->label,
                    .color = line->color,
                    .x = c->step,
                    .y = y,
                    .n = c->n_rows,
                    .points = line->points};
    const double *spread = line->spread ? curves_get(c, line->spread) : NULL;
    if (spread) {
        double *low = filled(c->n_rows, (double)NAN, arena);
        double *high = filled(c->n_rows, (double)NAN, arena);
        for (int i = 0; i < c->n_rows; i++) low[i] = y[i] - spread[i], high[i] = y[i] + spread[i];
        out->low = low, out->high = high;
    } else if (line->low) {
        out->low = curves_get(c, line->low), out->high = curves_get(c, line->high);
        if (!out->low || !out->high) out->low = out->high = NULL;
    }
    return true;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// Mean over runs at every step that any of them has, with one standard deviation around it.
static int line_of_runs(const RunData *run, int n_runs, const Spec *spec, const Line *line,
                        Series *out, int room, Arena *arena) {
    int cap = 0, n = 0, used = 0;
    for (int r = 0; r < n_runs; r++) cap += curves_of(&run[r], spec)->n_rows;
    double *x = filled(cap, 0, arena);
    for (int r = 0; r < n_runs; r++) {
        const Curves *c = curves_of(&run[r], spec);
        const double *y = curves_get(c, line->metric);
        for (int i = 0; y && i < c->n_rows; i++)
            if (isfinite(y[i])) x[n++] = c->step[i];
    }
    if (n == 0) return 0;
    qsort(x, (size_t)n, sizeof *x, ascending);
    int unique = 0;
    for (int i = 0; i < n; i++)
        if (i == 0 || x[i] != x[unique - 1]) x[unique++] = x[i];
    double *sum = filled(unique, 0, arena), *square = filled(unique, 0, arena);
    double *count = filled(unique, 0, arena);
    for (int r = 0; r < n_runs; r++) {
        const Curves *c = curves_of(&run[r], spec);
        const double *y = curves_get(c, line->metric);
        for (int i = 0, k = 0; y && i < c->n_rows; i++) {
            if (!isfinite(y[i])) continue;
            while (k < unique && x[k] < c->step[i]) k++;
            sum[k] += y[i], square[k] += y[i] * y[i], count[k] += 1;
        }
        if (y && used < room - 1 && !spec->stacked)
            out[used++] = (Series){.label = run[r].name,
                                   .color = line->color,
                                   .x = c->step,
                                   .y = y,
                                   .n = c->n_rows,
                                   .faint = true};
    }
    double *low = filled(unique, 0, arena), *high = filled(unique, 0, arena);
    for (int k = 0; k < unique; k++) {
        double mean = sum[k] / count[k], var = square[k] / count[k] - mean * mean;
        double std = count[k] > 1 && var > 0 ? sqrt(var * count[k] / (count[k] - 1)) : 0;
        sum[k] = mean, low[k] = mean - std, high[k] = mean + std;
    }
    out[used++] = (Series){.label = line->label,
                           .color = line->color,
                           .x = x,
                           .y = sum,
                           .low = low,
                           .high = high,
                           .n = unique,
                           .points = line->points};
    return used;
}

// pass@k of base and final, mean over the runs; with one run its intervals as bars.
static void passk_chart(const RunData *run, int n_runs, Chart *chart, Arena *arena) {
    static const char *const when[] = {"base", "final"};
    static const int color[] = {GREY, GREEN};
    enum { KS = 16 };
    Series *series = ARENA_ARRAY(arena, Series, 2);
    int n_series = 0;
    for (int w = 0; w < 2; w++) {
        double *k = filled(KS, 0, arena), *y = filled(KS, 0, arena);
        double *low = filled(KS, 0, arena), *high = filled(KS, 0, arena);
        int n = 0, seen = 0;
        for (int r = 0; r < n_runs; r++) {
            if (!run[r].eval) continue;
            const Json *list =
                json_get(json_get(json_get(json_root(run[r].eval), when[w]), "heldout"), "pass_at");
            int i = 0;
            for (const Json *v = json_first(list); v && i < KS; v = json_next(v), i++) {
                if (!isfinite(json_num(json_get(v, "mean"), (double)NAN))) break; // unknown
                k[i] = json_num(json_get(v, "k"), 1);
                y[i] += json_num(json_get(v, "mean"), (double)NAN);
                low[i] = json_num(json_get(v, "low"), (double)NAN);
                high[i] = json_num(json_get(v, "high"), (double)NAN);
            }
            if (i > 0) seen++, n = seen == 1 || i < n ? i : n;
        }
        if (!seen) continue;
        for (int i = 0; i < n; i++) y[i] /= seen;
        bool bars = seen == 1;
        series[n_series++] = (Series){.label = when[w],
                                      .color = color[w],
                                      .x = k,
                                      .y = y,
                                      .low = bars ? low : NULL,
                                      .high = bars ? high : NULL,
                                      .n = n,
                                      .points = true};
    }
    chart->note = "Chance that at least one of k samples is right (unbiased estimate over held-out "
                  "tasks, same prompt for base and final); bars: 95 % interval.";
    chart->x_label = "k";
    chart->series = series;
    chart->n_series = n_series;
    chart->log2_x = chart->fixed = true;
    chart->y_max = 1;
}

// A stack is drawn over the steps that have any of its parts; a missing part is 0 there.
static void complete_stack(Series *series, int n, Arena *arena) {
    int rows = n ? series[0].n : 0, kept = 0;
    for (int k = 1; k < n; k++)
        if (series[k].n < rows) rows = series[k].n;
    double *x = filled(rows, 0, arena);
    double *y[LINES_MAX];
    for (int k = 0; k < n; k++) y[k] = filled(rows, 0, arena);
    for (int i = 0; i < rows; i++) {
        bool any = false;
        for (int k = 0; k < n; k++) {
            double v = series[k].y[i];
            any = any || isfinite(v);
            y[k][kept] = isfinite(v) ? v : 0;
        }
        x[kept] = series[0].x[i];
        kept += any;
    }
    for (int k = 0; k < n; k++) series[k].x = x, series[k].y = y[k], series[k].n = kept;
}

static bool has_points(const Series *series, int n) {
    for (int i = 0; i < n; i++)
        if (series[i].n > 0) return true;
    return false;
}

int report_charts(const RunData *run, int n_runs, Chart *chart, Arena *arena) {
    int at = 0;
    for (int s = 0; s < N_SPECS; s++) {
        const Spec *spec = &specs[s];
        chart[at] = (Chart){.id = spec->id,
                            .title = spec->title,
                            .note = spec->note,
                            .x_label = spec->base ? "pretraining step" : "step",
                            .stacked = spec->stacked,
                            .fixed = spec->fixed,
                            .y_min = spec->y_min,
                            .y_max = spec->y_max};
        if (strcmp(spec->id, "passk") == 0) {
            passk_chart(run, n_runs, &chart[at++], arena);
            continue;
        }
        int room = LINES_MAX * (n_runs + 1);
        Series *series = ARENA_ARRAY(arena, Series, room);
        int n = 0;
        for (int l = 0; l < LINES_MAX && spec->line[l].metric; l++) {
            if (n_runs == 1)
                n += line_of_run(run, spec, &spec->line[l], &series[n], arena);
            else
                n += line_of_runs(run, n_runs, spec, &spec->line[l], &series[n], room - n, arena);
        }
        if (spec->optional && !has_points(series, n)) continue;
        chart[at].series = series;
        chart[at].n_series = n;
        at++;
        if (spec->stacked) complete_stack(series, n, arena);
    }
    return at;
}
