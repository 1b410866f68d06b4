// pipelines/command/sandbox_report.h -- what this machine can confine, in lines for a person.
//
// Layer 5. `grpo sandbox --self-test` runs small hostile programs and looks whether each layer
// held; `grpo doctor` says which layers there are and how to get the others.
#ifndef PIPELINES_SANDBOX_REPORT_H
#define PIPELINES_SANDBOX_REPORT_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

int sandbox_self_test(bool json); // writes to stdout; gives the exit code

#ifdef __cplusplus
}
#endif
#endif
