// policy/text/jinja/parser.h -- what the parsers of statements and expressions share; for
// policy/text/jinja only.
//
// Layer 2 (policy/text).
#ifndef POLICY_TEXT_JINJA_PARSER_H
#define POLICY_TEXT_JINJA_PARSER_H

#include "policy/text/jinja/syntax.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct JinjaParser {
    const JinjaToken *at;
    const char *name; // of the template, for errors
    Arena *arena;
    int depth;        // of nested statements and expressions
    int loops;        // around the statement
    int no_condition; // > 0: `if` is not part of an expression
} JinjaParser;

bool jinja_word(const JinjaParser *p, const char *word); // is this name next?
bool jinja_sign(const JinjaParser *p, const char *sign); // is this operator next?
bool jinja_take(JinjaParser *p, const char *sign);       // takes the operator if it is next
MUST_USE Status jinja_expect(JinjaParser *p, const char *sign);
MUST_USE Status jinja_expected(const JinjaParser *p, const char *what); // the error
MUST_USE Status jinja_deeper(JinjaParser *p); // p->depth + 1, refused where too deep
JinjaNode *jinja_node(const JinjaParser *p, JinjaNodeKind kind);
void jinja_append(const JinjaParser *p, JinjaNode *to, const JinjaNode *item);

MUST_USE Status jinja_parse_expression(JinjaParser *p, const JinjaNode **out);
// One expression, or several with commas as a tuple.
MUST_USE Status jinja_parse_tuple(JinjaParser *p, const JinjaNode **out);
// | a | b(1): applied to `value`. `value` NULL: as {% filter %} and {% set %} have it, the first
// `|` may be absent.
MUST_USE Status jinja_parse_filters(JinjaParser *p, const JinjaNode *value, const JinjaNode **out);

#ifdef __cplusplus
}
#endif
#endif
