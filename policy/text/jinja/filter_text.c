// policy/text/jinja/filter_text.c -- filters of texts and numbers.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text/jinja/render.h"

static JinjaValue none(void) {
    return jinja_none();
}

Status jinja_as_text(JinjaRender *r, JinjaValue v, JinjaText *out) {
    JinjaValue made = v;
    if (v.kind != JINJA_STRING) {
        Str text = {0};
        jinja_str(v, &text);
        TRY(jinja_made(r, &text, &made));
    }
    *out = made.text;
    return ST_OK;
}

static JinjaValue of_text(JinjaText t) {
    return jinja_string(t.data, t.size);
}

static int64_t whole(JinjaValue v, int64_t fallback) {
    return v.kind == JINJA_INT ? v.integer : v.kind == JINJA_BOOL ? v.boolean : fallback;
}

// ---- texts -----------------------------------------------------------------------------------
static Status f_trim(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText t;
    JinjaValue chars = jinja_arg(args, 0, "chars", none());
    TRY(jinja_as_text(r, v, &t));
    *out = of_text(jinja_trim(t, chars.kind == JINJA_STRING ? &chars.text : NULL, true, true));
    return ST_OK;
}

#define LETTERS(name, how)                                                                         \
    static Status name(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {     \
        JinjaText t;                                                                               \
        (void)args;                                                                                \
        TRY(jinja_as_text(r, v, &t));                                                              \
        return jinja_letters(r, t, how, out);                                                      \
    }
LETTERS(f_upper, JINJA_UPPER)
LETTERS(f_lower, JINJA_LOWER)
LETTERS(f_title, JINJA_TITLE_WORDS)
LETTERS(f_capitalize, JINJA_CAPITALIZE)

static Status f_replace(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText t, old, with;
    TRY(jinja_as_text(r, v, &t));
    TRY(jinja_as_text(r, jinja_arg(args, 0, "old", none()), &old));
    TRY(jinja_as_text(r, jinja_arg(args, 1, "new", none()), &with));
    return jinja_replace(r, t, old, with, whole(jinja_arg(args, 2, "count", none()), -1), out);
}

static Status f_string(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText t;
    (void)args;
    TRY(jinja_as_text(r, v, &t));
    *out = of_text(t);
    return ST_OK;
}

static Status f_indent(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaValue width = jinja_arg(args, 0, "width", jinja_int(4));
    bool first = jinja_truth(jinja_arg(args, 1, "first", jinja_bool(false)));
    bool blank = jinja_truth(jinja_arg(args, 2, "blank", jinja_bool(false)));
    Str text = {0}, in = {0};
    JinjaText t;
    TRY(jinja_as_text(r, v, &t));
    if (width.kind == JINJA_STRING)
        str_add(&in, width.text.data, width.text.size);
    else
        for (int64_t i = whole(width, 4); i > 0 && in.size < 1000; i--) str_putc(&in, ' ');
    if (first) str_add(&text, str_text(&in), in.size);
    Status st = ST_OK;
    for (size_t i = 0; i < t.size && st == ST_OK; i++) {
        str_putc(&text, t.data[i]);
        if (t.data[i] != '\n') continue;
        if (blank || (i + 1 < t.size && t.data[i + 1] != '\n'))
            str_add(&text, str_text(&in), in.size);
        st = jinja_spend(r, in.size);
    }
    str_free(&in);
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

static Status f_escape(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText t;
    Str text = {0};
    (void)args;
    TRY(jinja_as_text(r, v, &t));
    for (size_t i = 0; i < t.size; i++) switch (t.data[i]) {
        case '&': str_puts(&text, "&amp;"); break;
        case '<': str_puts(&text, "&lt;"); break;
        case '>': str_puts(&text, "&gt;"); break;
        case '\'': str_puts(&text, "&#39;"); break;
        case '"': str_puts(&text, "&#34;"); break;
        default: str_putc(&text, t.data[i]); break;
        }
    return jinja_made(r, &text, out);
}

static Status f_wordcount(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText t;
    JinjaValue words = {0};
    (void)args;
    TRY(jinja_as_text(r, v, &t));
    TRY(jinja_method(r, of_text(t), (JinjaText){"split", 5}, &(JinjaArgs){0}, &words));
    *out = jinja_int(words.list->n);
    return ST_OK;
}

static Status f_tojson(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaValue ascii = jinja_arg(args, 0, "ensure_ascii", jinja_bool(false));
    JinjaValue indent = jinja_arg(args, 1, "indent", none());
    JinjaValue marks = jinja_arg(args, 2, "separators", none());
    JinjaValue sorted = jinja_arg(args, 3, "sort_keys", jinja_bool(false));
    char comma[32] = ", ", colon[32] = ": ";
    if (indent.kind == JINJA_INT) strcpy(comma, ",");
    if ((marks.kind == JINJA_TUPLE || marks.kind == JINJA_LIST) && marks.list->n == 2)
        for (int i = 0; i < 2; i++) {
            JinjaValue mark = marks.list->item[i];
            if (mark.kind != JINJA_STRING || mark.text.size >= sizeof comma)
                return jinja_fail(r, "tojson: separators must be short strings");
            memcpy(i ? colon : comma, mark.text.data, mark.text.size);
            (i ? colon : comma)[mark.text.size] = 0;
        }
    JinjaDumps how = {.indent = indent.kind == JINJA_INT ? (int)(indent.integer & 31) : -1,
                      .comma = comma,
                      .colon = colon,
                      .ascii = jinja_truth(ascii),
                      .sorted = jinja_truth(sorted)};
    Str text = {0};
    if (jinja_dumps(v, &how, &text)) return jinja_made(r, &text, out);
    str_free(&text);
    return jinja_fail(r, "tojson: %s holds what JSON cannot have", jinja_kind_name(v.kind));
}

// ---- numbers ---------------------------------------------------------------------------------
static Status f_int(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaValue fallback = jinja_arg(args, 0, "default", jinja_int(0));
    double x;
    (void)r;
    if (v.kind == JINJA_STRING) {
        char text[32] = "", *end;
        JinjaText t = jinja_trim(v.text, NULL, true, true);
        if (t.size == 0 || t.size >= sizeof text) {
            *out = fallback;
            return ST_OK;
        }
        memcpy(text, t.data, t.size);
        int64_t i = strtoll(text, &end, 10);
        x = *end ? strtod(text, &end) : (double)i;
        *out = *end ? fallback : jinja_int(x == (double)i ? i : (int64_t)x);
        return ST_OK;
    }
    *out = fallback;
    if (v.kind == JINJA_INT)
        *out = v;
    else if (jinja_number(v, &x) && fabs(x) < 9e18)
        *out = jinja_int((int64_t)x);
    return ST_OK;
}

static Status f_float(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    double x = 0;
    (void)r;
    *out = jinja_arg(args, 0, "default", jinja_float(0));
    if (v.kind == JINJA_STRING && v.text.size < 64) {
        char text[64] = "", *end;
        JinjaText t = jinja_trim(v.text, NULL, true, true);
        memcpy(text, t.data, t.size);
        x = strtod(text, &end);
        if (end != text && !*end) *out = jinja_float(x);
    } else if (jinja_number(v, &x)) {
        *out = jinja_float(x);
    }
    return ST_OK;
}

static Status f_abs(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    double x;
    (void)args;
    if (!jinja_number(v, &x)) return jinja_fail(r, "abs of %s", jinja_kind_name(v.kind));
    *out =
        v.kind == JINJA_FLOAT ? jinja_float(fabs(x)) : jinja_int(x < 0 ? -(int64_t)x : (int64_t)x);
    return ST_OK;
}

static Status f_round(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    double x, scale = pow(10, (double)whole(jinja_arg(args, 0, "precision", jinja_int(0)), 0));
    JinjaValue method = jinja_arg(args, 1, "method", jinja_text("common"));
    if (!jinja_number(v, &x)) return jinja_fail(r, "round of %s", jinja_kind_name(v.kind));
    if (method.kind == JINJA_STRING && jinja_is(method.text, "ceil"))
        x = ceil(x * scale) / scale;
    else if (method.kind == JINJA_STRING && jinja_is(method.text, "floor"))
        x = floor(x * scale) / scale;
    else
        x = nearbyint(x * scale) / scale;
    *out = jinja_float(x);
    return ST_OK;
}

static const struct {
    const char *name;
    JinjaFilter *fn;
} known[] = {{"abs", f_abs},         {"capitalize", f_capitalize},
             {"e", f_escape},        {"escape", f_escape},
             {"float", f_float},     {"indent", f_indent},
             {"int", f_int},         {"lower", f_lower},
             {"replace", f_replace}, {"round", f_round},
             {"string", f_string},   {"title", f_title},
             {"tojson", f_tojson},   {"trim", f_trim},
             {"upper", f_upper},     {"wordcount", f_wordcount}};

JinjaFilter *jinja_text_filter(JinjaText name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (jinja_is(name, known[i].name)) return known[i].fn;
    return NULL;
}
