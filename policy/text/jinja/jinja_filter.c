// policy/text/jinja/jinja_filter.c -- `value | filter(arguments)`, filters of sequences, and the
// call of any filter.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/text/jinja/render.h"

static JinjaValue none(void) {
    return jinja_none();
}

static int64_t whole(JinjaValue v, int64_t fallback) {
    return v.kind == JINJA_INT ? v.integer : v.kind == JINJA_BOOL ? v.boolean : fallback;
}

// ---- sequences -------------------------------------------------------------------------------
// value.a.b or value.0 by a path; `path` may be an integer.
static Status reach(JinjaRender *r, JinjaValue v, JinjaValue path, JinjaValue *out) {
    *out = v;
    if (path.kind != JINJA_STRING) return jinja_item(r, v, path, out);
    for (size_t at = 0; at <= path.text.size;) {
        const char *dot =
            at < path.text.size ? memchr(path.text.data + at, '.', path.text.size - at) : NULL;
        size_t n = (dot ? (size_t)(dot - path.text.data) : path.text.size) - at;
        JinjaValue key = jinja_string(path.text.data + at, n);
        bool digits = n > 0;
        for (size_t i = 0; i < n; i++)
            digits = digits && key.text.data[i] >= '0' && key.text.data[i] <= '9';
        if (digits && n < 18) key = jinja_int(strtoll(key.text.data, NULL, 10));
        TRY(jinja_item(r, *out, key, out));
        at += n + 1;
    }
    return ST_OK;
}

static Status f_length(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaList *items;
    (void)args;
    if (v.kind == JINJA_STRING) {
        *out = jinja_int(jinja_length(v.text));
        return jinja_spend(r, v.text.size / 16);
    }
    if (v.kind == JINJA_LOOP || v.kind == JINJA_NONE)
        return jinja_fail(r, "%s has no length", jinja_kind_name(v.kind));
    TRY(jinja_items(r, v, &items));
    *out = jinja_int(items->n);
    return ST_OK;
}

static Status f_join(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText between = {"", 0};
    JinjaValue d = jinja_arg(args, 0, "d", none()), path = jinja_arg(args, 1, "attribute", none());
    JinjaList *items;
    Str text = {0};
    Status st = ST_OK;
    if (d.kind != JINJA_NONE) TRY(jinja_as_text(r, d, &between));
    TRY(jinja_items(r, v, &items));
    for (int i = 0; i < items->n && st == ST_OK; i++) {
        JinjaValue one = items->item[i];
        if (path.kind != JINJA_NONE) st = reach(r, one, path, &one);
        if (i) str_add(&text, between.data, between.size);
        if (st == ST_OK) jinja_str(one, &text);
        if (st == ST_OK) st = jinja_spend(r, between.size + JINJA_STEP);
    }
    if (st == ST_OK) return jinja_made(r, &text, out);
    str_free(&text);
    return st;
}

static Status end_of(JinjaRender *r, JinjaValue v, bool last, JinjaValue *out) {
    JinjaList *items;
    TRY(jinja_items(r, v, &items));
    *out = items->n ? items->item[last ? items->n - 1 : 0] : jinja_undefined("first", 5);
    return ST_OK;
}
static Status f_first(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    (void)args;
    return end_of(r, v, false, out);
}
static Status f_last(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    (void)args;
    return end_of(r, v, true, out);
}

static Status f_list(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaList *items;
    (void)args;
    TRY(jinja_items(r, v, &items));
    *out = (JinjaValue){.kind = JINJA_LIST, .list = items};
    return ST_OK;
}

static Status f_reverse(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaList *items;
    JinjaValue turned = jinja_list(JINJA_LIST, r->arena);
    TRY(jinja_items(r, v, &items));
    for (int i = items->n - 1; i >= 0; i--) jinja_push(turned.list, items->item[i], r->arena);
    *out = turned;
    return v.kind == JINJA_STRING ? f_join(r, turned, &(JinjaArgs){0}, out) : ((void)args, ST_OK);
}

