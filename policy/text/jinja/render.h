// policy/text/jinja/render.h -- a render in progress: expressions, scopes, calls; for
// policy/text/jinja only.
//
// Layer 2 (policy/text).
#ifndef POLICY_TEXT_JINJA_RENDER_H
#define POLICY_TEXT_JINJA_RENDER_H

#include "policy/text/jinja/syntax.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct JinjaScope JinjaScope;
struct JinjaScope {
    JinjaScope *parent;
    JinjaDict *vars;
};

struct JinjaLoop {
    const JinjaList *items;
    int index; // from 0
    int depth;
    const JinjaNode *node; // of a recursive loop, else NULL
    JinjaScope *scope;     // outside the loop
    JinjaValue *changed;   // what loop.changed saw last, NULL at first
};

struct JinjaMacro {
    const JinjaNode *node; // JINJA_N_MACRO or JINJA_N_CALL_BLOCK
    JinjaScope *scope;
};

typedef struct JinjaRender {
    const char *name;
    Arena *arena;
    int line;              // of what is evaluated
    int64_t work;          // left: steps, and bytes of texts that are made
    int depth;             // of nested evaluations
    bool jumps, continues; // a break or continue is under way
} JinjaRender;

// Positional and named arguments of a call.
typedef struct JinjaArgs {
    JinjaValue *value;
    int n;
    const JinjaNode **keyword;
    JinjaValue *keyword_value;
    int n_keywords;
} JinjaArgs;

// One step costs 16, a byte of a text that is made 1; this much for a render.
enum { JINJA_WORK = 16000000, JINJA_STEP = 16 };

MUST_USE Status jinja_eval(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out);
JinjaValue jinja_lookup(const JinjaScope *scope, JinjaText name); // undefined if nobody has it
// Statements, their output appended.
MUST_USE Status jinja_execute(JinjaRender *r, const JinjaNode *const *list, int n, JinjaScope *s,
                              Str *out);
// The next round of a recursive loop, over `items`.
MUST_USE Status jinja_recurse(JinjaRender *r, const JinjaLoop *loop, JinjaValue items,
                              JinjaValue *out);

MUST_USE Status jinja_fail(const JinjaRender *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
MUST_USE Status jinja_spend(JinjaRender *r, size_t work);
// The text goes into the arena and is freed.
MUST_USE Status jinja_made(JinjaRender *r, Str *text, JinjaValue *out);
// Argument i, or the one of this name, else `fallback`.
JinjaValue jinja_arg(const JinjaArgs *args, int i, const char *name, JinjaValue fallback);
MUST_USE Status jinja_items(JinjaRender *r, JinjaValue v, JinjaList **out); // what `for` walks over
MUST_USE Status jinja_attribute(JinjaRender *r, JinjaValue of, JinjaText name, JinjaValue *out);
MUST_USE Status jinja_item(JinjaRender *r, JinjaValue of, JinjaValue key, JinjaValue *out);
MUST_USE Status jinja_binary(JinjaRender *r, JinjaText op, JinjaValue a, JinjaValue b,
                             JinjaValue *out);
MUST_USE Status jinja_compare(JinjaRender *r, JinjaText op, JinjaValue a, JinjaValue b,
                              bool *out); // also in, not in
MUST_USE Status jinja_contains(JinjaRender *r, JinjaValue in, JinjaValue what, bool *out);
MUST_USE Status jinja_call(JinjaRender *r, JinjaValue f, const JinjaArgs *args, JinjaValue *out);

MUST_USE Status jinja_filter(JinjaRender *r, JinjaText name, JinjaValue v, const JinjaArgs *args,
                             JinjaValue *out);
MUST_USE Status jinja_test(JinjaRender *r, JinjaText name, JinjaValue v, const JinjaArgs *args,
                           bool *out);
typedef Status JinjaFilter(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out);
JinjaFilter *jinja_text_filter(JinjaText name); // of texts and numbers; NULL: no such filter
MUST_USE Status jinja_as_text(JinjaRender *r, JinjaValue v, JinjaText *out);
bool jinja_has_test(JinjaText name);
bool jinja_has_filter(JinjaText name);
// A method of texts, lists or mappings; jinja_has_method: is there one?
bool jinja_has_method(JinjaValue self, JinjaText name);
MUST_USE Status jinja_method(JinjaRender *r, JinjaValue self, JinjaText name, const JinjaArgs *args,
                             JinjaValue *out);
// namespace, range, raise_exception, ...: their names, and the call by number.
bool jinja_function(JinjaText name, JinjaValue *out);
MUST_USE Status jinja_call_function(JinjaRender *r, int64_t number, const JinjaArgs *args,
                                    JinjaValue *out);
typedef enum JinjaLetters {
    JINJA_UPPER,
    JINJA_LOWER,
    JINJA_TITLE,
    JINJA_CAPITALIZE,
    JINJA_TITLE_WORDS
} JinjaLetters;
MUST_USE Status jinja_letters(JinjaRender *r, JinjaText t, JinjaLetters how, JinjaValue *out);
// At most `most` places (< 0: all).
MUST_USE Status jinja_replace(JinjaRender *r, JinjaText t, JinjaText old, JinjaText with,
                              int64_t most, JinjaValue *out);
JinjaText jinja_trim(JinjaText text, const JinjaText *chars, bool left,
                     bool right); // chars NULL: whitespace

#ifdef __cplusplus
}
#endif
#endif
