// policy/text/jinja/jinja_value.c -- making, comparing and writing values as Python does.
#include "policy/text/jinja/jinja_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

JinjaValue jinja_undefined(const char *name, size_t size) {
    return (JinjaValue){.kind = JINJA_UNDEFINED, .text = {name, size}};
}
JinjaValue jinja_none(void) {
    return (JinjaValue){.kind = JINJA_NONE};
}
JinjaValue jinja_bool(bool value) {
    return (JinjaValue){.kind = JINJA_BOOL, .boolean = value};
}
JinjaValue jinja_int(int64_t value) {
    return (JinjaValue){.kind = JINJA_INT, .integer = value};
}
JinjaValue jinja_float(double value) {
    return (JinjaValue){.kind = JINJA_FLOAT, .real = value};
}
JinjaValue jinja_string(const char *data, size_t size) {
    return (JinjaValue){.kind = JINJA_STRING, .text = {data, size}};
}
JinjaValue jinja_text(const char *text) {
    return jinja_string(text, strlen(text));
}

JinjaValue jinja_copy(const Str *text, Arena *arena) {
    char *data = ARENA_ARRAY(arena, char, text->size + 1);
    memcpy(data, str_text(text), text->size);
    return jinja_string(data, text->size);
}

JinjaValue jinja_list(JinjaKind kind, Arena *arena) {
    return (JinjaValue){.kind = kind, .list = ARENA_ARRAY(arena, JinjaList, 1)};
}

void jinja_push(JinjaList *list, JinjaValue value, Arena *arena) {
    if (list->n == list->cap) {
        list->cap = list->cap ? 2 * list->cap : 4;
        JinjaValue *grown = ARENA_ARRAY(arena, JinjaValue, list->cap);
        if (list->n) memcpy(grown, list->item, (size_t)list->n * sizeof *grown);
        list->item = grown;
    }
    list->item[list->n++] = value;
    if (jinja_depth(value) + 1 > list->depth) list->depth = jinja_depth(value) + 1;
}

JinjaValue jinja_dict(JinjaKind kind, Arena *arena) {
    return (JinjaValue){.kind = kind, .dict = ARENA_ARRAY(arena, JinjaDict, 1)};
}

const JinjaValue *jinja_get(const JinjaDict *dict, JinjaValue key) {
    for (int i = 0; i < dict->n; i++)
        if (jinja_same(dict->entry[i].key, key)) return &dict->entry[i].value;
    return NULL;
}

void jinja_put(JinjaDict *dict, JinjaValue key, JinjaValue value, Arena *arena) {
    JinjaValue *there = (JinjaValue *)jinja_get(dict, key);
    if (jinja_depth(value) + 1 > dict->depth) dict->depth = jinja_depth(value) + 1;
    if (jinja_depth(key) + 1 > dict->depth) dict->depth = jinja_depth(key) + 1;
    if (there) {
        *there = value;
        return;
    }
    if (dict->n == dict->cap) {
        dict->cap = dict->cap ? 2 * dict->cap : 4;
        JinjaEntry *grown = ARENA_ARRAY(arena, JinjaEntry, dict->cap);
        if (dict->n) memcpy(grown, dict->entry, (size_t)dict->n * sizeof *grown);
        dict->entry = grown;
    }
    dict->entry[dict->n++] = (JinjaEntry){key, value};
}

int jinja_depth(JinjaValue v) {
    if (v.kind == JINJA_LIST || v.kind == JINJA_TUPLE) return v.list->depth;
    return v.kind == JINJA_DICT ? v.dict->depth : 0;
}

static JinjaValue number_of(const Json *node) {
    const char *raw = json_raw(node);
    if (raw && strcspn(raw, ".eE") == strlen(raw) && strlen(raw) < 19)
        return jinja_int(strtoll(raw, NULL, 10));
    return jinja_float(json_num(node, 0));
}

JinjaValue jinja_from_json(const Json *node, Arena *arena) {
    if (!node) return jinja_none();
    switch (json_kind(node)) {
    case JSON_NULL: return jinja_none();
    case JSON_BOOL: return jinja_bool(json_bool(node, false));
    case JSON_NUMBER: return number_of(node);
    case JSON_STRING: return jinja_string(json_text(node, ""), json_text_size(node));
    case JSON_ARRAY: break;
    case JSON_OBJECT: {
        JinjaValue dict = jinja_dict(JINJA_DICT, arena);
        for (const Json *n = json_first(node); n; n = json_next(n))
            jinja_put(dict.dict, jinja_text(json_key(n)), jinja_from_json(n, arena), arena);
        return dict;
    }
    }
    JinjaValue list = jinja_list(JINJA_LIST, arena);
    for (const Json *n = json_first(node); n; n = json_next(n))
        jinja_push(list.list, jinja_from_json(n, arena), arena);
    return list;
}

