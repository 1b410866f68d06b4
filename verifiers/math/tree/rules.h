// verifiers/math/tree/rules.h -- the conventions on which tools differ, one row a tool.
//
// Layer 3 (verifiers). The default row is ours; docs/JUDGES.md gives the reason of each
// choice. The other rows follow what those tools do to the ambiguous pairs, for users who must
// compare with them; they keep our reading and our exactness in everything else.
#ifndef VERIFIERS_MATH_TREE_RULES_H
#define VERIFIERS_MATH_TREE_RULES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum PercentRule {
    PERCENT_HUNDREDTH, // 50% is 1/2
    PERCENT_DROPPED,   // 50% is 50
    PERCENT_EITHER,    // 50% is 1/2 and 50
} PercentRule;

typedef enum BracketRule {
    BRACKETS_STRICT,  // (1,2) is neither 1,2 nor {1,2} nor [1,2]
    BRACKETS_LOOSE,   // (1,2) is 1,2 and {1,2}; [1,2] is not (1,2)
    BRACKETS_IGNORED, // what brackets there are does not matter
} BracketRule;

typedef struct MathRules {
    const char *name;
    PercentRule percent;
    BracketRule brackets;
    bool list_ordered;           // 1,2 is not 2,1
    bool units_ignored;          // 5 cm is 5 m
    bool units_convert;          // 5 m is 500 cm
    bool base_ignored;           // 2112_6 is 2112
    bool case_matters;           // Even is not even
    bool ratio_is_number;        // 7:32 is 7/32 and 14:64
    bool interval_is_inequality; // x > 2 is (2, oo)
    bool interval_wants_one;     // ... but not where the gold is the interval
    bool percent_by_number;      // 0.28 is 28: a number is also tried as its hundredfold
    bool signs_written;          // +-3 is not 3,-3
    bool list_names_kept;        // x=1,y=2 is not 1,2
    bool tuple_names_kept;       // (x,y)=(1,2) is not (1,2)
    bool choice_bare;            // "(C) 5" is not C
    bool empty_by_sign;          // "no solution" is not the empty set
    bool domain_kept;            // f(x) = x + 1, x > 0 is not f(x) = x + 1
    bool strings_only;           // nothing is computed
    bool fractions_reduced;      // 6/8 is not 3/4; a whole number is compared as written
    bool engineering_j;          // 1+2j is 1+2i
    int digits_rational;         // so many right digits stand for a fraction; 0 = none
    int digits_irrational;       // ... for a root, a logarithm, pi
    double relative;             // > 0: two numbers this near each other are the same
} MathRules;

const MathRules *rules_find(const char *name); // NULL = the default; NULL if there is none
const char *rules_names(void);

#ifdef __cplusplus
}
#endif
#endif
