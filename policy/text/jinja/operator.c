// policy/text/jinja/operator.c -- what + - * / // % ** ~ and the comparisons do.
#include <math.h>
#include <string.h>

#include "policy/text/jinja/render.h"

static Status integers(JinjaRender *r, char op, bool twice, int64_t a, int64_t b, JinjaValue *out) {
    int64_t v = 0;
    bool over = false;
    if (op == '+')
        over = __builtin_add_overflow(a, b, &v);
    else if (op == '-')
        over = __builtin_sub_overflow(a, b, &v);
    else if (op == '*' && !twice)
        over = __builtin_mul_overflow(a, b, &v);
    else if (op == '*') {
        if (b < 0) {
            *out = jinja_float(pow((double)a, (double)b));
            return ST_OK;
        }
        for (v = 1; b > 0 && !over && v != 0 && !(v == 1 && a == 1); b--) {
            over = __builtin_mul_overflow(v, a, &v);
            TRY(jinja_spend(r, 1));
        }
    } else if (b == 0) {
        return jinja_fail(r, "division by zero");
    } else if (op == '/' && !twice) {
        *out = jinja_float((double)a / (double)b);
        return ST_OK;
    } else {
        over = b == -1 && a == INT64_MIN;
        if (!over) {
            int64_t rest = b == -1 ? 0 : a % b;
            bool down = rest != 0 && (rest < 0) != (b < 0);
            v = op == '%' ? rest + (down ? b : 0) : a / b - down;
        }
    }
    if (over) return jinja_fail(r, "an integer beyond 64 bits");
    *out = jinja_int(v);
    return ST_OK;
}

static Status reals(JinjaRender *r, char op, bool twice, double a, double b, JinjaValue *out) {
    double v;
    if (op == '+')
        v = a + b;
    else if (op == '-')
        v = a - b;
    else if (op == '*')
        v = twice ? pow(a, b) : a * b;
    else if (b == 0)
        return jinja_fail(r, "division by zero");
    else if (op == '/')
        v = twice ? floor(a / b) : a / b;
    else
        v = a - b * floor(a / b);
    *out = jinja_float(v);
    return ST_OK;
}

static Status repeat(JinjaRender *r, JinjaValue v, int64_t times, JinjaValue *out) {
    if (times < 0) times = 0;
    size_t size = v.kind == JINJA_STRING ? v.text.size : (size_t)v.list->n;
    if (size && (uint64_t)times > (uint64_t)JINJA_WORK / size) return jinja_spend(r, SIZE_MAX);
    TRY(jinja_spend(r, size * (size_t)times));
    if (v.kind == JINJA_STRING) {
        Str text = {0};
        for (; times > 0; times--) str_add(&text, v.text.data, v.text.size);
        *out = jinja_copy(&text, r->arena);
        str_free(&text);
        return ST_OK;
    }
    *out = jinja_list(v.kind, r->arena);
    for (; times > 0; times--)
        for (int i = 0; i < v.list->n; i++) jinja_push(out->list, v.list->item[i], r->arena);
    return ST_OK;
}

static bool is_sequence(JinjaValue v) {
    return v.kind == JINJA_STRING || v.kind == JINJA_LIST || v.kind == JINJA_TUPLE;
}

Status jinja_binary(JinjaRender *r, JinjaText op, JinjaValue a, JinjaValue b, JinjaValue *out) {
    double x, y;
    if (op.data[0] == '~') {
        Str text = {0};
        jinja_str(a, &text);
        jinja_str(b, &text);
        return jinja_made(r, &text, out);
    }
    if (jinja_number(a, &x) && jinja_number(b, &y)) {
        bool whole = a.kind != JINJA_FLOAT && b.kind != JINJA_FLOAT;
        return whole ? integers(r, op.data[0], op.size == 2,
                                (int64_t)(a.kind == JINJA_BOOL ? a.boolean : a.integer),
                                (int64_t)(b.kind == JINJA_BOOL ? b.boolean : b.integer), out)
                     : reals(r, op.data[0], op.size == 2, x, y, out);
    }
    if (op.data[0] == '+' && a.kind == b.kind && a.kind == JINJA_STRING) {
        Str text = {0};
        str_add(&text, a.text.data, a.text.size);
        str_add(&text, b.text.data, b.text.size);
        return jinja_made(r, &text, out);
    }
    if (op.data[0] == '+' && a.kind == b.kind && is_sequence(a)) {
        TRY(jinja_spend(r, (size_t)a.list->n + (size_t)b.list->n));
        *out = jinja_list(a.kind, r->arena);
        for (int i = 0; i < a.list->n; i++) jinja_push(out->list, a.list->item[i], r->arena);
        for (int i = 0; i < b.list->n; i++) jinja_push(out->list, b.list->item[i], r->arena);
        return ST_OK;
    }
    if (jinja_is(op, "*") && is_sequence(a) && b.kind == JINJA_INT)
        return repeat(r, a, b.integer, out);
    if (jinja_is(op, "*") && is_sequence(b) && a.kind == JINJA_INT)
        return repeat(r, b, a.integer, out);
    JinjaValue missing = a.kind == JINJA_UNDEFINED ? a : b;
    if (missing.kind == JINJA_UNDEFINED)
        return jinja_fail(r, "'%.*s' is undefined", (int)missing.text.size, missing.text.data);
    return jinja_fail(r, "'%.*s' does not work on %s and %s", (int)op.size, op.data,
                      jinja_kind_name(a.kind), jinja_kind_name(b.kind));
}

Status jinja_compare(JinjaRender *r, JinjaText op, JinjaValue a, JinjaValue b, bool *out) {
    int order = 0;
    bool negated = jinja_is(op, "not in");
    if (negated || jinja_is(op, "in")) {
        TRY(jinja_contains(r, b, a, out));
        *out = *out != negated;
    } else if (jinja_is(op, "==") || jinja_is(op, "!=")) {
        TRY(jinja_spend(r,
                        a.kind == JINJA_STRING && b.kind == JINJA_STRING ? a.text.size / 16 : 4));
        *out = jinja_same(a, b) == (op.data[0] == '=');
    } else {
        if (!jinja_order(a, b, &order))
            return jinja_fail(r, "'%.*s' does not work on %s and %s", (int)op.size, op.data,
                              jinja_kind_name(a.kind), jinja_kind_name(b.kind));
        *out = (order == 0 && op.size == 2) || order == (op.data[0] == '<' ? -1 : 1);
    }
    return ST_OK;
}
