// policy/text/jinja/test.c -- `value is test(arguments)`.
#include <string.h>

#include "policy/text/jinja/render.h"

static const char *const known[] = {
    "boolean", "callable", "defined",   "divisibleby", "eq",          "equalto",  "even",
    "false",   "filter",   "float",     "ge",          "greaterthan", "gt",       "in",
    "integer", "iterable", "le",        "lessthan",    "lower",       "lt",       "mapping",
    "ne",      "none",     "number",    "odd",         "sameas",      "sequence", "string",
    "test",    "true",     "undefined", "upper",       "==",          "!="};

bool jinja_has_test(JinjaText name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (jinja_is(name, known[i])) return true;
    return false;
}

static bool one_of(JinjaText name, const char *a, const char *b) {
    return jinja_is(name, a) || jinja_is(name, b);
}

static Status ordered(JinjaRender *r, JinjaValue a, JinjaValue b, bool less, bool same, bool *out) {
    int order;
    if (!jinja_order(a, b, &order))
        return jinja_fail(r, "%s and %s have no order", jinja_kind_name(a.kind),
                          jinja_kind_name(b.kind));
    *out = order == 0 ? same : (order < 0) == less;
    return ST_OK;
}

static Status divides(JinjaRender *r, JinjaValue v, int64_t by, bool *out) {
    if (v.kind != JINJA_INT || by == 0)
        return jinja_fail(r, "odd, even and divisibleby need integers");
    *out = by == -1 || v.integer % by == 0;
    return ST_OK;
}

static bool in_case(JinjaText t, bool upper) {
    bool letter = false;
    for (size_t i = 0; i < t.size; i++) {
        bool up = t.data[i] >= 'A' && t.data[i] <= 'Z', low = t.data[i] >= 'a' && t.data[i] <= 'z';
        if (upper ? low : up) return false;
        letter = letter || up || low;
    }
    return letter;
}

static bool of_kind(JinjaText name, JinjaValue v, bool *out) {
    JinjaKind k = v.kind;
    bool list = k == JINJA_LIST || k == JINJA_TUPLE;
    if (jinja_is(name, "defined"))
        *out = k != JINJA_UNDEFINED;
    else if (jinja_is(name, "undefined"))
        *out = k == JINJA_UNDEFINED;
    else if (jinja_is(name, "none"))
        *out = k == JINJA_NONE;
    else if (jinja_is(name, "boolean"))
        *out = k == JINJA_BOOL;
    else if (jinja_is(name, "true"))
        *out = k == JINJA_BOOL && v.boolean;
    else if (jinja_is(name, "false"))
        *out = k == JINJA_BOOL && !v.boolean;
    else if (jinja_is(name, "integer"))
        *out = k == JINJA_INT;
    else if (jinja_is(name, "float"))
        *out = k == JINJA_FLOAT;
    else if (jinja_is(name, "number"))
        *out = k == JINJA_INT || k == JINJA_FLOAT || k == JINJA_BOOL;
    else if (jinja_is(name, "string"))
        *out = k == JINJA_STRING;
    else if (jinja_is(name, "mapping"))
        *out = k == JINJA_DICT;
    else if (jinja_is(name, "sequence"))
        *out = list || k == JINJA_STRING || k == JINJA_DICT;
    else if (jinja_is(name, "iterable"))
        *out = list || k == JINJA_STRING || k == JINJA_DICT || k == JINJA_UNDEFINED;
    else if (jinja_is(name, "callable"))
        *out = k >= JINJA_LOOP;
    else if (jinja_is(name, "upper"))
        *out = k == JINJA_STRING && in_case(v.text, true);
    else if (jinja_is(name, "lower"))
        *out = k == JINJA_STRING && in_case(v.text, false);
    else if (jinja_is(name, "filter"))
        *out = k == JINJA_STRING && jinja_has_filter(v.text);
    else if (jinja_is(name, "test"))
        *out = k == JINJA_STRING && jinja_has_test(v.text);
    else
        return false;
    return true;
}

Status jinja_test(JinjaRender *r, JinjaText name, JinjaValue v, const JinjaArgs *args, bool *out) {
    JinjaValue other = jinja_arg(args, 0, NULL, jinja_none());
    TRY(jinja_spend(r, JINJA_STEP));
    if (!jinja_has_test(name)) return jinja_fail(r, "no test '%.*s'", (int)name.size, name.data);
    if (of_kind(name, v, out)) return ST_OK;
    if (jinja_is(name, "odd") || jinja_is(name, "even")) {
        TRY(divides(r, v, 2, out));
        *out = *out == jinja_is(name, "even");
        return ST_OK;
    }
    if (args->n < 1)
        return jinja_fail(r, "the test '%.*s' needs a value", (int)name.size, name.data);
    if (jinja_is(name, "divisibleby"))
        return divides(r, v, other.kind == JINJA_INT ? other.integer : 0, out);
    if (jinja_is(name, "in")) return jinja_contains(r, other, v, out);
    if (one_of(name, "lt", "lessthan")) return ordered(r, v, other, true, false, out);
    if (one_of(name, "gt", "greaterthan")) return ordered(r, v, other, false, false, out);
    if (jinja_is(name, "le")) return ordered(r, v, other, true, true, out);
    if (jinja_is(name, "ge")) return ordered(r, v, other, false, true, out);
    *out = jinja_same(v, other) != one_of(name, "ne", "!=");
    if (jinja_is(name, "sameas")) *out = *out && v.kind == other.kind;
    return ST_OK;
}
