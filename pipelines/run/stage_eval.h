// pipelines/run/stage_eval.h -- evaluations of a run: on the way, and base against final.
//
// Layer 5. On the way: eval.tasks held-out questions, eval.samples each, as a row of metrics, and
// the first eval.shown of them into samples/. Base and final: more questions, pass@k, and the set
// with larger operands, into eval.json and, under the same names as on the way, into the row of
// that step. val-aux/<source>/n says how many tasks a figure is the mean over.
#ifndef PIPELINES_STAGE_EVAL_H
#define PIPELINES_STAGE_EVAL_H

#include "pipelines/run/runfolder.h"
#include "pipelines/runconfig.h"
#include "rl/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

// First question of each evaluation: no question is in two of them.
enum { EVAL_FIRST_FINAL = 1000000, EVAL_FIRST_PASSK = 2000000 };

// Fills a row with val-core/<source>/... and writes samples/NNNNNN.jsonl. *accuracy is NaN and the
// row empty if the stop flag was seen.
MUST_USE Status stage_eval_step(const RunConfig *rc, const EvalDeps *deps, RunFolder *run,
                                int64_t step, Metrics *row, double *accuracy);

// One line of JSON {"heldout":{...},"large":{...}} for eval.json. `large` may be NULL. *stopped:
// the stop flag was seen, nothing was written. Figures of these larger sets replace or join those
// of stage_eval_step in `row`.
MUST_USE Status stage_eval_full(const RunConfig *rc, const EvalDeps *deps, const TaskSource *large,
                                int64_t step, Metrics *row, Str *out, bool *stopped);

// eval.json from its two lines (final may be NULL), and the base's line back from it.
MUST_USE Status stage_eval_write(const char *run, const char *base, const char *final);
MUST_USE Status stage_eval_base(const char *run, char **base, Arena *arena); // NULL: none

// {"tasks":..,"acc":{"mean","low","high"},...,"pass_at":[...]}; also what `grpo eval` prints.
void stage_eval_json(const EvalResult *result, const EvalResult *passk, Str *out);

#ifdef __cplusplus
}
#endif
#endif
