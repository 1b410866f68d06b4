// pipelines/run/progress.c -- a few metrics on one line, and when it will be over.
#include "pipelines/run/progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipelines/report/chart.h"

Progress progress_open(const char *what, int64_t done, int64_t steps, int64_t every) {
    return (Progress){.what = what,
                      .steps = steps,
                      .every = every > 0 ? every : 1,
                      .begin = clock_now(),
                      .first = done,
                      .accuracy = (double)NAN};
}

static void add(Str *line, const Metrics *row, const char *metric, const char *label) {
    double v = metrics_get(row, metric, (double)NAN);
    if (!isfinite(v)) return;
    str_printf(line, "  %s ", label);
    chart_number(v, line);
}

static void add_eta(Str *line, const Progress *p, int64_t step) {
    int64_t done = step - p->first;
    if (done < 1) return;
    double left = (clock_now() - p->begin) / (double)done * (double)(p->steps - step);
    long s = (long)(left + 0.5);
    if (s >= 3600)
        str_printf(line, "  eta %ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        str_printf(line, "  eta %ld:%02ld", s / 60, s % 60);
}

// With --verbose: what the step's time went into.
static void say_phases(int64_t step, const Metrics *row) {
    Str line = {0};
    int n = 0;
    for (int i = 0; i < row->n; i++) {
        if (strncmp(row->name[i], "timing_s/", 9) != 0) continue;
        str_printf(&line, "  %s %.3f s", row->name[i] + 9, row->value[i]);
        n++;
    }
    if (n > 1) log_debug("step %lld:%s", (long long)step, str_text(&line));
    str_free(&line);
}

void progress_step(Progress *p, int64_t step, const Metrics *row) {
    Str line = {0};
    str_printf(&line, "%s %lld/%lld", p->what, (long long)step, (long long)p->steps);
    double reward = metrics_get(row, "critic/rewards/mean", (double)NAN);
    if (isfinite(reward)) {
        str_printf(&line, "  reward %.2f", reward);
        double std = metrics_get(row, "critic/rewards/std", (double)NAN);
        if (isfinite(std)) str_printf(&line, "±%.2f", std);
    }
    add(&line, row, "train/loss", "loss");
    add(&line, row, "reward/accuracy/mean", "acc");
    if (isfinite(p->accuracy)) str_printf(&line, "  held-out %.2f", p->accuracy);
    add(&line, row, "reward/format/mean", "fmt");
    double length = metrics_get(row, "response_length/mean", (double)NAN);
    if (isfinite(length)) str_printf(&line, "  len %.0f", length);
    add(&line, row, "actor/entropy", "ent");
    add(&line, row, "actor/ppo_kl", "ppo_kl");
    add(&line, row, "actor/kl_loss", "ref_kl");
    add(&line, row, "actor/pg_clipfrac", "clip");
    add(&line, row, "actor/grad_norm", "gn");
    double speed = metrics_get(row, "perf/throughput", (double)NAN);
    if (isfinite(speed)) {
        str_puts(&line, "  ");
        if (speed >= 1000)
            str_printf(&line, "%.1fk tok/s", speed / 1000);
        else
            str_printf(&line, "%.0f tok/s", speed);
    }
    add_eta(&line, p, step);
    log_progress(step % p->every == 0 || step == p->steps || step == p->first + 1, "%s",
                 str_text(&line));
    str_free(&line);
    say_phases(step, row);
}

void progress_end(void) {
    log_progress_end();
}