const char *jinja_kind_name(JinjaKind kind) {
    switch (kind) {
    case JINJA_UNDEFINED: return "an undefined value";
    case JINJA_NONE: return "none";
    case JINJA_BOOL: return "a boolean";
    case JINJA_INT: return "an integer";
    case JINJA_FLOAT: return "a float";
    case JINJA_STRING: return "a string";
    case JINJA_LIST: return "a list";
    case JINJA_TUPLE: return "a tuple";
    case JINJA_DICT: return "a mapping";
    case JINJA_NAMESPACE: return "a namespace";
    case JINJA_LOOP: return "the loop variable";
    case JINJA_MACRO: return "a macro";
    case JINJA_FUNCTION: return "a function";
    case JINJA_METHOD: return "a method";
    }
    return "a value";
}

bool jinja_truth(JinjaValue v) {
    switch (v.kind) {
    case JINJA_UNDEFINED:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return v.boolean;
    case JINJA_INT: return v.integer != 0;
    case JINJA_FLOAT: return v.real != 0;
    case JINJA_STRING: return v.text.size > 0;
    case JINJA_LIST:
    case JINJA_TUPLE: return v.list->n > 0;
    case JINJA_DICT: return v.dict->n > 0;
    default: return true;
    }
}

bool jinja_number(JinjaValue v, double *out) {
    if (v.kind == JINJA_BOOL)
        *out = v.boolean;
    else if (v.kind == JINJA_INT)
        *out = (double)v.integer;
    else if (v.kind == JINJA_FLOAT)
        *out = v.real;
    else
        return false;
    return true;
}

bool jinja_is(JinjaText text, const char *word) {
    return strlen(word) == text.size && memcmp(word, text.data, text.size) == 0;
}

static int compare_text(JinjaText a, JinjaText b) {
    size_t n = a.size < b.size ? a.size : b.size;
    int c = n ? memcmp(a.data, b.data, n) : 0; // UTF-8 keeps the order of code points
    if (c == 0) c = a.size < b.size ? -1 : a.size > b.size;
    return c < 0 ? -1 : c > 0;
}

static bool same_list(const JinjaList *a, const JinjaList *b) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (!jinja_same(a->item[i], b->item[i])) return false;
    return true;
}

static bool same_dict(const JinjaDict *a, const JinjaDict *b) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++) {
        const JinjaValue *other = jinja_get(b, a->entry[i].key);
        if (!other || !jinja_same(a->entry[i].value, *other)) return false;
    }
    return true;
}

bool jinja_same(JinjaValue a, JinjaValue b) {
    double x, y;
    if (jinja_number(a, &x) && jinja_number(b, &y)) {
        if (a.kind == JINJA_INT && b.kind == JINJA_INT) return a.integer == b.integer;
        return x == y;
    }
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case JINJA_UNDEFINED:
    case JINJA_NONE: return true;
    case JINJA_STRING: return compare_text(a.text, b.text) == 0;
    case JINJA_LIST:
    case JINJA_TUPLE: return same_list(a.list, b.list);
    case JINJA_DICT: return same_dict(a.dict, b.dict);
    case JINJA_NAMESPACE: return a.dict == b.dict;
    case JINJA_FUNCTION: return a.integer == b.integer;
    case JINJA_LOOP: return a.loop == b.loop;
    case JINJA_MACRO: return a.macro == b.macro;
    default: return false;
    }
}

bool jinja_order(JinjaValue a, JinjaValue b, int *out) {
    double x, y;
    if (a.kind == JINJA_INT && b.kind == JINJA_INT)
        *out = a.integer < b.integer ? -1 : a.integer > b.integer;
    else if (jinja_number(a, &x) && jinja_number(b, &y))
        *out = x < y ? -1 : x > y;
    else if (a.kind == JINJA_STRING && b.kind == JINJA_STRING)
        *out = compare_text(a.text, b.text);
    else if (a.kind == b.kind && (a.kind == JINJA_LIST || a.kind == JINJA_TUPLE)) {
        for (int i = 0; i < a.list->n && i < b.list->n; i++)
            if (!jinja_same(a.list->item[i], b.list->item[i]))
                return jinja_order(a.list->item[i], b.list->item[i], out);
        *out = a.list->n < b.list->n ? -1 : a.list->n > b.list->n;
    } else {
        return false;
    }
    return true;
}

