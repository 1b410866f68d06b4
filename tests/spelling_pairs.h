// tests/spelling_pairs.h -- a rule that makes two spellings equal, and a near miss of it.
//
// A row says: the rule, an answer, another spelling of it, and a text that differs by a hair. The
// first two must be equal and the third equal to neither, each pair both ways round: a rule that is
// taken away loses the first, a rule that is too wide pays for the second.
#ifndef TESTS_SPELLING_PAIRS_H
#define TESTS_SPELLING_PAIRS_H

#include "tests/math_expect.h"

typedef struct SpellingPair {
    const char *rule, *answer, *same, *miss;
} SpellingPair;

static inline void check_spellings(const SpellingPair *row, int n) {
    int bad = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 6; k++) {
            const char *text[3] = {row[i].answer, row[i].same, row[i].miss};
            static const int pair[6][2] = {{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}};
            const char *gold = text[pair[k][0]], *answer = text[pair[k][1]];
            if (!gold || !answer) continue;
            MathResult got = compare(gold, answer);
            bool right = got.verdict == VERDICT_RIGHT;
            if (right == (k < 2) && got.verdict != VERDICT_ERROR) continue;
            print_message("%s: %s and %s: %s, %s\n", row[i].rule, gold, answer,
                          verdict_name(got.verdict), got.reason);
            bad++;
        }
    assert_int_equal(bad, 0);
}

#define CHECK_ROWS(rows) check_spellings(rows, (int)(sizeof(rows) / sizeof *(rows)))

#endif
