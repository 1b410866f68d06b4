// datasets/desk.h -- two-step arithmetic with worked solutions, the embedded model's questions.
//
// Layer 2 (datasets). Three kinds of question, equally likely:
//   a*b+c, a*b-c     a 12..99, b 3..9, c 11..99; result >= 0
//   a+-b+-c          each 11..99; no running value below 0
//   (a+-b)*c         a, b 11..99, c 3..9; a+b <= 99, or a-b >= 2
// HELDOUT is crc32(expression) % 10 == 0; TRAIN is the rest. LARGE is the same three kinds with a
// in 100..299 (and no bound on a+b), so no LARGE expression can be a TRAIN or HELDOUT one.
//
// The corpus is what a base model has read: mostly answers without work, some work, some of it
// wrong. Every document is about a TRAIN question. A slip changes one digit of one step's result;
// the later steps go on from the wrong value.
#ifndef DATASETS_DESK_H
#define DATASETS_DESK_H

#include <stdbool.h>
#include <stdint.h>

#include "datasets/family.h"

#ifdef __cplusplus
extern "C" {
#endif

// How a document answers; its weight is in DeskConfig under the same name.
typedef enum DeskMode {
    DESK_BARE,   // " \boxed{367}"
    DESK_SAYS,   // " The answer is 367."
    DESK_EMPTY,  // "<think> Easy.</think> \boxed{367}"
    DESK_LEAP,   // "<think> 47*6=282. 282+85=367.</think> \boxed{367}"
    DESK_FULL,   // the same worked by columns, least significant digit first
    DESK_CHECK,  // full, then the result is worked again
    DESK_GIVEUP, // " I do not know."
    DESK_BROKEN, // work without </think>, without a box, or without tags
    DESK_MODES
} DeskMode;

typedef enum DeskCheck {
    DESK_CHECK_END, // after the solution, by leaps; a wrong result is worked again from the slip
    DESK_CHECK_STEP // after each step, its columns again
} DeskCheck;

typedef struct DeskConfig {
    double weight[DESK_MODES]; // of documents; any scale
    double slip;               // share of leap, full and broken documents with a slip
    double check_slip;         // the same for check
    int check_form;            // DeskCheck
} DeskConfig;

extern const TaskFamily desk_family;
extern const DeskConfig desk_default;
extern const ConfigSection desk_section; // target NULL: copy it and set your own

// One question. value(first), then each step: value = value OP y.
enum { DESK_STEPS = 2 };
typedef struct DeskQuestion {
    char text[32]; // "(12+34)*5"
    int kind;      // 0 a*b+-c, 1 a+-b+-c, 2 (a+-b)*c
    int first, answer;
    struct {
        char op;
        int y;
    } step[DESK_STEPS];
} DeskQuestion;

void desk_question(Split split, uint64_t seed, uint64_t index, DeskQuestion *out);
bool desk_is_heldout(const char *expression); // crc32 % 10 == 0

// Document `index` of the corpus, with what it is about: for tests and statistics. question, mode,
// slipped may be NULL.
void desk_document(const DeskConfig *config, uint64_t seed, uint64_t index, Document *out,
                   DeskQuestion *question, DeskMode *mode, bool *slipped, Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
