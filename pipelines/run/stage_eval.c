// pipelines/run/stage_eval.c -- evaluations as metrics, samples and eval.json.
#include "pipelines/run/stage_eval.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/run/sample_lines.h"

typedef struct Shown {
    const RunConfig *rc;
    const Tokenizer *tokenizer;
    int64_t step;
    Str lines;
} Shown;

static void keep_shown(void *ctx, const Batch *batch, const BatchJudge *judging) {
    (void)judging;
    Shown *s = ctx;
    for (int g = 0; g < batch->n_groups; g++)
        if (batch->task_index[g] < (uint64_t)s->rc->eval.shown)
            sample_line(batch, batch->group_begin[g], s->tokenizer, s->step, &s->lines);
}

// A source's name as a part of a metric's: short enough for every one of them.
static const char *label(const char *source, char out[32]) {
    snprintf(out, 32, "%s", source);
    if (strlen(source) < 32) return out;
    size_t n = 28; // not inside a character
    while (n > 0 && ((unsigned char)source[n] & 0xC0) == 0x80) n--;
    memcpy(out + n, "...", 4);
    return out;
}

static void put(Metrics *row, const char *kind, const char *source, const char *what, double v) {
    char name[32];
    if (isfinite(v) && row->n < METRICS_MAX)
        metrics_set(row, v, "%s/%s/%s", kind, label(source, name), what);
}

static void put_pass(Metrics *row, const char *source, const EvalResult *r, int i) {
    char name[48];
    snprintf(name, sizeof name, "acc/best@%d/mean", r->pass[i].k);
    put(row, "val-core", source, name, r->pass[i].value.mean);
}

static void put_figures(Metrics *row, const char *source, const EvalResult *r) {
    put(row, "val-core", source, "acc/mean@1", r->accuracy.mean);
    put(row, "val-aux", source, "n", r->n_tasks);
    put(row, "val-aux", source, "acc/ci_low", r->accuracy.low);
    put(row, "val-aux", source, "acc/ci_high", r->accuracy.high);
    if (r->n_pass) put_pass(row, source, r, 0);
    put(row, "val-aux", source, "format/mean", r->format.mean);
    put(row, "val-aux", source, "length/mean", r->length_mean);
    put(row, "val-aux", source, "length/right/mean", r->length_right);
    put(row, "val-aux", source, "length/wrong/mean", r->length_wrong);
    put(row, "val-aux", source, "truncated_frac", r->truncated_frac);
    put(row, "val-aux", source, "error_frac", r->error_frac);
}

// The whole first: it is the one that curves and the best checkpoint go by. A part that has the
// whole's name (a file with rows of its own and of others) would hide it.
static void put_result(Metrics *row, const char *source, const EvalResult *r) {
    put_figures(row, source, r);
    for (int s = 0; s < r->n_sources; s++)
        if (strcmp(r->by_source[s].source, source) != 0)
            put_figures(row, r->by_source[s].source, &r->by_source[s]);
}

static void put_passes(Metrics *row, const char *source, const EvalResult *r) {
    for (int i = 0; i < r->n_pass; i++)
        if (r->pass[i].k > 1) put_pass(row, source, r, i);
    for (int s = 0; s < r->n_sources; s++)
        if (strcmp(r->by_source[s].source, source) != 0)
            put_passes(row, r->by_source[s].source, &r->by_source[s]);
}

// What every evaluation of a run has in common.
static EvalConfig config_of(const RunConfig *rc, int64_t step) {
    return (EvalConfig){.step = (uint64_t)step,
                        .temperature = rc->eval.temperature,
                        .top_p = rc->eval.top_p,
                        .top_k = (int)rc->eval.top_k,
                        .max_new_tokens = (int)rc->eval.max_new_tokens};
}