static Status f_items(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    if (v.kind == JINJA_UNDEFINED) {
        *out = jinja_list(JINJA_LIST, r->arena);
        return ST_OK;
    }
    if (v.kind != JINJA_DICT) return jinja_fail(r, "items of %s", jinja_kind_name(v.kind));
    return jinja_method(r, v, (JinjaText){"items", 5}, args, out);
}

static Status f_map(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaValue path = jinja_arg(&(JinjaArgs){.keyword = args->keyword,
                                             .keyword_value = args->keyword_value,
                                             .n_keywords = args->n_keywords},
                                0, "attribute", none());
    JinjaValue fallback = jinja_arg(args, 1, "default", none()),
               list = jinja_list(JINJA_LIST, r->arena);
    JinjaList *items;
    TRY(jinja_items(r, v, &items));
    if (path.kind == JINJA_NONE && (args->n == 0 || args->value[0].kind != JINJA_STRING))
        return jinja_fail(r, "map needs attribute=... or the name of a filter");
    for (int i = 0; i < items->n; i++) {
        JinjaValue one = {0};
        JinjaArgs rest = {.value = args->value + 1,
                          .n = args->n - 1,
                          .keyword = args->keyword,
                          .keyword_value = args->keyword_value,
                          .n_keywords = args->n_keywords};
        TRY(jinja_spend(r, JINJA_STEP));
        if (path.kind == JINJA_NONE)
            TRY(jinja_filter(r, args->value[0].text, items->item[i], &rest, &one));
        else
            TRY(reach(r, items->item[i], path, &one));
        if (one.kind == JINJA_UNDEFINED && path.kind != JINJA_NONE && fallback.kind != JINJA_NONE)
            one = fallback;
        jinja_push(list.list, one, r->arena);
    }
    *out = list;
    return ST_OK;
}

// select, reject; with `by` selectattr, rejectattr.
static Status choose(JinjaRender *r, JinjaValue v, const JinjaArgs *args, bool wanted, bool by,
                     JinjaValue *out) {
    JinjaValue list = jinja_list(JINJA_LIST, r->arena);
    JinjaList *items;
    TRY(jinja_items(r, v, &items));
    if (by && args->n == 0) return jinja_fail(r, "selectattr needs an attribute");
    for (int i = 0; i < items->n; i++) {
        JinjaValue one = items->item[i];
        TRY(jinja_spend(r, JINJA_STEP));
        if (by) TRY(reach(r, one, args->value[0], &one));
        bool yes = jinja_truth(one);
        if (args->n > by) {
            if (args->value[by].kind != JINJA_STRING)
                return jinja_fail(r, "the name of a test must be a string");
            JinjaArgs rest = {.value = args->value + by + 1, .n = args->n - by - 1};
            TRY(jinja_test(r, args->value[by].text, one, &rest, &yes));
        }
        if (yes == wanted) jinja_push(list.list, items->item[i], r->arena);
    }
    *out = list;
    return ST_OK;
}
static Status f_select(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return choose(r, v, args, true, false, out);
}
static Status f_reject(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return choose(r, v, args, false, false, out);
}
static Status f_selectattr(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return choose(r, v, args, true, true, out);
}
static Status f_rejectattr(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return choose(r, v, args, false, true, out);
}

// Items with what they are ordered by, texts in small letters unless case counts.
static Status keyed(JinjaRender *r, const JinjaList *items, JinjaValue path, bool cased,
                    JinjaEntry **out) {
    JinjaEntry *e = ARENA_ARRAY(r->arena, JinjaEntry, items->n + 1);
    for (int i = 0; i < items->n; i++) {
        e[i].key = e[i].value = items->item[i];
        TRY(jinja_spend(r, JINJA_STEP));
        if (path.kind != JINJA_NONE) TRY(reach(r, e[i].value, path, &e[i].key));
        if (!cased && e[i].key.kind == JINJA_STRING)
            TRY(jinja_letters(r, e[i].key.text, JINJA_LOWER, &e[i].key));
    }
    *out = e;
    return ST_OK;
}

