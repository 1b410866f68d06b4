// policy/text/jinja/eval.c -- expressions of templates get their values.
#include "policy/text/jinja/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

Status jinja_fail(const JinjaRender *r, const char *fmt, ...) {
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return FAIL(ST_FORMAT, "%s: line %d: %s", r->name, r->line, text);
}

Status jinja_spend(JinjaRender *r, size_t work) {
    if (work > (size_t)r->work)
        return jinja_fail(r, "the template takes more than %d M steps",
                          JINJA_WORK / JINJA_STEP / 1000000);
    r->work -= (int64_t)work;
    return ST_OK;
}

Status jinja_made(JinjaRender *r, Str *text, JinjaValue *out) {
    Status st = jinja_spend(r, text->size);
    if (st == ST_OK) *out = jinja_copy(text, r->arena);
    str_free(text);
    return st;
}

JinjaValue jinja_arg(const JinjaArgs *args, int i, const char *name, JinjaValue fallback) {
    if (i < args->n) return args->value[i];
    for (int k = 0; name && k < args->n_keywords; k++)
        if (jinja_is(args->keyword[k]->text, name)) return args->keyword_value[k];
    return fallback;
}

// ---- access ----------------------------------------------------------------------------------
Status jinja_items(JinjaRender *r, JinjaValue v, JinjaList **out) {
    switch (v.kind) {
    case JINJA_LIST:
    case JINJA_TUPLE: *out = v.list; return ST_OK;
    case JINJA_UNDEFINED: *out = jinja_list(JINJA_LIST, r->arena).list; return ST_OK;
    case JINJA_DICT: {
        JinjaList *keys = jinja_list(JINJA_LIST, r->arena).list;
        TRY(jinja_spend(r, (size_t)v.dict->n));
        for (int i = 0; i < v.dict->n; i++) jinja_push(keys, v.dict->entry[i].key, r->arena);
        *out = keys;
        return ST_OK;
    }
    case JINJA_STRING: {
        JinjaList *chars = jinja_list(JINJA_LIST, r->arena).list;
        TRY(jinja_spend(r, v.text.size * 8));
        for (size_t at = 0; at < v.text.size;) {
            size_t n = jinja_byte_of((JinjaText){v.text.data + at, v.text.size - at}, 1);
            jinja_push(chars, jinja_string(v.text.data + at, n), r->arena);
            at += n;
        }
        *out = chars;
        return ST_OK;
    }
    default: return jinja_fail(r, "%s cannot be walked over", jinja_kind_name(v.kind));
    }
}

static bool loop_attribute(JinjaRender *r, const JinjaLoop *l, JinjaText name, JinjaValue *out) {
    const int i = l->index, n = l->items->n;
    if (jinja_is(name, "index"))
        *out = jinja_int(i + 1);
    else if (jinja_is(name, "index0"))
        *out = jinja_int(i);
    else if (jinja_is(name, "revindex"))
        *out = jinja_int(n - i);
    else if (jinja_is(name, "revindex0"))
        *out = jinja_int(n - i - 1);
    else if (jinja_is(name, "first"))
        *out = jinja_bool(i == 0);
    else if (jinja_is(name, "last"))
        *out = jinja_bool(i == n - 1);
    else if (jinja_is(name, "length"))
        *out = jinja_int(n);
    else if (jinja_is(name, "depth"))
        *out = jinja_int(l->depth + 1);
    else if (jinja_is(name, "depth0"))
        *out = jinja_int(l->depth);
    else if (jinja_is(name, "previtem"))
        *out = i > 0 ? l->items->item[i - 1] : jinja_undefined("previtem", 8);
    else if (jinja_is(name, "nextitem"))
        *out = i + 1 < n ? l->items->item[i + 1] : jinja_undefined("nextitem", 8);
    else
        return false;
    (void)r;
    return true;
}

static JinjaValue bind(JinjaRender *r, JinjaValue self, JinjaText name) {
    JinjaMethod *m = ARENA_ARRAY(r->arena, JinjaMethod, 1);
    *m = (JinjaMethod){self, name};
    return (JinjaValue){.kind = JINJA_METHOD, .method = m};
}

