// pipelines/defaults.h -- defaults that follow from what the model is.
//
// Layer 5. The table's defaults are those of the desk model, which is trained from scratch. With
// model.path, the model has been trained before, and the same values would undo that:
//
//     key                    new model   model.path
//     sft.steps              900         0 (sft.epochs decides)
//     sft.batch              128         32
//     sft.max_tokens         192         the model's context, at most 4096
//     sft.lr                 2e-3        1e-5
//     sft.warmup_steps       60          0
//     sft.router_bias_step   2e-3        1e-3 (V3's; of models with routed experts)
//     sft.balance_alpha      0           1e-4 (the same)
#ifndef PIPELINES_DEFAULTS_H
#define PIPELINES_DEFAULTS_H

#include "base/config.h"

#ifdef __cplusplus
extern "C" {
#endif

// Call after all sources are merged. What was set by anyone stays. A folder that cannot be read is
// no error here: whoever opens it says so.
MUST_USE Status defaults_of_model(Config *config);
// A warm-up that nobody asked for is no longer than the run.
MUST_USE Status defaults_of_steps(Config *config);

#ifdef __cplusplus
}
#endif
#endif