static Status insert_sorted(JinjaRender *r, JinjaEntry *e, int n, bool down) {
    for (int i = 1; i < n;
         i++) // stable, and short lists are all there is; the budget ends long ones
        for (int k = i; k > 0; k--) {
            int order;
            TRY(jinja_spend(r, 1));
            if (!jinja_order(e[k - 1].key, e[k].key, &order))
                return jinja_fail(r, "%s and %s have no order", jinja_kind_name(e[k - 1].key.kind),
                                  jinja_kind_name(e[k].key.kind));
            if (down ? order >= 0 : order <= 0) break;
            JinjaEntry held = e[k];
            e[k] = e[k - 1], e[k - 1] = held;
        }
    return ST_OK;
}

static JinjaValue listed(JinjaRender *r, const JinjaEntry *e, int n) {
    JinjaValue list = jinja_list(JINJA_LIST, r->arena);
    for (int i = 0; i < n; i++) jinja_push(list.list, e[i].value, r->arena);
    return list;
}

static Status f_sort(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    bool down = jinja_truth(jinja_arg(args, 0, "reverse", jinja_bool(false)));
    bool cased = jinja_truth(jinja_arg(args, 1, "case_sensitive", jinja_bool(false)));
    JinjaList *items;
    JinjaEntry *e;
    TRY(jinja_items(r, v, &items));
    TRY(keyed(r, items, jinja_arg(args, 2, "attribute", none()), cased, &e));
    TRY(insert_sorted(r, e, items->n, down));
    *out = listed(r, e, items->n);
    return ST_OK;
}

static Status f_unique(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    bool cased = jinja_truth(jinja_arg(args, 0, "case_sensitive", jinja_bool(false)));
    JinjaList *items;
    JinjaEntry *e;
    int n = 0;
    TRY(jinja_items(r, v, &items));
    TRY(keyed(r, items, jinja_arg(args, 1, "attribute", none()), cased, &e));
    for (int i = 0; i < items->n; i++) {
        bool seen = false;
        TRY(jinja_spend(r, (size_t)n));
        for (int k = 0; k < n; k++) seen = seen || jinja_same(e[k].key, e[i].key);
        if (!seen) e[n++] = e[i];
    }
    *out = listed(r, e, n);
    return ST_OK;
}

static Status extreme(JinjaRender *r, JinjaValue v, const JinjaArgs *args, bool largest,
                      JinjaValue *out) {
    JinjaList *items;
    JinjaEntry *e;
    int best = 0, order;
    TRY(jinja_items(r, v, &items));
    TRY(keyed(r, items, jinja_arg(args, 1, "attribute", none()), false, &e));
    for (int i = 1; i < items->n; i++) {
        if (!jinja_order(e[i].key, e[best].key, &order))
            return jinja_fail(r, "min and max need values with an order");
        if (largest ? order > 0 : order < 0) best = i;
    }
    *out = items->n ? e[best].value : jinja_undefined("min", 3);
    return ST_OK;
}
static Status f_min(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return extreme(r, v, args, false, out);
}
static Status f_max(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    return extreme(r, v, args, true, out);
}

static Status f_sum(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaValue path = jinja_arg(args, 0, "attribute", none()),
               start = jinja_arg(args, 1, "start", jinja_int(0));
    JinjaList *items;
    double sum = 0, x;
    bool whole_ = start.kind == JINJA_INT;
    if (!jinja_number(start, &sum)) return jinja_fail(r, "sum: the start must be a number");
    TRY(jinja_items(r, v, &items));
    for (int i = 0; i < items->n; i++) {
        JinjaValue one = items->item[i];
        if (path.kind != JINJA_NONE) TRY(reach(r, one, path, &one));
        if (!jinja_number(one, &x)) return jinja_fail(r, "sum of %s", jinja_kind_name(one.kind));
        whole_ = whole_ && one.kind != JINJA_FLOAT;
        sum += x;
    }
    *out = whole_ && fabs(sum) < 9e15 ? jinja_int((int64_t)sum) : jinja_float(sum);
    return ST_OK;
}

