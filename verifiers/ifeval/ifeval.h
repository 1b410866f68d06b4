// verifiers/ifeval/ifeval.h -- does a response follow its instructions? The 25 types of IFEval.
//
// Layer 3 (verifiers). Written from the rules of the reference implementation of "Instruction-
// Following Evaluation for Large Language Models" (arXiv 2311.07911; google-research,
// instruction_following_eval, Apache-2.0); README.md of this folder says where the two may differ.
//
// The task's row: instruction_id_list, kwargs (a list of objects, one an instruction; a null is an
// absent argument) and, for repeat_prompt, prompt_to_repeat in its kwargs. Judged is what is
// behind the last </think>; a thought that was not closed follows nothing.
//
//   strict   every instruction is followed by the response as written
//   loose    ... or by one of seven versions of it: without the first line, the last line, both,
//            and each of them (and the whole) without asterisks
//
// in->template_ chooses what decides: "strict" (default), "loose", or "share": right as strict,
// score = share of instructions followed strictly. in->more gets "strict", "loose" and
// "instructions":[{"id","strict","loose"}].
#ifndef VERIFIERS_IFEVAL_IFEVAL_H
#define VERIFIERS_IFEVAL_IFEVAL_H

#include "verifiers/judgeinput.h"

#ifdef __cplusplus
extern "C" {
#endif

// A longer answer is not judged but wrong: eight versions times the instructions must stay within
// 50 ms. 128 KiB are about 30,000 tokens.
enum { IFEVAL_MAX_BYTES = 128 * 1024, IFEVAL_MAX_INSTRUCTIONS = 32 };

Judgement ifeval_judge(const JudgeInput *in);
const char *ifeval_refuses(const JudgeInput *in);

#ifdef __cplusplus
}
#endif
#endif
