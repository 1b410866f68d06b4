// rl/preflight.c -- one evaluation and what follows from it.
#include "rl/preflight.h"

#include <math.h>

Status preflight_run(const EvalDeps *deps, uint64_t first_index, Preflight *out, Arena *arena) {
    int k = (int)deps->cfg->preflight_k;
    EvalConfig cfg = {
        .first_index = first_index,
        .n_tasks = (int)deps->cfg->preflight_tasks,
        .k = k,
        .temperature = -1,
    };
    for (int at = 1; at < k && cfg.n_pass < EVAL_PASS_MAX - 1; at *= 4)
        cfg.pass_k[cfg.n_pass++] = at;
    cfg.pass_k[cfg.n_pass++] = k;
    *out = (Preflight){0};
    TRY(evaluate(deps, &cfg, &out->eval, arena));
    if (out->eval.stopped) return ST_OK;
    const EvalResult *e = &out->eval;
    double best = e->pass[e->n_pass - 1].value.mean;
    out->known = !isnan(best);
    // An unknown pass@k opens no gate that was asked for.
    out->ready =
        deps->cfg->preflight_min_pass <= 0 || (out->known && best >= deps->cfg->preflight_min_pass);
    return ST_OK;
}

static void advise(const EvalResult *e, const RlConfig *cfg, Str *out) {
    double best = e->pass[e->n_pass - 1].value.mean, flat = e->flat_predicted;
    if (isnan(best))
        str_printf(
            out,
            "- pass@%d is unknown: no question has %d samples with a verdict. Check the gold "
            "answers and the judge first.\n",
            e->k, e->k);
    if (e->error_frac > 0.02)
        str_printf(out, "- %.0f %% of samples got no verdict: check the gold answers first.\n",
                   100 * e->error_frac);
    if (best == 0)
        str_puts(out, "- No sample is right. RL has nothing to amplify: train the base further on "
                      "worked answers, or choose easier questions.\n");
    else if (e->accuracy.mean < 0.01)
        str_puts(out, "- Under 1 % of samples are right. Such runs tend to learn short answers "
                      "instead: train the base further first.\n");
    else if (best < 0.5)
        str_puts(out,
                 "- Most questions are never answered right. Expect a slow climb; more samples "
                 "a group (rl.group_size) help.\n");
    if (e->accuracy.mean > 0.9)
        str_puts(out, "- Nearly all is right already: harder questions would teach more.\n");
    if (flat > 0.5)
        str_printf(out,
                   "- %.0f %% of groups of %lld would have equal verdicts and teach nothing: "
                   "a larger rl.group_size, rl.curriculum=level or "
                   "rl.dynamic_sampling=refill.\n",
                   100 * flat, (long long)cfg->group_size);
    if (e->format.mean < 0.05)
        str_puts(out, "- The format is almost never met: does the prompt ask for the template "
                      "that rl.format_template checks?\n");
    if (e->truncated_frac > 0.2)
        str_printf(out,
                   "- %.0f %% of responses are cut off at %lld tokens: raise "
                   "rl.max_new_tokens.\n",
                   100 * e->truncated_frac, (long long)cfg->max_new_tokens);
}

static void percent(double value, Str *out) {
    if (isnan(value))
        str_puts(out, "unknown");
    else
        str_printf(out, "%5.1f %%", 100 * value);
}

void preflight_print(const Preflight *preflight, const RlConfig *cfg, Str *out) {
    const EvalResult *e = &preflight->eval;
    str_printf(out, "preflight: %d training questions, %d samples each, temperature %g\n",
               e->n_asked, e->k, cfg->temperature);
    for (int i = 0; i < e->n_pass; i++) {
        str_printf(out, "  pass@%-5d ", e->pass[i].k);
        percent(e->pass[i].value.mean, out);
        if (e->pass[i].n_tasks > 0)
            str_printf(out, "  (95 %%: %.1f to %.1f)", 100 * e->pass[i].value.low,
                       100 * e->pass[i].value.high);
        if (e->pass[i].n_tasks < e->n_asked)
            str_printf(out, "  of %d questions: %d lack %d samples with a verdict",
                       e->pass[i].n_tasks, e->n_asked - e->pass[i].n_tasks, e->pass[i].k);
        str_putc(out, '\n');
    }
    str_puts(out, "  format     ");
    percent(e->format.mean, out);
    str_printf(out, "\n  length     %5.1f tokens", e->length_mean);
    if (isfinite(e->length_right)) str_printf(out, ", right answers %.1f", e->length_right);
    str_printf(out, "\n  groups of %lld without spread: ", (long long)cfg->group_size);
    if (isnan(e->flat_predicted))
        str_puts(out, "unknown by accuracy");
    else
        str_printf(out, "%.0f %% by accuracy", 100 * e->flat_predicted);
    if (isfinite(e->flat_observed)) str_printf(out, ", %.0f %% by reward", 100 * e->flat_observed);
    str_putc(out, '\n');
    advise(e, cfg, out);
    if (!preflight->ready)
        str_printf(out, "- pass@%d is %s rl.preflight_min_pass=%g: this run would not start.\n",
                   e->k, preflight->known ? "below" : "unknown, so it does not reach",
                   cfg->preflight_min_pass);
}
