// policy/text/jinja/jinja_value.h -- values of the template language, with Python's meaning.
//
// Layer 2 (policy/text). A value is small and copied; what it points to lives in the arena of the
// render and is never freed by itself. Texts are UTF-8; lengths and indices count code points, as
// in Python.
#ifndef POLICY_TEXT_JINJA_JINJA_VALUE_H
#define POLICY_TEXT_JINJA_JINJA_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum JinjaKind {
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STRING,
    JINJA_LIST,
    JINJA_TUPLE,
    JINJA_DICT,
    JINJA_NAMESPACE, // a dict whose entries `set ns.x = ...` may change
    JINJA_LOOP,      // the variable `loop`
    JINJA_MACRO,
    JINJA_FUNCTION, // a global function, by its number
    JINJA_METHOD    // a method of a value, not yet called
} JinjaKind;

typedef struct JinjaList JinjaList;
typedef struct JinjaDict JinjaDict;
typedef struct JinjaLoop JinjaLoop;
typedef struct JinjaMacro JinjaMacro;
typedef struct JinjaMethod JinjaMethod;

typedef struct JinjaText {
    const char *data;
    size_t size;
} JinjaText;

typedef struct JinjaValue {
    JinjaKind kind;
    union {
        bool boolean;
        int64_t integer; // also the number of a function
        double real;
        JinjaText text; // of an undefined value: what was looked for
        JinjaList *list;
        JinjaDict *dict;
        JinjaLoop *loop;
        const JinjaMacro *macro;
        const JinjaMethod *method;
    };
} JinjaValue;

// Values hold other values, never themselves; depth: how far down. Whoever builds one refuses
// JINJA_DEPTH.
enum { JINJA_DEPTH = 100 };

struct JinjaList { // of a list or a tuple
    JinjaValue *item;
    int n, cap, depth;
};

typedef struct JinjaEntry {
    JinjaValue key, value;
} JinjaEntry;

struct JinjaDict { // in the order of insertion
    JinjaEntry *entry;
    int n, cap, depth;
};

struct JinjaMethod {
    JinjaValue self;
    JinjaText name;
};

JinjaValue jinja_undefined(const char *name, size_t size);
JinjaValue jinja_none(void);
JinjaValue jinja_bool(bool value);
JinjaValue jinja_int(int64_t value);
JinjaValue jinja_float(double value);
JinjaValue jinja_string(const char *data, size_t size); // borrowed
JinjaValue jinja_text(const char *text);                // borrowed, zero-terminated
JinjaValue jinja_copy(const Str *text, Arena *arena);
JinjaValue jinja_list(JinjaKind kind, Arena *arena); // JINJA_LIST or JINJA_TUPLE
void jinja_push(JinjaList *list, JinjaValue value, Arena *arena);
JinjaValue jinja_dict(JinjaKind kind, Arena *arena); // JINJA_DICT or JINJA_NAMESPACE
void jinja_put(JinjaDict *dict, JinjaValue key, JinjaValue value, Arena *arena);
const JinjaValue *jinja_get(const JinjaDict *dict, JinjaValue key); // NULL: no such key
JinjaValue jinja_from_json(const Json *node, Arena *arena); // NULL is none; objects keep order

int jinja_depth(JinjaValue v); // 0 of what holds nothing

// What errors call the kind: "a list".
const char *jinja_kind_name(JinjaKind kind);
bool jinja_truth(JinjaValue v);
bool jinja_same(JinjaValue a, JinjaValue b); // Python's ==
// -1, 0, 1; false if Python would refuse to order the two.
bool jinja_order(JinjaValue a, JinjaValue b, int *out);
bool jinja_number(JinjaValue v, double *out); // of a bool, int or float
bool jinja_is(JinjaText text, const char *word);

// Code points of a text; the byte where code point i begins (the size, if there are not that many).
int64_t jinja_length(JinjaText text);
size_t jinja_byte_of(JinjaText text, int64_t i);

// str(v) and repr(v) of Python. json: json.dumps(v, ensure_ascii=False) with an indent, < 0 for
// none.
void jinja_str(JinjaValue v, Str *out);
void jinja_repr(JinjaValue v, Str *out);

typedef struct JinjaDumps {
    int indent;                // < 0: one line
    const char *comma, *colon; // separators
    bool ascii, sorted;
} JinjaDumps;
bool jinja_dumps(JinjaValue v, const JinjaDumps *how,
                 Str *out); // false: a value that JSON cannot have

#ifdef __cplusplus
}
#endif
#endif
