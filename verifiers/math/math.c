// verifiers/math/math.c -- the judge: which texts, which layer, what verdict.
#include "verifiers/math/math.h"

#include <string.h>

#include "verifiers/boxed.h"
#include "verifiers/number.h"

MathResult math_compare(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                        const MathOptions *options) {
    MathResult result = {.verdict = VERDICT_ERROR, .layer = MATH_UNREAD};
    if (options && !math_policy_known(options->policy)) {
        result.reason = "no such policy";
        return result;
    }
    result.verdict = number_compare(gold, gold_size, answer, answer_size, &result.reason);
    if (result.verdict == VERDICT_RIGHT) result.layer = MATH_RATIONAL;
    return result;
}

static Slice gold_answer(const char *gold) {
    Slice all = {gold, strlen(gold)}, box = boxed_last(all);
    if (box.data) return box;
    const char *hash = slice_last(all, "####");
    return hash ? (Slice){hash + 4, (size_t)(all.data + all.size - hash - 4)} : all;
}

Judgement math_judge_with(const JudgeInput *in, const MathOptions *options, MathResult *result) {
    Judgement j = {.verdict = VERDICT_ERROR};
    MathResult got = {.verdict = VERDICT_ERROR, .layer = MATH_UNREAD};
    const char *missing = NULL;
    if (!in->gold) {
        got.reason = "no gold";
    } else if (!boxed_extract_known(in->extract)) {
        got.reason = "unknown way to extract";
    } else {
        Slice gold = gold_answer(in->gold), answer = boxed_answer(in, &missing);
        if (answer.data && !in->finished) answer = (Slice){NULL, 0}, missing = "cut off";
        // A gold that cannot be read is an error whatever the response says.
        got = math_compare(gold.data, gold.size, answer.data ? answer.data : "", answer.size,
                           options);
        if (!answer.data && got.verdict != VERDICT_ERROR) {
            got = (MathResult){VERDICT_WRONG, MATH_UNREAD, missing};
        }
        j.answer = answer.data;
        j.answer_size = answer.size;
    }
    j.verdict = got.verdict;
    j.score = got.verdict == VERDICT_RIGHT;
    j.reason = got.reason;
    if (result) *result = got;
    return j;
}

Judgement math_judge(const JudgeInput *in) {
    return math_judge_with(in, NULL, NULL);
}

const char *math_explain(const char *gold, size_t gold_size, const char *answer, size_t answer_size,
                         const MathOptions *options, Arena *arena) {
    MathResult got = math_compare(gold, gold_size, answer, answer_size, options);
    return arena_printf(arena, "gold    %.*s\nanswer  %.*s\n%s by %s: %s\n", (int)gold_size, gold,
                        (int)answer_size, answer, verdict_name(got.verdict),
                        math_layer_name(got.layer), got.reason);
}

const char *math_layer_name(MathLayer layer) {
    switch (layer) {
    case MATH_UNREAD: return "unread";
    case MATH_TEXT: return "text";
    case MATH_RATIONAL: return "rational";
    case MATH_IDENTITY: return "identity";
    case MATH_NUMERIC: return "numeric";
    case MATH_STRUCTURE: return "structure";
    }
    return "?";
}

static const char *const policies[] = {"default", "math-verify", "qwen", "prm800k", "verl"};

bool math_policy_known(const char *policy) {
    for (size_t i = 0; policy && i < sizeof policies / sizeof *policies; i++)
        if (strcmp(policy, policies[i]) == 0) return true;
    return !policy;
}

const char *math_policy_names(void) {
    return "default, math-verify, qwen, prm800k, verl";
}