// ---- code points -----------------------------------------------------------------------------
static bool is_start(char c) {
    return ((unsigned char)c & 0xC0) != 0x80;
}

int64_t jinja_length(JinjaText text) {
    int64_t n = 0;
    for (size_t i = 0; i < text.size; i++) n += is_start(text.data[i]);
    return n;
}

size_t jinja_byte_of(JinjaText text, int64_t i) {
    size_t at = 0;
    while (at < text.size && (i > 0 || !is_start(text.data[at]))) {
        i--;
        at++;
        while (at < text.size && !is_start(text.data[at])) at++;
    }
    return at;
}

// ---- as text ---------------------------------------------------------------------------------
static void put_real(double v, Str *out) {
    char text[64];
    if (isnan(v) || isinf(v)) {
        str_puts(out, isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*e", digits - 1, v);
        if (strtod(text, NULL) == v) break;
    }
    int exponent = atoi(strchr(text, 'e') + 1);
    int digits = (int)(strchr(text, 'e') - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
    if (exponent < -4 || exponent >= 16) { // 1e+16, 1.5e-07
        *strchr(text, 'e') = 0;
        str_printf(out, "%se%c%02d", text, exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        int places = digits - 1 - exponent;
        snprintf(text, sizeof text, "%.*f", places > 0 ? places : 1, v);
        str_puts(out, text);
    }
}

// repr of a Python string: single quotes unless there are only single ones inside.
static void put_quoted(JinjaText t, Str *out) {
    bool single = memchr(t.data, '\'', t.size) != NULL, twice = memchr(t.data, '"', t.size) != NULL;
    char quote = t.size && single && !twice ? '"' : '\'';
    str_putc(out, quote);
    for (size_t i = 0; i < t.size; i++) {
        unsigned char c = (unsigned char)t.data[i];
        if (c == (unsigned char)quote || c == '\\')
            str_printf(out, "\\%c", c);
        else if (c == '\n')
            str_puts(out, "\\n");
        else if (c == '\r')
            str_puts(out, "\\r");
        else if (c == '\t')
            str_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7F)
            str_printf(out, "\\x%02x", c);
        else
            str_putc(out, (char)c);
    }
    str_putc(out, quote);
}

static void put_items(JinjaValue v, Str *out) {
    bool tuple = v.kind == JINJA_TUPLE;
    str_putc(out, tuple ? '(' : '[');
    for (int i = 0; i < v.list->n; i++) {
        if (i) str_puts(out, ", ");
        jinja_repr(v.list->item[i], out);
    }
    if (tuple && v.list->n == 1) str_putc(out, ',');
    str_putc(out, tuple ? ')' : ']');
}

void jinja_repr(JinjaValue v, Str *out) {
    switch (v.kind) {
    case JINJA_UNDEFINED: str_puts(out, "Undefined"); break;
    case JINJA_NONE: str_puts(out, "None"); break;
    case JINJA_BOOL: str_puts(out, v.boolean ? "True" : "False"); break;
    case JINJA_INT: str_printf(out, "%lld", (long long)v.integer); break;
    case JINJA_FLOAT: put_real(v.real, out); break;
    case JINJA_STRING: put_quoted(v.text, out); break;
    case JINJA_LIST:
    case JINJA_TUPLE: put_items(v, out); break;
    case JINJA_DICT:
        str_putc(out, '{');
        for (int i = 0; i < v.dict->n; i++) {
            if (i) str_puts(out, ", ");
            jinja_repr(v.dict->entry[i].key, out);
            str_puts(out, ": ");
            jinja_repr(v.dict->entry[i].value, out);
        }
        str_putc(out, '}');
        break;
    default: str_printf(out, "<%s>", jinja_kind_name(v.kind)); break;
    }
}

void jinja_str(JinjaValue v, Str *out) {
    if (v.kind == JINJA_STRING)
        str_add(out, v.text.data, v.text.size);
    else if (v.kind != JINJA_UNDEFINED)
        jinja_repr(v, out);
}

// ---- JSON ------------------------------------------------------------------------------------
static uint32_t code_point(const char *s, size_t size, size_t *used) {
    unsigned char c = (unsigned char)s[0];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    uint32_t value = n == 1 ? c : c & (0x7Fu >> n);
    if (n > size) n = size;
    for (size_t i = 1; i < n; i++) value = value << 6 | ((unsigned char)s[i] & 0x3Fu);
    *used = n;
    return value;
}

static void dump_text(JinjaText t, bool ascii, Str *out) {
    str_putc(out, '"');
    for (size_t i = 0; i < t.size;) {
        unsigned char c = (unsigned char)t.data[i];
        size_t used = 1;
        if (c == '"' || c == '\\')
            str_printf(out, "\\%c", c);
        else if (c == '\n')
            str_puts(out, "\\n");
        else if (c == '\r')
            str_puts(out, "\\r");
        else if (c == '\t')
            str_puts(out, "\\t");
        else if (c == '\b')
            str_puts(out, "\\b");
        else if (c == '\f')
            str_puts(out, "\\f");
        else if (c < 0x20)
            str_printf(out, "\\u%04x", c);
        else if (c < 0x80 || !ascii)
            str_putc(out, (char)c);
        else {
            uint32_t code = code_point(t.data + i, t.size - i, &used);
            if (code >= 0x10000) {
                code -= 0x10000;
                str_printf(out, "\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
            } else {
                str_printf(out, "\\u%04x", code);
            }
        }
        i += used;
    }
    str_putc(out, '"');
}

static void new_line(const JinjaDumps *how, int depth, Str *out) {
    if (how->indent < 0) return;
    str_putc(out, '\n');
    for (int i = 0; i < how->indent * depth; i++) str_putc(out, ' ');
}

static int by_key(const void *a, const void *b) {
    int c = 0;
    jinja_order(((const JinjaEntry *)a)->key, ((const JinjaEntry *)b)->key, &c);
    return c;
}

static bool dump(JinjaValue v, const JinjaDumps *how, int depth, Str *out);

static bool dump_dict(const JinjaDict *d, const JinjaDumps *how, int depth, Str *out) {
    JinjaEntry *entry = d->entry;
    if (how->sorted && d->n) {
        entry = (JinjaEntry *)malloc((size_t)d->n * sizeof *entry);
        CHECK(entry != NULL);
        memcpy(entry, d->entry, (size_t)d->n * sizeof *entry);
        qsort(entry, (size_t)d->n, sizeof *entry, by_key);
    }
    bool good = true;
    str_putc(out, '{');
    for (int i = 0; i < d->n && good; i++) {
        if (i) str_puts(out, how->comma);
        new_line(how, depth + 1, out);
        Str key = {0};
        JinjaValue k = entry[i].key;
        if (k.kind == JINJA_STRING)
            str_add(&key, k.text.data, k.text.size);
        else
            good = k.kind != JINJA_TUPLE && dump(k, how, depth, &key);
        if (good) dump_text((JinjaText){str_text(&key), key.size}, how->ascii, out);
        str_free(&key);
        str_puts(out, how->colon);
        good = good && dump(entry[i].value, how, depth + 1, out);
    }
    if (entry != d->entry) free(entry);
    if (d->n) new_line(how, depth, out);
    str_putc(out, '}');
    return good;
}

static bool dump(JinjaValue v, const JinjaDumps *how, int depth, Str *out) {
    switch (v.kind) {
    case JINJA_NONE: str_puts(out, "null"); return true;
    case JINJA_BOOL: str_puts(out, v.boolean ? "true" : "false"); return true;
    case JINJA_INT: str_printf(out, "%lld", (long long)v.integer); return true;
    case JINJA_FLOAT:
        if (isnan(v.real))
            str_puts(out, "NaN");
        else if (isinf(v.real))
            str_puts(out, v.real < 0 ? "-Infinity" : "Infinity");
        else
            put_real(v.real, out);
        return true;
    case JINJA_STRING: dump_text(v.text, how->ascii, out); return true;
    case JINJA_LIST:
    case JINJA_TUPLE:
        str_putc(out, '[');
        for (int i = 0; i < v.list->n; i++) {
            if (i) str_puts(out, how->comma);
            new_line(how, depth + 1, out);
            if (!dump(v.list->item[i], how, depth + 1, out)) return false;
        }
        if (v.list->n) new_line(how, depth, out);
        str_putc(out, ']');
        return true;
    case JINJA_DICT: return dump_dict(v.dict, how, depth, out);
    default: return false;
    }
}

bool jinja_dumps(JinjaValue v, const JinjaDumps *how, Str *out) {
    return dump(v, how, 0, out);
}