Status stage_eval_step(const RunConfig *rc, const EvalDeps *deps, RunFolder *run, int64_t step,
                       Metrics *row, double *accuracy) {
    Arena *arena = arena_new(1 << 20);
    Shown shown = {.rc = rc, .tokenizer = deps->run.tokenizer, .step = step};
    EvalDeps with = *deps;
    with.seen = keep_shown;
    with.seen_ctx = &shown;
    int k = (int)rc->eval.samples;
    EvalConfig cfg = config_of(rc, step);
    cfg.n_tasks = (int)rc->eval.tasks;
    cfg.k = k;
    cfg.pass_k[0] = k;
    cfg.n_pass = k > 1;
    EvalResult r;
    metrics_clear(row);
    *accuracy = (double)NAN;
    Status st;
    TRY_OUT(evaluate(&with, &cfg, &r, arena));
    if (r.stopped) goto out;
    *accuracy = r.accuracy.mean;
    put_result(row, deps->source->name, &r);
    metrics_set(row, r.seconds, "timing_s/testing");
    st = runfolder_lines(run, "samples", step, &shown.lines);
out:
    str_free(&shown.lines);
    arena_free(arena);
    return st;
}

static void interval(const char *name, const Interval *v, Str *out) {
    str_printf(out, "\"%s\":{\"mean\":", name);
    str_number(out, v->mean);
    str_puts(out, ",\"low\":");
    str_number(out, v->low);
    str_puts(out, ",\"high\":");
    str_number(out, v->high);
    str_putc(out, '}');
}

static void number(const char *name, double v, Str *out) {
    str_printf(out, ",\"%s\":", name);
    str_number(out, v);
}

// The part of the same source; NULL: it has none.
static const EvalResult *same_source(const EvalResult *all, const char *source) {
    for (int s = 0; all && s < all->n_sources; s++)
        if (strcmp(all->by_source[s].source, source) == 0) return &all->by_source[s];
    return NULL;
}

void stage_eval_json(const EvalResult *r, const EvalResult *passk, Str *out) {
    str_printf(out, "{\"tasks\":%d,\"samples\":%d,", r->n_tasks, r->k);
    interval("acc", &r->accuracy, out);
    str_putc(out, ',');
    interval("format", &r->format, out);
    number("length", r->length_mean, out);
    number("length_right", r->length_right, out);
    number("length_wrong", r->length_wrong, out);
    number("truncated_frac", r->truncated_frac, out);
    number("error_frac", r->error_frac, out);
    const EvalResult *p = passk ? passk : r;
    if (p->k > 1) {
        str_puts(out, ",");
        interval("cons", &p->cons, out);
        str_printf(out, ",\"cons_k\":%d,\"passk_tasks\":%d", p->k, p->n_tasks);
    }
    str_puts(out, ",\"pass_at\":[");
    for (int i = 0; i < p->n_pass; i++) {
        str_printf(out, "%s{\"k\":%d,\"tasks\":%d,\"mean\":", i ? "," : "", p->pass[i].k,
                   p->pass[i].n_tasks);
        str_number(out, p->pass[i].value.mean);
        number("low", p->pass[i].value.low, out);
        number("high", p->pass[i].value.high, out);
        str_putc(out, '}');
    }
    str_puts(out, "]");
    for (int s = 0; s < r->n_sources; s++) {
        const char *source = r->by_source[s].source;
        str_puts(out, s ? "," : ",\"sources\":{");
        str_json(out, source, strlen(source));
        str_putc(out, ':');
        stage_eval_json(&r->by_source[s], same_source(passk, source), out);
        if (s == r->n_sources - 1) str_putc(out, '}');
    }
    number("seconds", r->seconds + (passk ? passk->seconds : 0), out);
    str_putc(out, '}');
}

static const char *percent(const Interval *v, Arena *arena) {
    return isnan(v->mean) ? "unknown" : arena_printf(arena, "%.1f %%", 100 * v->mean);
}

