// pipelines/command/command_reject.h -- what `grpo distill` takes from `grpo reject`.
//
// Layer 5.
#ifndef PIPELINES_COMMAND_REJECT_H
#define PIPELINES_COMMAND_REJECT_H

#include "pipelines/args.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { REJECT_FLAGS = 33 };
extern const Flag reject_flags[REJECT_FLAGS];
// The whole command; its exit code.
int reject_run(const Args *args);

#ifdef __cplusplus
}
#endif
#endif
