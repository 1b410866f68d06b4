// verifiers/game_answer.h -- the answer of games: in a box, or between answer tags.
//
// Layer 3 (verifiers). What in->extract says; where it says nothing, the last box of the response,
// or its last <answer> if there is no box.
#ifndef VERIFIERS_GAME_ANSWER_H
#define VERIFIERS_GAME_ANSWER_H

#include "verifiers/boxed.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline Slice game_answer(const JudgeInput *in, const char **reason) {
    Slice s = boxed_answer(in, reason);
    if (s.data || in->extract || !in->text) return s;
    JudgeInput tagged = *in;
    tagged.extract = "answer";
    const char *second;
    s = boxed_answer(&tagged, &second);
    if (s.data) *reason = NULL;
    return s;
}

#ifdef __cplusplus
}
#endif
#endif
