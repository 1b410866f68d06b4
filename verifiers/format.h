// verifiers/format.h -- does a response have the form it was asked for?
//
// Layer 3 (verifiers). Templates; white space may be between the parts and at both ends:
//   think-boxed   <think> ... </think> \boxed{...}
//   r1-zero       <think> ... </think> <answer> ... </answer>
//   chat          <think> ... </think> and an answer in any form
// Each tag occurs exactly once. A thought may be empty, an answer may not. If the prompt opened the
// thought (`prefilled` holds "<think>"), the response begins inside it; if the prompt closed it too
// ("<think></think>"), the response is the answer alone. A response that was cut
// off has no form.
#ifndef VERIFIERS_FORMAT_H
#define VERIFIERS_FORMAT_H

#include <stdbool.h>

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

bool format_template_known(const char *name); // think-boxed, r1-zero, chat

// The judge "format"; the default template is think-boxed. Error: no such template.
Judgement format_judge(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
