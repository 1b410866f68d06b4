// policy/text/jinja/syntax.h -- tokens and syntax trees of templates; for policy/text/jinja only.
//
// Layer 2 (policy/text). Everything lies in the arena of the parse. ST_FORMAT names the template
// and the line.
#ifndef POLICY_TEXT_JINJA_SYNTAX_H
#define POLICY_TEXT_JINJA_SYNTAX_H

#include "base/arena.h"
#include "base/status.h"
#include "policy/text/jinja/jinja_value.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum JinjaTokenKind {
    JINJA_T_DATA,        // text between tags
    JINJA_T_PRINT_BEGIN, // {{
    JINJA_T_PRINT_END,
    JINJA_T_BLOCK_BEGIN, // {%
    JINJA_T_BLOCK_END,
    JINJA_T_NAME,
    JINJA_T_STRING, // text: unescaped
    JINJA_T_INT,
    JINJA_T_FLOAT,
    JINJA_T_OPERATOR,
    JINJA_T_END
} JinjaTokenKind;

typedef struct JinjaToken {
    JinjaTokenKind kind;
    int line;
    JinjaText text;
} JinjaToken;

// Cuts a template into tokens, with the whitespace rules trim_blocks and lstrip_blocks, which
// Hugging Face sets. The last token is JINJA_T_END.
MUST_USE Status jinja_lex(const char *text, size_t size, const char *name, JinjaToken **out,
                          Arena *arena);

typedef enum JinjaNodeKind {
    // expressions
    JINJA_N_CONST,     // value
    JINJA_N_NAME,      // text
    JINJA_N_LIST,      // list
    JINJA_N_TUPLE,     // list
    JINJA_N_DICT,      // list: key, value, key, value, ...
    JINJA_N_NOT,       // a
    JINJA_N_NEGATE,    // a
    JINJA_N_PLUS,      // a
    JINJA_N_AND,       // a, b
    JINJA_N_OR,        // a, b
    JINJA_N_BINARY,    // text: + - * / // % ** ~; a, b
    JINJA_N_COMPARE,   // a; list of JINJA_N_BINARY with text == != < > <= >= in "not in" and b
    JINJA_N_IF_ELSE,   // a if b else c (c may be NULL)
    JINJA_N_ATTRIBUTE, // a.text
    JINJA_N_ITEM,      // a[b]
    JINJA_N_SLICE,     // begin a, end b, step c, each may be NULL; only inside JINJA_N_ITEM
    JINJA_N_CALL,      // a(list); named arguments are JINJA_N_KEYWORD
    JINJA_N_KEYWORD,   // text = a
    JINJA_N_FILTER,    // a | text(list)
    JINJA_N_TEST,      // a is text(list)
    // statements
    JINJA_N_DATA,         // text
    JINJA_N_PRINT,        // a
    JINJA_N_IF,           // if a: list, else b (JINJA_N_BODY or JINJA_N_IF or NULL)
    JINJA_N_FOR,          // for a in b if c: list, else d; text: "recursive" or empty
    JINJA_N_SET,          // a = b
    JINJA_N_SET_BLOCK,    // a = the output of list, through the filter b (or NULL)
    JINJA_N_MACRO,        // text(parameters d->list) list
    JINJA_N_CALL_BLOCK,   // {% call(parameters d->list) a %} list
    JINJA_N_FILTER_BLOCK, // {% filter b %} list; b's innermost value is NULL
    JINJA_N_BODY,         // list
    JINJA_N_BREAK,
    JINJA_N_CONTINUE
} JinjaNodeKind;

typedef struct JinjaNode JinjaNode;
struct JinjaNode {
    JinjaNodeKind kind;
    int line;
    JinjaText text;
    JinjaValue value;
    const JinjaNode *a, *b, *c, *d;
    const JinjaNode **list;
    int n, cap;
};

// The whole template as a JINJA_N_BODY.
MUST_USE Status jinja_parse_tokens(const JinjaToken *token, const char *name, const JinjaNode **out,
                                   Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
