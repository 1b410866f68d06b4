// verifiers/ifeval/rule.h -- one instruction type: when it is followed, and which arguments it has.
//
// Layer 3 (verifiers), private to this folder. A rule looks at a whole answer that is not blank;
// its arguments were checked by its `refuses`.
#ifndef VERIFIERS_IFEVAL_RULE_H
#define VERIFIERS_IFEVAL_RULE_H

#include <stdbool.h>

#include "base/json.h"
#include "verifiers/boxed.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef bool RuleFn(Slice text, const Json *kwargs);
typedef const char *RuleRefusesFn(const Json *kwargs); // NULL, or what is wrong, a literal

typedef struct Rule {
    const char *id; // "keywords:existence"
    RuleFn *followed;
    RuleRefusesFn *refuses; // NULL: it has no arguments
} Rule;

extern const Rule rules_length[], rules_keyword[], rules_form[]; // each ends with id NULL

// "at least" and "less than": does n stand to the limit as kwargs say?
bool rule_compare(const Json *kwargs, const char *relation, const char *limit, long n);
const char *rule_refuses_compare(const Json *kwargs, const char *relation, const char *limit);
const char *rule_refuses_count(const Json *kwargs, const char *name); // a whole number >= 0
const char *rule_refuses_text(const Json *kwargs, const char *name);  // a text that is not empty
// A text argument without white space around it, or not.
Slice rule_text(const Json *kwargs, const char *name, bool strip);

#ifdef __cplusplus
}
#endif
#endif
