// verifiers/verdict.h -- right, wrong, or no verdict.
//
// Layer 3 (verifiers). What the model wrote is data: no text of it is an error of the program.
// VERDICT_ERROR means that no verdict could be reached (unreadable gold answer, our own time-out,
// a judge's process that died): it is counted and masked out, never folded into wrong.
#ifndef VERIFIERS_VERDICT_H
#define VERIFIERS_VERDICT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum Verdict { VERDICT_WRONG, VERDICT_RIGHT, VERDICT_ERROR } Verdict;

enum { JUDGEMENT_NOTE_BYTES = 120 };

typedef struct Judgement {
    Verdict verdict;
    double score;       // 1 right, 0 wrong; between for partial credit; no meaning with an error
    const char *reason; // a literal: "equal rationals", "no box"
    const char *answer; // the extracted answer inside the text that was judged, or NULL
    size_t answer_size;
    // What the reason is about where a literal cannot say it: the instruction that was not
    // followed, what a judge's process answered. "" if there is nothing to add.
    char note[JUDGEMENT_NOTE_BYTES];
} Judgement;

static inline const char *verdict_name(Verdict v) {
    return v == VERDICT_RIGHT ? "right" : v == VERDICT_WRONG ? "wrong" : "error";
}

#ifdef __cplusplus
}
#endif
#endif