Status stage_eval_full(const RunConfig *rc, const EvalDeps *deps, const TaskSource *large,
                       int64_t step, Metrics *row, Str *out, bool *stopped) {
    Arena *arena = arena_new(1 << 20);
    EvalResult one, many, big;
    EvalConfig cfg = config_of(rc, step);
    cfg.first_index = EVAL_FIRST_FINAL;
    cfg.n_tasks = (int)rc->eval.final_tasks;
    cfg.k = 1;
    Status st;
    *stopped = false;
    TRY_OUT(evaluate(deps, &cfg, &one, arena));
    *stopped = one.stopped;
    bool has_many = rc->eval.passk_tasks > 0 && !*stopped;
    if (has_many) {
        cfg.first_index = EVAL_FIRST_PASSK;
        cfg.n_tasks = (int)rc->eval.passk_tasks;
        cfg.k = (int)rc->eval.passk_samples;
        for (int i = 0; i < rc->eval.pass_k.n; i++)
            cfg.pass_k[cfg.n_pass++] = (int)rc->eval.pass_k.value[i];
        for (int k = 1; !rc->eval.pass_k.n && k <= cfg.k && cfg.n_pass < EVAL_PASS_MAX; k *= 2)
            cfg.pass_k[cfg.n_pass++] = k;
        TRY_OUT(evaluate(deps, &cfg, &many, arena));
        *stopped = many.stopped;
    }
    bool has_big = large && rc->eval.large_tasks > 0 && !*stopped;
    if (has_big) {
        EvalDeps with = *deps;
        with.source = large;
        cfg = config_of(rc, step);
        cfg.n_tasks = (int)rc->eval.large_tasks;
        cfg.k = 1;
        TRY_OUT(evaluate(&with, &cfg, &big, arena));
        *stopped = big.stopped;
    }
    if (*stopped) goto out;
    put_result(row, deps->source->name, &one);
    if (has_many) put_passes(row, deps->source->name, &many);
    if (has_big) put_result(row, large->name, &big);
    str_puts(out, "{\"heldout\":");
    stage_eval_json(&one, has_many ? &many : NULL, out);
    if (has_big) {
        str_puts(out, ",\"large\":");
        stage_eval_json(&big, NULL, out);
    }
    str_putc(out, '}');
    log_info("%s: pass@1 %s of %d held-out tasks, format %s, mean length %.1f tokens",
             step == 0 ? "base" : "final", percent(&one.accuracy, arena), one.n_tasks,
             percent(&one.format, arena), one.length_mean);
    for (int i = 0; has_many && i < many.n_pass; i++)
        if (many.pass[i].k == 16 || many.pass[i].k == 64)
            log_info("  pass@%d %s of %d tasks", many.pass[i].k,
                     percent(&many.pass[i].value, arena), many.pass[i].n_tasks);
    if (has_big)
        log_info("  larger operands: pass@1 %s of %d tasks, format %s",
                 percent(&big.accuracy, arena), big.n_tasks, percent(&big.format, arena));
out:
    arena_free(arena);
    return st;
}

// The base is on one line of its own, so that it can be taken out again as it was.
static const char base_mark[] = "{\"base\":", final_mark[] = "\n,\"final\":";

Status stage_eval_write(const char *run, const char *base, const char *final) {
    Str text = {0}, path = {0};
    str_printf(&path, "%s/eval.json", run);
    str_printf(&text, "%s%s", base_mark, base);
    if (final) str_printf(&text, "%s%s", final_mark, final);
    str_puts(&text, "\n}\n");
    Status st = file_write_atomic(path.data, text.data, text.size);
    str_free(&text);
    str_free(&path);
    return st;
}

Status stage_eval_base(const char *run, char **base, Arena *arena) {
    *base = NULL;
    const char *path = arena_printf(arena, "%s/eval.json", run);
    if (!file_exists(path)) return ST_OK;
    char *text;
    size_t size;
    TRY(file_read(path, &text, &size, arena));
    if (strncmp(text, base_mark, sizeof base_mark - 1) != 0)
        return FAIL(ST_FORMAT, "%s: does not begin with the base's evaluation", path);
    text += sizeof base_mark - 1;
    text[strcspn(text, "\n")] = 0;
    *base = text;
    return ST_OK;
}