Status jinja_attribute(JinjaRender *r, JinjaValue of, JinjaText name, JinjaValue *out) {
    *out = jinja_undefined(name.data, name.size);
    if (of.kind == JINJA_UNDEFINED)
        return jinja_fail(r, "'%.*s' is undefined, so it has no '%.*s'", (int)of.text.size,
                          of.text.data, (int)name.size, name.data);
    if (of.kind == JINJA_LOOP && loop_attribute(r, of.loop, name, out)) return ST_OK;
    if (jinja_has_method(of, name)) {
        *out = bind(r, of, name);
    } else if (of.kind == JINJA_DICT || of.kind == JINJA_NAMESPACE) {
        const JinjaValue *there = jinja_get(of.dict, jinja_string(name.data, name.size));
        if (there) *out = *there;
    } else if (of.kind == JINJA_MACRO && jinja_is(name, "name")) {
        *out = jinja_string(of.macro->node->text.data, of.macro->node->text.size);
    }
    return ST_OK;
}

Status jinja_item(JinjaRender *r, JinjaValue of, JinjaValue key, JinjaValue *out) {
    *out = jinja_undefined("item", 4);
    TRY(jinja_spend(r, 1));
    if (of.kind == JINJA_UNDEFINED)
        return jinja_fail(r, "'%.*s' is undefined, so it has no items", (int)of.text.size,
                          of.text.data);
    bool number = key.kind == JINJA_INT || key.kind == JINJA_BOOL;
    int64_t i = key.kind == JINJA_BOOL ? key.boolean : key.integer;
    if (of.kind == JINJA_DICT || of.kind == JINJA_NAMESPACE) {
        const JinjaValue *there = jinja_get(of.dict, key);
        if (there)
            *out = *there;
        else if (key.kind == JINJA_STRING)
            TRY(jinja_attribute(r, of, key.text, out));
    } else if (number && (of.kind == JINJA_LIST || of.kind == JINJA_TUPLE)) {
        if (i < 0) i += of.list->n;
        if (i >= 0 && i < of.list->n) *out = of.list->item[i];
    } else if (number && of.kind == JINJA_STRING) {
        TRY(jinja_spend(r, of.text.size / 16));
        int64_t n = jinja_length(of.text);
        if (i < 0) i += n;
        if (i >= 0 && i < n) {
            size_t from = jinja_byte_of(of.text, i), to = jinja_byte_of(of.text, i + 1);
            *out = jinja_string(of.text.data + from, to - from);
        }
    } else if (key.kind == JINJA_STRING) {
        TRY(jinja_attribute(r, of, key.text, out));
    }
    return ST_OK;
}

static Status bound(JinjaRender *r, const JinjaNode *n, JinjaScope *s, int64_t fallback,
                    int64_t *out) {
    JinjaValue v = {0};
    *out = fallback;
    if (!n) return ST_OK;
    TRY(jinja_eval(r, n, s, &v));
    if (v.kind == JINJA_NONE) return ST_OK;
    if (v.kind != JINJA_INT && v.kind != JINJA_BOOL) return jinja_fail(r, "a slice needs integers");
    *out = v.kind == JINJA_BOOL ? v.boolean : v.integer;
    return ST_OK;
}

static int64_t clamp(int64_t i, int64_t n, int64_t low, int64_t high) {
    if (i < 0) i += n;
    return i < low ? low : i > high ? high : i;
}

static Status slice(JinjaRender *r, JinjaValue of, const JinjaNode *range, JinjaScope *s,
                    JinjaValue *out) {
    int64_t step;
    TRY(bound(r, range->c, s, 1, &step));
    if (step == 0) return jinja_fail(r, "a slice's step is 0");
    if (of.kind != JINJA_LIST && of.kind != JINJA_TUPLE && of.kind != JINJA_STRING) {
        *out = jinja_undefined("slice", 5);
        if (of.kind == JINJA_UNDEFINED)
            return jinja_fail(r, "'%.*s' is undefined, so it has no slice", (int)of.text.size,
                              of.text.data);
        return ST_OK;
    }
    bool text = of.kind == JINJA_STRING;
    TRY(jinja_spend(r, text ? of.text.size : (size_t)of.list->n));
    int64_t n = text ? jinja_length(of.text) : of.list->n, from, to;
    const int64_t none = INT64_MIN;
    TRY(bound(r, range->a, s, none, &from));
    TRY(bound(r, range->b, s, none, &to));
    from = from == none ? (step > 0 ? 0 : n - 1)
                        : clamp(from, n, step > 0 ? 0 : -1, step > 0 ? n : n - 1);
    to = to == none ? (step > 0 ? n : -1) : clamp(to, n, step > 0 ? 0 : -1, step > 0 ? n : n - 1);
    if (text && step == 1) {
        size_t begin = jinja_byte_of(of.text, from),
               end = from < to ? jinja_byte_of(of.text, to) : begin;
        *out = jinja_string(of.text.data + begin, end - begin);
        return ST_OK;
    }
    JinjaList nothing = {0}, *items = &nothing;
    TRY(jinja_items(r, of, &items));
    Str joined = {0};
    JinjaValue list = jinja_list(text ? JINJA_LIST : of.kind, r->arena);
    for (int64_t i = from; step > 0 ? i < to : i > to; i += step) {
        if (text)
            str_add(&joined, items->item[i].text.data, items->item[i].text.size);
        else
            jinja_push(list.list, items->item[i], r->arena);
        if (step > n || step < -n) break;
    }
    if (text) return jinja_made(r, &joined, out);
    *out = list;
    return ST_OK;
}

