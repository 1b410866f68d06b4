// rl/reject.h -- rejection sampling: which samples of a policy are kept as data, and why not.
//
// Layer 4 (rl). Rules about one sample (reject_reasons) are asked when it is judged; rules among
// samples (reject_take: copies, at most so many of a prompt) afterwards, in the order of questions
// and samples, so the result does not depend on threads or stops.
// Source of the rules: arXiv 2501.12948, section 2.3.3 (keep right ones; no mixed languages, no
// long repetitions) and supplement D.1 (10-gram decontamination).
#ifndef RL_REJECT_H
#define RL_REJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "datasets/task.h"
#include "rl/wordgram.h"
#include "verifiers/verdict.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum RejectReason { // in the order in which they are named; a saved name never changes
    REJECT_NO_VERDICT,      // the judge could not tell
    REJECT_WRONG,
    REJECT_CUT_OFF,    // did not end by itself
    REJECT_FORMAT,     // not of the form asked for
    REJECT_LANGUAGE,   // too little of the thought in the language asked for
    REJECT_REPETITION, // ended as a loop, or too many six-word runs twice
    REJECT_SHORT,
    REJECT_LONG,
    REJECT_BYTES,        // not UTF-8: as text it would be another sample
    REJECT_CONTAMINATED, // ten words in a row are in a test set
    REJECT_DUPLICATE,    // the same words as a kept one
    REJECT_LIMIT,        // enough of this prompt are kept
    REJECT_REASONS
} RejectReason;
const char *reject_reason_name(RejectReason reason); // "wrong", "cut_off", ...

enum { REJECT_GRAM = 10, REJECT_REPEAT_GRAM = 6 };

// The questions that must not be learnt.
typedef struct RejectTests { // zeroed: none
    GramSet gram, id;        // ten words in a row; ids of whole questions
    int64_t questions;
} RejectTests;
// All questions of a finite source (not of an endless one, ST_CONFIG), with their answers.
MUST_USE Status reject_tests_add(RejectTests *tests, const TaskSource *source);
void reject_tests_free(RejectTests *tests);

typedef struct RejectRules {
    bool format;         // the form is wanted
    double min_language; // smallest share of the language; 0 = any
    double max_repeats;  // largest share of six-word runs that stood before; 1 = any
    int min_tokens;      // of a response
    int max_tokens;      // 0 = any
    int per_prompt;      // kept of one prompt; 0 = any
    RejectTests *tests;  // borrowed; NULL = none
} RejectRules;

// What a rule may ask about. Borrowed.
typedef struct RejectSample {
    const Task *task;
    const char *response;
    size_t size;
    Verdict verdict;
    bool ended, looped; // by an end token; as a loop
    double format, language;
    int n_tokens;
} RejectSample;

// One bit for each reason against it; *repeats: the share that rules->max_repeats bounds.
unsigned reject_reasons(const RejectRules *rules, const RejectSample *sample, double *repeats);

// Among samples. Zeroed: nothing kept yet; reject_next before the samples of each question.
typedef struct RejectTaken {
    GramSet seen;
    int of_prompt;
} RejectTaken;
void reject_next(RejectTaken *taken);
// A sample without reasons: 0 and it is counted as kept, or the reason against it (one bit).
unsigned reject_take(const RejectRules *rules, RejectTaken *taken, const char *prompt,
                     const char *response);
void reject_taken_free(RejectTaken *taken);

#ifdef __cplusplus
}
#endif
#endif
