// pipelines/completion.h -- what the shell and `man` know of the program, out of the same tables.
//
// Layer 5. Commands, flags and keys are in one table each (command.h, args.h, base/config.h);
// these print them as completion scripts of three shells and as a page of the manual. No model, no
// folder and no config is read. Appended to `out`.
#ifndef PIPELINES_COMPLETION_H
#define PIPELINES_COMPLETION_H

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

void completion_bash(Str *out);
void completion_zsh(Str *out);
void completion_fish(Str *out);
void completion_man(Str *out); // grpo(1), roff

#ifdef __cplusplus
}
#endif
#endif