Status jinja_contains(JinjaRender *r, JinjaValue in, JinjaValue what, bool *out) {
    *out = false;
    switch (in.kind) {
    case JINJA_STRING:
        if (what.kind != JINJA_STRING)
            return jinja_fail(r, "'in' a string needs a string, not %s",
                              jinja_kind_name(what.kind));
        TRY(jinja_spend(r, in.text.size / 16));
        *out = what.text.size == 0 ||
               (in.text.size &&
                memmem(in.text.data, in.text.size, what.text.data, what.text.size) != NULL);
        return ST_OK;
    case JINJA_LIST:
    case JINJA_TUPLE:
        TRY(jinja_spend(r, (size_t)in.list->n));
        for (int i = 0; i < in.list->n; i++) *out = *out || jinja_same(in.list->item[i], what);
        return ST_OK;
    case JINJA_DICT: *out = jinja_get(in.dict, what) != NULL; return ST_OK;
    case JINJA_UNDEFINED: return ST_OK;
    default: return jinja_fail(r, "'in' does not work on %s", jinja_kind_name(in.kind));
    }
}

// ---- expressions -----------------------------------------------------------------------------
static Status args_of(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaArgs *out) {
    *out = (JinjaArgs){.value = ARENA_ARRAY(r->arena, JinjaValue, n->n + 1),
                       .keyword = ARENA_ARRAY(r->arena, const JinjaNode *, n->n + 1),
                       .keyword_value = ARENA_ARRAY(r->arena, JinjaValue, n->n + 1)};
    for (int i = 0; i < n->n; i++) {
        const JinjaNode *one = n->list[i];
        if (one->kind == JINJA_N_KEYWORD) {
            out->keyword[out->n_keywords] = one;
            TRY(jinja_eval(r, one->a, s, &out->keyword_value[out->n_keywords++]));
        } else {
            TRY(jinja_eval(r, one, s, &out->value[out->n++]));
        }
    }
    return ST_OK;
}

JinjaValue jinja_lookup(const JinjaScope *scope, JinjaText name) {
    for (const JinjaScope *s = scope; s; s = s->parent) {
        const JinjaValue *there = jinja_get(s->vars, jinja_string(name.data, name.size));
        if (there) return *there;
    }
    JinjaValue function = {0};
    if (jinja_function(name, &function)) return function;
    return jinja_undefined(name.data, name.size);
}

static Status collect(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue v = {0};
    if (n->kind != JINJA_N_DICT) {
        *out = jinja_list(n->kind == JINJA_N_LIST ? JINJA_LIST : JINJA_TUPLE, r->arena);
        for (int i = 0; i < n->n; i++) {
            TRY(jinja_eval(r, n->list[i], s, &v));
            jinja_push(out->list, v, r->arena);
        }
    } else {
        *out = jinja_dict(JINJA_DICT, r->arena);
        for (int i = 0; i + 1 < n->n; i += 2) {
            JinjaValue key = {0};
            TRY(jinja_eval(r, n->list[i], s, &key));
            if (key.kind == JINJA_LIST || key.kind == JINJA_DICT || key.kind == JINJA_UNDEFINED)
                return jinja_fail(r, "%s cannot be a key", jinja_kind_name(key.kind));
            TRY(jinja_eval(r, n->list[i + 1], s, &v));
            jinja_put(out->dict, key, v, r->arena);
        }
    }
    if (jinja_depth(*out) > JINJA_DEPTH)
        return jinja_fail(r, "a value holds values deeper than %d", JINJA_DEPTH);
    return ST_OK;
}