static Status f_dictsort(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    bool cased = jinja_truth(jinja_arg(args, 0, "case_sensitive", jinja_bool(false)));
    JinjaValue by = jinja_arg(args, 1, "by", jinja_text("key")), items = {0};
    bool down = jinja_truth(jinja_arg(args, 2, "reverse", jinja_bool(false)));
    JinjaEntry *e = NULL;
    TRY(f_items(r, v, &(JinjaArgs){0}, &items));
    bool value = by.kind == JINJA_STRING && jinja_is(by.text, "value");
    TRY(keyed(r, items.list, jinja_int(value), cased, &e));
    TRY(insert_sorted(r, e, items.list->n, down));
    *out = listed(r, e, items.list->n);
    return ST_OK;
}

static Status f_batch(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    int64_t size = whole(jinja_arg(args, 0, "linecount", none()), 0);
    JinjaList *items;
    TRY(jinja_items(r, v, &items));
    if (size < 1) return jinja_fail(r, "batch needs a size of 1 or more");
    *out = jinja_list(JINJA_LIST, r->arena);
    JinjaValue part = jinja_none();
    for (int i = 0; i < items->n; i++) {
        if (i % size == 0) {
            part = jinja_list(JINJA_LIST, r->arena);
            part.list->depth = 1;
            jinja_push(out->list, part, r->arena);
        }
        jinja_push(part.list, items->item[i], r->arena);
        if (jinja_depth(part) + 1 > out->list->depth) out->list->depth = jinja_depth(part) + 1;
    }
    return jinja_depth(*out) > JINJA_DEPTH ? jinja_fail(r, "batch: nested too deep") : ST_OK;
}

static Status f_default(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    bool empty = jinja_truth(jinja_arg(args, 1, "boolean", jinja_bool(false)));
    (void)r;
    *out = v;
    if (v.kind == JINJA_UNDEFINED || (empty && !jinja_truth(v)))
        *out = jinja_arg(args, 0, "default_value", jinja_text(""));
    return ST_OK;
}

static Status f_attr(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    JinjaText name;
    TRY(jinja_as_text(r, jinja_arg(args, 0, "name", none()), &name));
    return jinja_attribute(r, v, name, out);
}

static Status f_same(JinjaRender *r, JinjaValue v, const JinjaArgs *args, JinjaValue *out) {
    (void)r, (void)args;
    *out = v;
    return ST_OK;
}

static const struct {
    const char *name;
    JinjaFilter *fn;
} known[] = {{"attr", f_attr},
             {"batch", f_batch},
             {"count", f_length},
             {"d", f_default},
             {"default", f_default},
             {"dictsort", f_dictsort},
             {"first", f_first},
             {"items", f_items},
             {"join", f_join},
             {"last", f_last},
             {"length", f_length},
             {"list", f_list},
             {"map", f_map},
             {"max", f_max},
             {"min", f_min},
             {"reject", f_reject},
             {"rejectattr", f_rejectattr},
             {"reverse", f_reverse},
             {"safe", f_same},
             {"select", f_select},
             {"selectattr", f_selectattr},
             {"sort", f_sort},
             {"sum", f_sum},
             {"unique", f_unique}};

static JinjaFilter *found(JinjaText name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (jinja_is(name, known[i].name)) return known[i].fn;
    return jinja_text_filter(name);
}

bool jinja_has_filter(JinjaText name) {
    return found(name) != NULL;
}

Status jinja_filter(JinjaRender *r, JinjaText name, JinjaValue v, const JinjaArgs *args,
                    JinjaValue *out) {
    JinjaFilter *fn = found(name);
    TRY(jinja_spend(r, JINJA_STEP));
    if (!fn) return jinja_fail(r, "no filter '%.*s'", (int)name.size, name.data);
    return fn(r, v, args, out);
}