static Status call(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue f = {0};
    JinjaArgs args;
    TRY(jinja_eval(r, n->a, s, &f));
    TRY(args_of(r, n, s, &args));
    r->line = n->line;
    return jinja_call(r, f, &args, out);
}

static Status comparison(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue left = {0}, right = {0};
    bool yes = true;
    TRY(jinja_eval(r, n->a, s, &left));
    for (int i = 0; i < n->n && yes; i++) {
        TRY(jinja_eval(r, n->list[i]->b, s, &right));
        r->line = n->line;
        TRY(jinja_compare(r, n->list[i]->text, left, right, &yes));
        left = right;
    }
    *out = jinja_bool(yes);
    return ST_OK;
}

static Status sign(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue v = {0};
    double x;
    TRY(jinja_eval(r, n->a, s, &v));
    if (!jinja_number(v, &x)) return jinja_fail(r, "a sign before %s", jinja_kind_name(v.kind));
    if (v.kind == JINJA_FLOAT)
        *out = jinja_float(n->kind == JINJA_N_NEGATE ? -x : x);
    else
        *out = jinja_int((n->kind == JINJA_N_NEGATE ? -1 : 1) * (int64_t)x);
    return ST_OK;
}

static Status filtered(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue v = {0};
    JinjaArgs args;
    TRY(jinja_eval(r, n->a, s, &v));
    TRY(args_of(r, n, s, &args));
    r->line = n->line;
    return jinja_filter(r, n->text, v, &args, out);
}

static Status eval_node(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    JinjaValue a = {0}, b = {0};
    bool yes;
    switch (n->kind) {
    case JINJA_N_CONST: *out = n->value; return ST_OK;
    case JINJA_N_NAME: *out = jinja_lookup(s, n->text); return ST_OK;
    case JINJA_N_LIST:
    case JINJA_N_TUPLE:
    case JINJA_N_DICT: return collect(r, n, s, out);
    case JINJA_N_NOT:
        TRY(jinja_eval(r, n->a, s, &a));
        *out = jinja_bool(!jinja_truth(a));
        return ST_OK;
    case JINJA_N_NEGATE:
    case JINJA_N_PLUS: return sign(r, n, s, out);
    case JINJA_N_AND:
    case JINJA_N_OR:
        TRY(jinja_eval(r, n->a, s, out));
        if (jinja_truth(*out) == (n->kind == JINJA_N_OR)) return ST_OK;
        return jinja_eval(r, n->b, s, out);
    case JINJA_N_BINARY:
        TRY(jinja_eval(r, n->a, s, &a));
        TRY(jinja_eval(r, n->b, s, &b));
        r->line = n->line;
        return jinja_binary(r, n->text, a, b, out);
    case JINJA_N_COMPARE: return comparison(r, n, s, out);
    case JINJA_N_IF_ELSE:
        TRY(jinja_eval(r, n->b, s, &b));
        *out = jinja_undefined("else", 4);
        if (jinja_truth(b)) return jinja_eval(r, n->a, s, out);
        return n->c ? jinja_eval(r, n->c, s, out) : ST_OK;
    case JINJA_N_ATTRIBUTE:
        TRY(jinja_eval(r, n->a, s, &a));
        r->line = n->line;
        return jinja_attribute(r, a, n->text, out);
    case JINJA_N_ITEM:
        TRY(jinja_eval(r, n->a, s, &a));
        r->line = n->line;
        if (n->b->kind == JINJA_N_SLICE) return slice(r, a, n->b, s, out);
        TRY(jinja_eval(r, n->b, s, &b));
        return jinja_item(r, a, b, out);
    case JINJA_N_CALL: return call(r, n, s, out);
    case JINJA_N_FILTER: return filtered(r, n, s, out);
    case JINJA_N_TEST: {
        JinjaArgs args;
        TRY(jinja_eval(r, n->a, s, &a));
        TRY(args_of(r, n, s, &args));
        r->line = n->line;
        TRY(jinja_test(r, n->text, a, &args, &yes));
        *out = jinja_bool(yes);
        return ST_OK;
    }
    default: return jinja_fail(r, "not an expression");
    }
}

Status jinja_eval(JinjaRender *r, const JinjaNode *n, JinjaScope *s, JinjaValue *out) {
    TRY(jinja_spend(r, JINJA_STEP));
    if (r->depth >= MAX_DEPTH) return jinja_fail(r, "evaluation nested deeper than %d", MAX_DEPTH);
    r->line = n->line;
    r->depth++;
    Status st = eval_node(r, n, s, out);
    r->depth--;
    return st;
}
